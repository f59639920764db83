// Clocks that jump, use that is noted, notes that age, and an administrator's orders.
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <deque>
#include <thread>

#include "proxy/sts/refresher.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/run_awaitable.hpp"
#include "tests/unit/proxy/sts/service_world.hpp"

namespace {

using namespace std::chrono_literals;
using policy::sts::Mode;
using State = policy::StsFacts::State;

struct World : test::ServiceWorld {
  proxy::StsFactsPtr ask() { return run(service.ask("example.com")); }
  template <class T>
  T run(proxy::awaitable<T> work) {
    T value = test::run_awaitable(io, std::move(work));
    settle();
    return value;
  }
  void step_wall(std::chrono::seconds step) { clock.wall_seconds += step.count(); }
  policy::sts::CacheEntry& row() { return store.rows.at("example.com"); }
};

}  // namespace

TEST_CASE("a clock that jumps forward drops no enforced policy while its host cannot be asked", "[OPS-14][STS-23]") {
  World world;
  const test::CapturedLog log;
  world.resolver.publish("1");
  world.ask();
  world.step_wall(8760h);
  SECTION("the record cannot be looked up") {
    world.resolver.set(dns::Status::servfail);
  }
  SECTION("there is no record") {
    world.resolver.set(dns::Status::nxdomain);
  }
  SECTION("the fetch fails") {
    world.fetcher.fail("status 500");
  }
  CHECK(world.ask()->policy.mode == Mode::enforce);
  CHECK(world.ask()->state == State::policy);  // nothing that was remembered meanwhile stands in its way
  CHECK(log.count("clock_jumped") == 1);
  world.clock.advance(25h);
  CHECK(world.ask()->state != State::policy);  // by the steady clock its day is over as well
}

TEST_CASE("after a jump forward the policy is renewed first", "[OPS-14]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.step_wall(8760h);
  world.fetcher.serve(Mode::testing);
  CHECK(world.ask()->policy.mode == Mode::testing);
  CHECK(world.fetcher.fetched == 2);
  CHECK(world.ask()->source == policy::StsFacts::Source::stored);
}

TEST_CASE("a clock set back prolongs no policy by more than the step", "[OPS-14]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.step_wall(-100h);
  world.resolver.set(dns::Status::nxdomain);
  world.clock.advance(124h - 1s);
  CHECK(world.ask()->state == State::policy);
  world.clock.advance(2s);
  CHECK(world.ask()->state == State::no_policy);
}

TEST_CASE("a stored policy from the future lasts its max_age from now and is refreshed at once", "[OPS-14][STS-22]") {
  World world;
  policy::sts::CacheEntry entry;
  entry.domain = "example.com";
  entry.id = "1";
  entry.policy = {Mode::enforce, {"mx1.example.com"}, 86400};
  const auto now = world.clock.clock().wall();
  entry.fetched = now + 8760h;
  entry.upkeep.refresh_at = entry.fetched + 12h;
  world.store.rows["example.com"] = entry;
  world.resolver.set(dns::Status::nxdomain);
  CHECK(world.ask()->expires == now + 24h);
  CHECK(world.row().fetched == now);
  CHECK(world.row().upkeep.refresh_at == now);
  world.clock.advance(24h + 1s);
  CHECK(world.ask()->state == State::no_policy);
}

TEST_CASE("after a clock was set back refresh times that it leaves in the future are pulled in", "[OPS-14][STS-26]") {
  World world;
  proxy::Refresher refresher(world.io.get_executor(), world.service, world.store, world.options.refresh_every,
                             world.clock.clock());
  const auto tidy = [&]() -> proxy::awaitable<bool> {
    co_await refresher.tidy();
    co_return true;
  };
  world.resolver.publish("1");
  world.ask();
  world.step_wall(-1000h);
  world.run(tidy());
  CHECK(world.row().upkeep.refresh_at == world.clock.clock().wall());
}

TEST_CASE("use is noted once a day", "[STS-26]") {
  World world;
  world.resolver.publish("1");
  world.fetcher.serve(Mode::enforce, 30 * 86400);
  world.ask();
  const auto day = world.row().upkeep.last_used;
  CHECK(day == policy::sts::day_of(world.clock.clock().wall()));
  world.row().upkeep.last_used = 0;
  world.ask();
  CHECK(world.row().upkeep.last_used == 0);  // the day is known already, nothing is written
  world.clock.advance(24h);
  world.ask();
  CHECK(world.row().upkeep.last_used == day + 1);
}

TEST_CASE("a lookup that failed long ago does not use up the grace of one that fails now", "[STS-07]") {
  World world;
  world.resolver.set(dns::Status::servfail);
  CHECK(world.ask()->state == State::lookup_failed);
  world.clock.advance(30 * 24h);
  // What is remembered is past its time, and the grace begins anew.
  CHECK(world.ask()->state == State::lookup_failed);
  world.clock.advance(59min);
  CHECK(world.ask()->state == State::lookup_failed);
  world.clock.advance(2min);
  CHECK(world.ask()->state == State::no_policy);
}

TEST_CASE("many other domains' failures do not make the notes of one in use forgotten", "[STS-29][STS-51]") {
  proxy::Notebook notes(3);
  notes.of("kept.test").failure = policy::sts::FetchFailure{"1", {}, "why"};
  for (int i = 0; i < 100; ++i) {
    notes.of("flood" + std::to_string(i) + ".test");
    REQUIRE(notes.of("kept.test").failure);
  }
  CHECK(notes.find("flood99.test") != nullptr);
  CHECK(notes.find("flood1.test") == nullptr);
  notes.erase("kept.test");
  CHECK(notes.find("kept.test") == nullptr);
}

TEST_CASE("a forgotten domain is a first contact again and forgetting an enforced policy is told", "[STS-28]") {
  World world;
  const test::CapturedLog log;
  world.resolver.publish("1");
  world.ask();
  const auto forgotten = world.run(world.service.forget("example.com"));
  REQUIRE(forgotten.policy);
  CHECK(forgotten.policy->id == "1");
  CHECK(forgotten.durable);
  CHECK(world.store.rows.empty());
  CHECK(log.find("policy_forgotten").find(" warn ") != std::string::npos);
  CHECK(world.ask()->source == policy::StsFacts::Source::fetched);
}

TEST_CASE("forgetting drops what is remembered instead of a policy and says when there is nothing", "[STS-29]") {
  World world;
  world.resolver.set(dns::Status::nxdomain, {}, 3600);
  CHECK(world.ask()->state == State::no_policy);
  const auto first = world.run(world.service.forget("example.com"));
  CHECK_FALSE(first.policy);
  CHECK(first.remembered);
  CHECK_FALSE(world.run(world.service.forget("example.com")).remembered);
  world.resolver.publish("1");
  CHECK(world.ask()->state == State::policy);
}

TEST_CASE("an ordered refresh asks at once and also within the pause after a failure", "[STS-26]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.fetcher.fail("status 500");
  CHECK(world.run(world.service.refresh_now("example.com")).why.find("status 500") != std::string::npos);
  CHECK(world.ask()->policy.mode == Mode::enforce);
  world.fetcher.serve(Mode::testing);
  CHECK(world.run(world.service.refresh_now("example.com")).facts);
  CHECK(world.ask()->policy.mode == Mode::testing);
  world.resolver.set(dns::Status::nxdomain);
  CHECK_FALSE(world.run(world.service.refresh_now("other.test")).facts);
}

TEST_CASE("messages and refreshes and orders at the same time see whole policies", "[tsan][STS-26][STS-30]") {
  constexpr unsigned threads = 8;
  std::deque<boost::asio::io_context> contexts;  // those of the askers outlive the service, as in the relay
  for (unsigned thread = 0; thread < threads; ++thread) contexts.emplace_back(1);
  test::FakeClock clock;
  boost::asio::io_context io{1};
  test::FakeResolver resolver;
  test::FakeFetcher fetcher;
  test::FakeStore store;
  proxy::Config::MtaSts options;
  options.memory = 4096;  // most of it is evicted again and again
  proxy::MtaStsService service(io.get_executor(), resolver, fetcher, store, options, clock.clock());
  proxy::Refresher refresher(io.get_executor(), service, store, options.refresh_every, clock.clock());
  resolver.publish("1");
  auto work = boost::asio::make_work_guard(io);
  std::thread control([&] { io.run(); });
  std::atomic<unsigned> wrong{0};
  std::vector<std::thread> askers;
  for (unsigned thread = 0; thread < threads; ++thread) {
    askers.emplace_back([&, thread] {
      auto& own = contexts[thread];
      for (unsigned i = 0; i < 100; ++i) {
        const auto facts = test::run_awaitable(own, service.ask("d" + std::to_string((i * 7 + thread) % 50) + ".test"));
        if (facts->state != State::policy || facts->policy.mx.size() != 1) ++wrong;
        if (thread == 0 && i % 10 == 0) {
          clock.advance(13h);
          proxy::spawn(io.get_executor(), refresher.round(), "round");
          proxy::spawn(io.get_executor(), refresher.tidy(), "tidy");
        }
      }
    });
  }
  for (auto& asker : askers) asker.join();
  work.reset();
  control.join();
  CHECK(wrong == 0);
}
