// Policies that cannot be refreshed: how many, since when, and when that is said.
#include "proxy/sts/refresh_troubles.hpp"

#include <catch2/catch.hpp>

#include "proxy/runtime/metrics.hpp"
#include "proxy/sts/refresher.hpp"
#include "tests/support/run_awaitable.hpp"
#include "tests/unit/proxy/sts/service_world.hpp"

namespace {

using namespace std::chrono_literals;
using policy::sts::Mode;
using proxy::RefreshTroubles;
using proxy::metrics::FetchCause;

const RefreshTroubles::Time now{std::chrono::seconds(1'800'000'000)};

}  // namespace

TEST_CASE("a refresh that fails is told at once and then daily and also after the clock was set back", "[STS-55]") {
  RefreshTroubles troubles;
  const auto expires = now + 30 * 24h;
  CHECK(troubles.failed("a.test", now, now, expires));
  CHECK_FALSE(troubles.failed("a.test", now + 23h, now, expires));
  CHECK(troubles.failed("b.test", now + 23h, now + 23h, expires));
  CHECK(troubles.failed("a.test", now + 24h, now, expires));
  CHECK(troubles.failed("a.test", now - 1h, now, expires));
  CHECK(troubles.count() == 2);
  CHECK(troubles.longest(now + 25h) == 25h);
  troubles.healed("a.test");
  CHECK(troubles.longest(now + 25h) == 2h);
  troubles.healed("b.test");
  CHECK(troubles.count() == 0);
  CHECK(troubles.longest(now) == 0s);
}

TEST_CASE("a trouble of before the start is counted and told when it comes again", "[STS-55]") {
  RefreshTroubles troubles;
  troubles.known("a.test", now - 3h, now + 24h);
  CHECK(troubles.longest(now) == 3h);
  CHECK(troubles.failed("a.test", now, now - 1h, now + 24h));
  CHECK(troubles.longest(now) == 3h);
  troubles.forget_expired(now + 24h);
  CHECK(troubles.count() == 0);
}

TEST_CASE("troubles are bounded and those above the bound are told each time", "[STS-55]") {
  RefreshTroubles troubles(1);
  CHECK(troubles.failed("a.test", now, now, now + 24h));
  CHECK(troubles.failed("b.test", now, now, now + 24h));
  CHECK(troubles.failed("b.test", now, now, now + 24h));
  CHECK_FALSE(troubles.failed("a.test", now, now, now + 24h));
  CHECK(troubles.count() == 1);
}

TEST_CASE("the gauges of failing refreshes follow the policies", "[STS-55][OPS-06]") {
  test::ServiceWorld world;
  proxy::Refresher refresher{world.io.get_executor(), world.service, world.store, world.options.refresh_every,
                             world.clock.clock()};
  auto& of = proxy::metrics::all.sts;
  const auto round = [&] {
    const auto finish = [](proxy::Refresher& all) -> proxy::awaitable<bool> {
      co_await all.round();
      co_return true;
    };
    test::run_awaitable(world.io, finish(refresher));
    world.settle();
    world.service.measure();
  };
  const auto failed = [&] { return of.fetches[FetchCause::refresh][proxy::metrics::Fetch::status].value(); };
  const auto failed_before = failed();
  world.resolver.publish("1");
  world.fetcher.serve(Mode::enforce, 30 * 86400);
  test::run_awaitable(world.io, world.service.ask("example.com"));
  world.settle();
  world.service.measure();
  CHECK(of.refresh_failing.value() == 0);
  CHECK(of.cache_entries[proxy::metrics::Known::policy].value() == 1);
  CHECK(of.cache_octets.value() > 0);
  world.fetcher.fail("status 500");
  world.clock.advance(23h);
  round();
  CHECK(of.refresh_failing.value() == 1);
  CHECK(of.refresh_failing_seconds.value() == 0);
  CHECK(failed() == failed_before + 1);
  world.clock.advance(6min);
  round();
  CHECK(of.refresh_failing.value() == 1);
  CHECK(of.refresh_failing_seconds.value() == 360);
  world.fetcher.serve(Mode::enforce, 30 * 86400);
  world.clock.advance(11min);
  round();
  CHECK(of.refresh_failing.value() == 0);
  CHECK(of.refresh_failing_seconds.value() == 0);
  // Of mode none nobody hears.
  world.fetcher.serve(Mode::none, 30 * 86400);
  world.clock.advance(23h);
  round();
  world.fetcher.fail("status 500");
  world.clock.advance(23h);
  round();
  CHECK(of.refresh_failing.value() == 0);
}
