// Policies are kept fresh unasked, failures are told and forget nothing, and a wave has a bounded height.
#include "proxy/sts/refresher.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <set>

#include "tests/support/captured_log.hpp"
#include "tests/support/run_awaitable.hpp"
#include "tests/unit/proxy/sts/service_world.hpp"

namespace {

using namespace std::chrono_literals;
using policy::sts::Mode;
using State = policy::StsFacts::State;
using test::CapturedLog;

struct World : test::ServiceWorld {
  proxy::Refresher refresher{io.get_executor(), service, store, options.refresh_every, clock.clock()};

  proxy::StsFactsPtr ask(const std::string& domain = "example.com") {
    auto facts = test::run_awaitable(io, service.ask(domain));
    settle();
    return facts;
  }
  void round() {
    test::run_awaitable(io, finish(refresher.round()));
    settle();
  }
  void tidy() {
    test::run_awaitable(io, finish(refresher.tidy()));
    settle();
  }
  policy::sts::CacheEntry& row(const std::string& domain = "example.com") { return store.rows.at(domain); }
  policy::sts::Time now() { return clock.clock().wall(); }

  static proxy::awaitable<bool> finish(proxy::awaitable<void> work) {
    co_await std::move(work);
    co_return true;
  }
};

}  // namespace

TEST_CASE("a policy in use is refreshed under an unchanged id and the refresh moves its expiry", "[STS-26][STS-23]") {
  World world;
  world.resolver.publish("1");
  world.fetcher.serve(Mode::enforce, 7 * 86400);
  world.ask();
  const auto first = world.row().fetched;
  world.clock.advance(19h);
  world.round();
  CHECK(world.fetcher.fetched == 1);  // 0.8 of 24 h at the earliest
  world.clock.advance(4h);
  world.round();
  CHECK(world.fetcher.fetched == 2);
  CHECK(world.row().fetched == first + 23h);
  CHECK(world.row().id == "1");
  CHECK(world.ask()->expires == first + 23h + 7 * 24h);
}

TEST_CASE("a short-lived policy is refreshed at half of its life", "[STS-26]") {
  World world;
  world.resolver.publish("1");
  world.fetcher.serve(Mode::enforce, 3600);
  world.ask();
  world.clock.advance(29min);
  world.round();
  CHECK(world.fetcher.fetched == 2);
}

TEST_CASE("a refresh asks the policy host whatever the record says and takes another id where it has one",
          "[STS-26][STS-28]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.resolver.set(dns::Status::nxdomain);
  world.clock.advance(23h);
  world.round();
  CHECK(world.fetcher.fetched == 2);
  CHECK(world.row().id == "1");
  world.resolver.set(dns::Status::servfail);
  world.clock.advance(23h);
  world.round();
  CHECK(world.fetcher.fetched == 3);
  CHECK(world.row().id == "1");
  world.resolver.publish("2");
  world.fetcher.serve(Mode::none);
  world.clock.advance(23h);
  world.round();
  CHECK(world.row().id == "2");
  CHECK(world.ask()->policy.mode == Mode::none);
}

TEST_CASE("a refresh that fails keeps policy and expiry and backs off and is told once a day",
          "[STS-26][STS-55][STS-23]") {
  World world;
  const CapturedLog log;
  world.resolver.publish("1");
  world.fetcher.serve(Mode::enforce, 30 * 86400);
  world.ask();
  const auto expires = world.ask()->expires;
  world.fetcher.fail("status 500");
  world.clock.advance(23h);
  world.round();
  CHECK(world.row().upkeep.failures == 1);
  CHECK(world.row().upkeep.last_error.find("status 500") != std::string::npos);
  CHECK(world.row().upkeep.refresh_at == world.now() + 5min);
  CHECK(log.count("policy_refresh_failing") == 1);
  CHECK(log.find("policy_refresh_failing").find("example.com") != std::string::npos);
  world.clock.advance(6min);
  world.round();
  CHECK(world.row().upkeep.failures == 2);
  CHECK(world.row().upkeep.refresh_at == world.now() + 10min);
  CHECK(log.count("policy_refresh_failing") == 1);
  CHECK(log.count("policy_fetch_failed") == 0);
  for (int i = 0; i < 8; ++i) {
    world.clock.advance(6h);
    world.round();
  }
  CHECK(log.count("policy_refresh_failing") == 3);
  CHECK(world.ask()->expires == expires);
  world.fetcher.serve(Mode::enforce);
  world.clock.advance(6h);
  world.round();
  CHECK(world.row().upkeep.failures == 0);
  CHECK(world.row().upkeep.last_error.empty());
}

TEST_CASE("a failing refresh of mode none is silent", "[STS-55]") {
  World world;
  const CapturedLog log;
  world.resolver.publish("1");
  world.fetcher.serve(Mode::none);
  world.ask();
  world.fetcher.fail("gone");
  world.clock.advance(13h);
  world.round();
  CHECK(world.fetcher.fetched == 2);
  CHECK(log.count("policy_refresh_failing") == 0);
}

TEST_CASE("a domain that nobody has written to for thirty days is left out and applies and use takes it up again",
          "[STS-26][C-2]") {
  World world;
  world.resolver.publish("1");
  world.fetcher.serve(Mode::enforce, policy::sts::max_max_age);
  world.ask();
  unsigned fetched = 1;
  for (int day = 0; day < 60; ++day) {
    world.clock.advance(24h);
    world.round();
  }
  CHECK(world.fetcher.fetched <= 32);
  fetched = world.fetcher.fetched;
  CHECK_FALSE(world.row().upkeep.refresh_at);
  world.clock.advance(24h);
  world.round();
  CHECK(world.fetcher.fetched == fetched);
  CHECK(world.ask()->policy.mode == Mode::enforce);
  CHECK(world.fetcher.fetched == fetched);
  world.round();
  CHECK(world.fetcher.fetched == fetched + 1);
}

TEST_CASE("a wave of refreshes has a bounded height and does not hold up a first contact", "[STS-26][STS-46]") {
  World world;
  world.resolver.publish("1");
  for (int i = 0; i < 200; ++i) world.ask("d" + std::to_string(i) + ".test");
  world.clock.advance(23h);
  world.fetcher.fetched = 0;
  world.fetcher.door.shut();
  proxy::spawn(world.io.get_executor(), world.refresher.round(), "round");
  world.settle();
  CHECK(world.fetcher.fetched == 16);
  const auto asked = proxy::Task<proxy::StsFactsPtr>::start(world.io.get_executor(), world.service.ask("new.test"));
  world.settle();
  CHECK(world.fetcher.domains.back() == "new.test");
  world.fetcher.door.open();
  world.settle();
  CHECK(world.fetcher.fetched == 201);
}

TEST_CASE("refreshes of one hour spread", "[STS-26]") {
  World world;
  world.resolver.publish("1");
  std::set<policy::sts::Time> times;
  for (int i = 0; i < 50; ++i) {
    world.clock.chance = i / 50.0;
    const auto domain = "d" + std::to_string(i) + ".test";
    world.ask(domain);
    times.insert(*world.row(domain).upkeep.refresh_at);
  }
  CHECK(times.size() == 50);
  CHECK(*times.rbegin() - *times.begin() > 2h);
}

TEST_CASE("a refresh is no use: it makes no room for itself in memory", "[STS-26][STS-51]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  const auto day = world.row().upkeep.last_used;
  world.clock.advance(23h);
  world.round();
  CHECK(world.row().upkeep.last_used == day);
  CHECK(world.fetcher.fetched == 2);
}

TEST_CASE("what the store could not take applies and is kept and is stored later", "[STS-22]") {
  World world;
  world.resolver.publish("1");
  world.store.writes = false;
  CHECK(world.ask()->state == State::policy);
  CHECK(world.store.rows.empty());
  world.tidy();
  CHECK(world.store.rows.empty());
  world.store.writes = true;
  world.tidy();
  CHECK(world.store.rows.contains("example.com"));
  CHECK(world.service.unsaved() == 0);
}

TEST_CASE("a policy that could not be removed does not come back", "[STS-60][STS-22]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.store.writes = false;
  world.resolver.publish("2");
  world.fetcher.serve(Mode::enforce, 0);
  world.clock.advance(23h);
  world.round();
  CHECK(world.store.rows.contains("example.com"));
  world.resolver.set(dns::Status::nxdomain);
  CHECK(world.ask()->state == State::no_policy);
  world.store.writes = true;
  world.tidy();
  CHECK(world.store.rows.empty());
}

TEST_CASE("a store that cannot be read ends a round and not the refresher", "[STS-26]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.clock.advance(23h);
  world.store.reads = false;
  world.round();
  CHECK(world.fetcher.fetched == 1);
  world.store.reads = true;
  world.round();
  CHECK(world.fetcher.fetched == 2);
}

TEST_CASE("a fetcher that throws costs its own domain alone", "[STS-26]") {
  World world;
  world.resolver.publish("1");
  for (int i = 0; i < 40; ++i) world.ask("d" + std::to_string(i) + ".test");
  world.fetcher.fetched = 0;
  world.fetcher.throws = true;
  world.clock.advance(23h);
  world.round();
  CHECK(world.fetcher.fetched == 40);
}

TEST_CASE("rows past their expiry are dropped and nothing else is", "[STS-27][STS-51]") {
  World world;
  world.resolver.publish("1");
  world.ask("long.test");
  world.fetcher.serve(Mode::enforce, 60);
  world.ask("short.test");
  world.clock.advance(61s);
  world.tidy();
  CHECK(world.store.rows.contains("long.test"));
  CHECK_FALSE(world.store.rows.contains("short.test"));
}
