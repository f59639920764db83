// The MTA-STS service where DNS, the policy host or the database fail or hang, and where several want the same at once.
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "tests/support/run_awaitable.hpp"
#include "tests/unit/proxy/sts/service_world.hpp"

namespace {

using policy::StsFacts;
using policy::sts::Mode;
using proxy::Fetched;
using State = StsFacts::State;
using std::chrono::minutes;
using std::chrono::seconds;

struct World : test::ServiceWorld {
  ~World() {
    resolver.door.open();
    fetcher.door.open();
    settle();
  }
  proxy::StsFactsPtr ask(const std::string& domain = "example.com") {
    auto facts = test::run_awaitable(io, service.ask(domain));
    settle();
    return facts;
  }
  proxy::StsFactsPtr before_deferral() {
    auto facts = test::run_awaitable(io, service.ask_before_deferral("example.com"));
    settle();
    return facts;
  }
};

/// A question whose answer comes later.
struct Asked {
  proxy::StsFactsPtr facts;
  std::exception_ptr error;
  Asked(World& world, proxy::awaitable<proxy::StsFactsPtr> question) {
    boost::asio::co_spawn(world.io, std::move(question), [this](std::exception_ptr failed, proxy::StsFactsPtr answer) {
      error = std::move(failed);
      facts = std::move(answer);
    });
    world.settle();
  }
};

dns::Answer record(const std::string& id) {
  dns::Answer answer;
  answer.status = dns::Status::ok;
  answer.txt = {"v=STSv1; id=" + id + ";"};
  return answer;
}

}  // namespace

TEST_CASE("what the lookup of the record brings decides whether a domain without policy waits", "[STS-07][STS-61]") {
  struct Row {
    const char* what;
    dns::Status status;
    std::vector<std::string> txt;
    State state;
  };
  const Row rows[] = {
      {"SERVFAIL", dns::Status::servfail, {}, State::lookup_failed},
      {"REFUSED", dns::Status::refused, {}, State::lookup_failed},
      {"timeout", dns::Status::timeout, {}, State::lookup_failed},
      {"garbage", dns::Status::garbage, {}, State::lookup_failed},
      {"no such name", dns::Status::nxdomain, {}, State::no_policy},
      {"no TXT", dns::Status::no_data, {}, State::no_policy},
      {"other TXT", dns::Status::ok, {"v=spf1 -all"}, State::no_policy},
      {"no id", dns::Status::ok, {"v=STSv1;"}, State::no_policy},
      {"two records", dns::Status::ok, {"v=STSv1; id=1;", "v=STSv1; id=2;"}, State::no_policy},
  };
  for (const auto& row : rows) {
    INFO(row.what);
    World world;
    world.resolver.set(row.status, row.txt);
    CHECK(world.ask()->state == row.state);
    CHECK(world.before_deferral()->state == row.state);
    CHECK(world.fetcher.fetched == 0);
  }
}

TEST_CASE("the grace runs from the first failure and an answer between starts it anew", "[STS-07]") {
  World world;
  world.resolver.set(dns::Status::timeout);
  CHECK(world.ask()->state == State::lookup_failed);
  world.clock.advance(minutes(30));
  world.resolver.set(dns::Status::nxdomain);
  CHECK(world.ask()->state == State::no_policy);
  world.resolver.set(dns::Status::timeout);
  CHECK(world.ask()->state == State::lookup_failed);
  world.clock.advance(minutes(59));
  CHECK(world.ask()->state == State::lookup_failed);
  world.clock.advance(minutes(1));
  CHECK(world.ask()->state == State::no_policy);
}

TEST_CASE("once the grace is over nobody waits for a resolver that hangs", "[STS-07][N-1]") {
  World world;
  world.resolver.set(dns::Status::timeout);
  world.ask();
  world.clock.advance(minutes(61));
  CHECK(world.ask()->state == State::no_policy);
  world.resolver.door.shut();
  world.clock.advance(minutes(10));
  const auto before = world.resolver.asked;
  for (int i = 0; i < 3; ++i) CHECK(world.ask()->state == State::no_policy);
  CHECK(world.resolver.asked == before + 1);  // one looks, in the background
}

TEST_CASE("whatever a fetch at first contact fails with there is no policy and the reason is kept",
          "[STS-61][STS-29]") {
  for (const auto result : {Fetched::Result::unreachable, Fetched::Result::certificate, Fetched::Result::status,
                            Fetched::Result::media_type, Fetched::Result::too_large, Fetched::Result::cut_short,
                            Fetched::Result::invalid_policy}) {
    INFO(static_cast<int>(result));
    World world;
    world.resolver.publish("1");
    world.fetcher.next = {result, {}, "", "the reason"};
    CHECK(world.ask()->state == State::no_policy);
    CHECK(world.ask()->error.find("the reason") != std::string::npos);
    CHECK(world.fetcher.fetched == 1);
    CHECK(world.store.rows.empty());
  }
}

TEST_CASE("a fetch that failed is tried again for the same id when its pause is over", "[STS-29]") {
  World world;
  world.resolver.publish("1");
  world.fetcher.fail("status 503");
  world.ask();
  world.fetcher.serve(Mode::enforce);
  world.clock.advance(seconds(299));
  CHECK(world.ask()->state == State::no_policy);
  CHECK(world.fetcher.fetched == 1);
  world.clock.advance(seconds(1));
  CHECK(world.ask()->state == State::policy);
  CHECK(world.fetcher.fetched == 2);
}

TEST_CASE("subdomain and parent have policies of their own or none", "[STS-31]") {
  World world;
  world.resolver.set(dns::Status::nxdomain);
  world.resolver.of_name["_mta-sts.example.com"] = record("1");
  CHECK(world.ask("example.com")->state == State::policy);
  CHECK(world.ask("sub.example.com")->state == State::no_policy);
  CHECK(world.ask("com")->state == State::no_policy);
  world.resolver.of_name["_mta-sts.sub.example.com"] = record("9");
  world.fetcher.serve(Mode::testing);
  const auto sub = world.ask("sub.example.com");
  CHECK(sub->id == "9");
  CHECK(sub->policy.mode == Mode::testing);
  CHECK(sub->policy_domain == "sub.example.com");
  CHECK(world.ask("example.com")->policy.mode == Mode::enforce);
  CHECK(world.fetcher.domains == std::vector<std::string>{"example.com", "sub.example.com"});
}

TEST_CASE("with a policy in date no message waits for a record that hangs", "[STS-59]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.resolver.door.shut();
  world.clock.advance(minutes(10));
  for (int i = 0; i < 3; ++i) CHECK(world.ask()->id == "1");
  CHECK(world.resolver.asked == 2);
}

TEST_CASE("with a policy in date no message waits for a policy host that hangs except one about to be deferred",
          "[STS-59][STS-47]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.resolver.publish("2");
  world.fetcher.serve(Mode::testing);
  world.fetcher.door.shut();
  world.clock.advance(minutes(10));
  for (int i = 0; i < 3; ++i) CHECK(world.ask()->id == "1");
  const Asked deferred(world, world.service.ask_before_deferral("example.com"));
  CHECK_FALSE(deferred.facts);
  CHECK(world.fetcher.fetched == 2);  // STS-30: it joined the one in flight
  world.fetcher.door.open();
  world.settle();
  REQUIRE(deferred.facts);
  CHECK(deferred.facts->id == "2");
  CHECK(world.ask()->policy.mode == Mode::testing);
  CHECK(world.fetcher.fetched == 2);
}

TEST_CASE("messages about to be deferred share one lookup past the cache and one fetch", "[STS-47][STS-30]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  CHECK(world.resolver.asked_fresh == 0);
  world.resolver.publish("2");
  world.fetcher.door.shut();
  std::vector<std::unique_ptr<Asked>> askers;
  for (int i = 0; i < 100; ++i) {
    askers.push_back(std::make_unique<Asked>(world, world.service.ask_before_deferral("example.com")));
  }
  world.fetcher.door.open();
  world.settle();
  for (const auto& asker : askers) {
    REQUIRE(asker->facts);
    CHECK(asker->facts->id == "2");
  }
  CHECK(world.resolver.asked_fresh == 1);
  CHECK(world.fetcher.fetched == 2);
}

TEST_CASE("before a deferral another id is fetched within the pause of the same id but not again after it failed",
          "[STS-47][STS-29]") {
  World world;
  world.resolver.publish("1");
  world.ask();
  world.before_deferral();
  CHECK(world.fetcher.fetched == 2);
  world.resolver.publish("2");
  CHECK(world.before_deferral()->id == "2");
  CHECK(world.fetcher.fetched == 3);
  world.resolver.publish("3");
  world.fetcher.fail("status 404");
  for (int i = 0; i < 3; ++i) CHECK(world.before_deferral()->id == "2");
  CHECK(world.fetcher.fetched == 4);
}

TEST_CASE("one domain that hangs holds up no other one", "[STS-46]") {
  World world;
  world.resolver.publish("1");
  world.fetcher.door.shut();
  const Asked first(world, world.service.ask("slow.test"));
  CHECK_FALSE(first.facts);
  world.resolver.set(dns::Status::nxdomain);
  CHECK(world.ask("other.test")->state == State::no_policy);
  CHECK_FALSE(first.facts);
  world.fetcher.door.open();
  world.settle();
  REQUIRE(first.facts);
  CHECK(first.facts->state == State::policy);
}

TEST_CASE("a store that cannot be written does not keep a policy from being applied", "[STS-46]") {
  World world;
  world.store.writes = false;
  world.resolver.publish("1");
  CHECK(world.ask()->source == StsFacts::Source::fetched);
  CHECK(world.ask()->source == StsFacts::Source::stored);
  CHECK(world.store.rows.empty());
}

TEST_CASE("while the store cannot be read a domain waits and is not taken for one without policy", "[STS-22][STS-23]") {
  World world;
  policy::sts::CacheEntry entry;
  entry.domain = "example.com";
  entry.id = "7";
  entry.policy = {Mode::enforce, {"mx1.example.com"}, 86400};
  entry.fetched = world.clock.clock().wall();
  world.store.rows["example.com"] = entry;
  world.store.reads = false;
  world.resolver.set(dns::Status::nxdomain);
  CHECK(world.ask()->state == State::lookup_failed);
  world.store.reads = true;
  CHECK(world.ask()->id == "7");
}

TEST_CASE("a stored policy past its expiry counts for nothing after a start", "[STS-27][STS-22]") {
  World world;
  policy::sts::CacheEntry entry;
  entry.domain = "example.com";
  entry.id = "7";
  entry.policy = {Mode::enforce, {"mx1.example.com"}, 3600};
  entry.fetched = world.clock.clock().wall() - seconds(3600);
  world.store.rows["example.com"] = entry;
  world.resolver.set(dns::Status::nxdomain);
  CHECK(world.ask()->state == State::no_policy);
  world.resolver.publish("7");
  CHECK(world.ask()->source == StsFacts::Source::fetched);
  CHECK(world.fetcher.fetched == 1);
}

TEST_CASE("that there is no record is remembered for an hour at most and without a time not at all", "[STS-66]") {
  World world;
  world.resolver.set(dns::Status::nxdomain, {}, 86400);
  world.ask();
  world.clock.advance(seconds(3599));
  world.ask();
  CHECK(world.resolver.asked == 1);
  world.clock.advance(seconds(1));
  world.resolver.set(dns::Status::nxdomain, {}, 0);
  world.ask();
  world.ask();
  CHECK(world.resolver.asked == 3);
}

TEST_CASE("a fetch that ends with an exception does not end the domain", "[STS-29]") {
  World world;
  world.resolver.publish("1");
  world.fetcher.throws = true;
  CHECK(world.ask()->state == State::lookup_failed);
  world.fetcher.throws = false;
  CHECK(world.ask()->state == State::policy);
}
