// The MTA-STS service with a fake world and a fake clock: what is asked when, what holds, what is forgotten.
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <thread>

#include "tests/support/run_awaitable.hpp"
#include "tests/unit/proxy/sts/service_world.hpp"

namespace {

using policy::StsFacts;
using policy::sts::Mode;
using State = StsFacts::State;

struct World : test::ServiceWorld {
  proxy::StsFactsPtr ask() { return settled(test::run_awaitable(io, service.ask("example.com"))); }
  proxy::StsFactsPtr before_deferral() {
    return settled(test::run_awaitable(io, service.ask_before_deferral("example.com")));
  }
  proxy::StsFactsPtr settled(proxy::StsFactsPtr facts) {
    settle();
    return facts;
  }
};

}  // namespace

TEST_CASE("first contact brings the policy to the message that waits and later ones ask nobody",
          "[STS-46][STS-22][STS-25][STS-01]") {
  World world;
  world.resolver.publish("1");
  const auto first = world.ask();
  CHECK(first->state == State::policy);
  CHECK(first->source == StsFacts::Source::fetched);
  CHECK(first->policy.mode == Mode::enforce);
  CHECK(world.resolver.names == std::vector<std::string>{"_mta-sts.example.com"});
  CHECK(world.store.rows.contains("example.com"));
  const auto second = world.ask();
  CHECK(second->source == StsFacts::Source::stored);
  CHECK(world.resolver.asked == 1);
  CHECK(world.fetcher.fetched == 1);
}

TEST_CASE("a cached policy outlives every failure of record and fetch", "[STS-23][STS-07][STS-24]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  const dns::Status failures[] = {dns::Status::servfail, dns::Status::timeout, dns::Status::refused,
                                  dns::Status::nxdomain, dns::Status::garbage};
  for (const auto status : failures) {
    world.resolver.set(status);
    world.clock.advance(std::chrono::minutes(10));
    CHECK(world.ask()->id == "1");
    CHECK(world.before_deferral()->id == "1");
  }
  world.resolver.set(dns::Status::ok, {"v=STSv1; id=1;", "v=STSv1; id=2;"});
  CHECK(world.before_deferral()->id == "1");
  world.resolver.publish("2");
  world.fetcher.fail("status 500");
  CHECK(world.before_deferral()->id == "1");
  CHECK(world.ask()->policy.mode == Mode::enforce);
}

TEST_CASE("another id is fetched in the background and counts from the next message on", "[STS-24][STS-59]") {
  World world;
  world.resolver.publish("b2");
  world.ask();
  world.resolver.publish("B2");  // case counts, order does not
  world.fetcher.serve(Mode::testing);
  world.clock.advance(std::chrono::seconds(6));
  CHECK(world.ask()->policy.mode == Mode::enforce);  // nobody waits
  CHECK(world.ask()->policy.mode == Mode::testing);
  CHECK(world.fetcher.fetched == 2);
}

TEST_CASE("a record that cannot be looked up defers until the grace is over", "[STS-07][N-1]") {
  World world;
  world.resolver.set(dns::Status::servfail);
  CHECK(world.ask()->state == State::lookup_failed);
  CHECK(world.ask()->state == State::lookup_failed);
  CHECK(world.resolver.asked == 1);  // the second message does not wait for DNS again
  world.clock.advance(std::chrono::minutes(61));
  CHECK(world.ask()->state == State::no_policy);
  world.resolver.publish("1");
  world.clock.advance(std::chrono::minutes(6));
  CHECK(world.ask()->state == State::no_policy);  // answered from memory, while the lookup succeeds
  CHECK(world.ask()->state == State::policy);
  CHECK(world.fetcher.fetched == 1);
}

TEST_CASE("after expiry the same id is fetched anew and without a record there is no policy", "[STS-27]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.clock.advance(std::chrono::seconds(86399));
  CHECK(world.ask()->source == StsFacts::Source::stored);
  world.clock.advance(std::chrono::seconds(2));
  CHECK(world.ask()->source == StsFacts::Source::fetched);
  CHECK(world.fetcher.fetched == 2);
  world.resolver.set(dns::Status::nxdomain);
  world.clock.advance(std::chrono::seconds(86401));
  CHECK(world.ask()->state == State::no_policy);
}

TEST_CASE("a failed fetch is not repeated for the same id and another id is fetched at once", "[STS-29][STS-61]") {
  World world;
  world.resolver.publish("1");
  world.fetcher.fail("status 404");
  for (int i = 0; i < 3; ++i) {
    const auto facts = world.ask();
    CHECK(facts->state == State::no_policy);
    CHECK(facts->error.find("status 404") != std::string::npos);
  }
  CHECK(world.fetcher.fetched == 1);
  world.resolver.publish("2");
  world.fetcher.serve(Mode::enforce);
  CHECK(world.ask()->state == State::policy);
  CHECK(world.fetcher.fetched == 2);
}

TEST_CASE("max_age 0 applies to the message at hand and replaces what was stored", "[STS-60][P-4]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.resolver.publish("2");
  world.fetcher.serve(Mode::none, 0);
  CHECK(world.before_deferral()->policy.mode == Mode::none);
  CHECK(world.store.rows.empty());
  world.resolver.set(dns::Status::nxdomain);
  CHECK(world.ask()->state == State::no_policy);
}

TEST_CASE("before a deferral the same id is fetched once a pause", "[STS-47][C-1]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  for (int i = 0; i < 4; ++i) world.before_deferral();
  CHECK(world.fetcher.fetched == 2);
  world.fetcher.serve(Mode::none);
  world.clock.advance(std::chrono::minutes(6));
  CHECK(world.before_deferral()->policy.mode == Mode::none);
}

TEST_CASE("that there is no record is remembered as long as DNS allows", "[STS-66]") {
  World world;
  world.resolver.set(dns::Status::nxdomain, {}, 60);
  CHECK(world.ask()->state == State::no_policy);
  CHECK(world.ask()->state == State::no_policy);
  CHECK(world.resolver.asked == 1);
  world.resolver.publish("1");
  world.clock.advance(std::chrono::seconds(61));
  CHECK(world.ask()->state == State::policy);
}

TEST_CASE("a policy from the store counts after a start", "[STS-22]") {
  World world;
  policy::sts::CacheEntry entry;
  entry.domain = "example.com";
  entry.id = "7";
  entry.policy = {Mode::enforce, {"mx1.example.com"}, 86400};
  entry.fetched = world.clock.clock().wall() - std::chrono::hours(1);
  world.store.rows["example.com"] = entry;
  world.resolver.set(dns::Status::timeout);
  CHECK(world.ask()->id == "7");
  CHECK(world.fetcher.fetched == 0);
}

TEST_CASE("threads that ask for many domains share flights and see whole policies", "[tsan][STS-30]") {
  test::FakeClock clock;
  test::FakeResolver resolver;
  test::FakeFetcher fetcher;
  test::FakeStore store;
  resolver.publish("1");
  boost::asio::io_context control{1};
  auto guard = boost::asio::make_work_guard(control);
  proxy::MtaStsService service(control.get_executor(), resolver, fetcher, store, {}, clock.clock());
  std::thread controller([&] { control.run(); });
  std::atomic<unsigned> good{0};
  // As in the relay, the askers' contexts outlive the control thread's work.
  std::vector<std::unique_ptr<boost::asio::io_context>> contexts;
  for (int t = 0; t < 8; ++t) contexts.push_back(std::make_unique<boost::asio::io_context>(1));
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < contexts.size(); ++t) {
    threads.emplace_back([&, t] {
      auto& io = *contexts[t];
      for (std::size_t i = 0; i < 200; ++i) {
        const std::string domain = "d" + std::to_string((i + t) % 20) + ".test";
        const auto facts =
            test::run_awaitable(io, i % 7 == 6 ? service.ask_before_deferral(domain) : service.ask(domain));
        if (facts->state == State::policy && facts->policy.mx.size() == 1) ++good;
        if (i % 50 == 0) {
          resolver.publish(std::to_string(i + 2));
          clock.advance(std::chrono::seconds(6));
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  guard.reset();
  controller.join();
  CHECK(good == 1600);
}

TEST_CASE("askers at the same time share one lookup and one fetch", "[STS-30]") {
  World world;
  world.resolver.publish("1");
  unsigned answered = 0;
  for (int i = 0; i < 500; ++i) {
    boost::asio::co_spawn(world.io, world.service.ask("example.com"),
                          [&](const std::exception_ptr&, const proxy::StsFactsPtr& facts) {
                            if (facts && facts->state == State::policy) ++answered;
                          });
  }
  world.io.run();
  CHECK(answered == 500);
  CHECK(world.resolver.asked == 1);
  CHECK(world.fetcher.fetched == 1);
}
