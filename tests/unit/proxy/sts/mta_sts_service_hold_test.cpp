// What a message already waits under is not given up for a failure that comes after it, and a failure is not remembered
// for longer than its pause.
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "tests/support/run_awaitable.hpp"
#include "tests/unit/proxy/sts/service_world.hpp"

namespace {

using policy::sts::Mode;
using State = policy::StsFacts::State;
using std::chrono::minutes;
using std::chrono::seconds;

struct World : test::ServiceWorld {
  ~World() {
    resolver.door.open();
    fetcher.door.open();
    settle();
  }
  proxy::StsFactsPtr ask() { return test::run_awaitable(io, service.ask("example.com")); }
  proxy::StsFactsPtr before_deferral() { return test::run_awaitable(io, service.ask_before_deferral("example.com")); }
  void start(proxy::awaitable<proxy::StsFactsPtr> question, proxy::StsFactsPtr& answer) {
    boost::asio::co_spawn(io, std::move(question), [&answer](const std::exception_ptr&, proxy::StsFactsPtr facts) {
      answer = std::move(facts);
    });
    settle();
  }
};

}  // namespace

TEST_CASE("a policy with max_age 0 stands for its message whatever fails before the deferral", "[STS-60]") {
  World world;
  world.resolver.publish("1");
  world.fetcher.serve(Mode::enforce, 0);
  REQUIRE(world.ask()->policy.mode == Mode::enforce);

  SECTION("the policy host fails") {
    world.fetcher.fail("status 500");
  }
  SECTION("the record is gone") {
    world.resolver.set(dns::Status::nxdomain);
  }
  SECTION("the record cannot be looked up") {
    world.resolver.set(dns::Status::servfail);
  }
  SECTION("another id comes and its policy cannot be fetched") {
    world.resolver.publish("2");
    world.fetcher.fail("status 500");
  }
  const auto held = world.before_deferral();
  CHECK(held->state == State::policy);
  CHECK(held->policy.mode == Mode::enforce);
  CHECK(held->id == "1");
}

TEST_CASE("a policy with max_age 0 stands for nobody once its message is over", "[STS-60]") {
  World world;
  world.resolver.publish("1");
  world.fetcher.serve(Mode::enforce, 0);
  world.ask();
  world.fetcher.fail("status 500");
  CHECK(world.ask()->state == State::no_policy);
  world.clock.advance(minutes(11));
  CHECK(world.before_deferral()->state == State::no_policy);
}

TEST_CASE("a policy host that was healed is asked again after the pause though the record lasts longer", "[STS-29]") {
  World world;
  world.resolver.set(dns::Status::ok, {"v=STSv1; id=1;"}, 86400);
  world.fetcher.fail("status 500");
  CHECK(world.ask()->state == State::no_policy);
  world.fetcher.serve(Mode::enforce);
  world.clock.advance(seconds(299));
  CHECK(world.ask()->state == State::no_policy);
  CHECK(world.fetcher.fetched == 1);
  world.clock.advance(seconds(2));
  CHECK(world.ask()->state == State::policy);
}

TEST_CASE("a policy that came while a lookup for the domain was failing is not given up for that failure",
          "[STS-23][STS-24]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.resolver.publish("2");
  world.fetcher.door.shut();
  proxy::StsFactsPtr about_to_be_deferred, new_message;
  world.start(world.service.ask_before_deferral("example.com"), about_to_be_deferred);
  world.clock.advance(seconds(86401));  // the first policy expires, the second is being fetched
  world.resolver.door.shut();
  world.start(world.service.ask("example.com"), new_message);
  world.fetcher.door.open();
  world.settle();
  REQUIRE(about_to_be_deferred);
  CHECK(about_to_be_deferred->id == "2");
  CHECK_FALSE(new_message);
  world.resolver.set(dns::Status::servfail);
  world.resolver.door.open();
  world.settle();
  REQUIRE(new_message);
  CHECK(new_message->state == State::policy);
  CHECK(world.ask()->id == "2");
}
