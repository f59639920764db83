// A policy between the first message and the last: how often it is fetched, whom it covers, who waits for it.
#include <catch2/catch.hpp>
#include <future>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;

TEST_CASE("an unchanged id costs one fetch however many messages go out", "[scenario][STS-25]") {
  World world;
  auto& kept = world.lab.domain("kept.test", {.sts = "enforce"});
  for (int i = 0; i < 5; ++i) {
    delivered(world, world.relay.mail("u" + std::to_string(i) + "@kept.test"), {.mx = kept.mx[0], .tls = true});
    kept.policy({.mode = "none"});  // the text changes, the id does not: nobody may notice
  }
  CHECK(world.lab.web().count("mta-sts.kept.test") == 1);
}

TEST_CASE("many first messages at once share one fetch", "[scenario][STS-30][STS-46]") {
  World world;
  world.lab.dns().ttl(60);
  auto& kept = world.lab.domain("kept.test", {.sts = "enforce"});
  std::vector<std::future<Outcome>> sent;
  for (int i = 0; i < 40; ++i) {
    sent.push_back(std::async(std::launch::async,
                              [&world, i] { return world.relay.mail("u" + std::to_string(i) + "@kept.test"); }));
  }
  for (auto& outcome : sent) delivered(world, outcome.get(), {.mx = kept.mx[0], .tls = true});
  CHECK(world.lab.web().count("mta-sts.kept.test") == 1);
}

TEST_CASE("a policy covers its own domain and none below it", "[scenario][STS-31]") {
  World world;
  auto& parent = world.lab.domain("example.test", {.sts = "enforce"});
  auto& child = world.lab.domain("sub.example.test", {});
  parent.mx[0]->starttls(Starttls::stripped);
  child.mx[0]->starttls(Starttls::stripped);
  deferred(world, world.relay.mail("b@example.test"), {parent.mx[0]}, {.policy = true});
  delivered(world, world.relay.mail("b@sub.example.test"), {.mx = child.mx[0], .tls = false});
}

TEST_CASE("a delegated record with a policy host that does not exist is no policy", "[scenario][R-2][STS-06][STS-58]") {
  World world;
  auto& lax = world.lab.domain("lax.test", {});
  world.lab.site("provider.test", "version: STSv1\nmode: enforce\nmx: *.provider.test\nmax_age: 86400\n");
  world.lab.dns().set("_mta-sts.provider.test", "TXT", {lab::sts_record("1")});
  world.lab.dns().set("_mta-sts.lax.test", "CNAME", {"_mta-sts.provider.test."});
  delivered(world, world.relay.mail("b@lax.test"), {.mx = lax.mx[0]});
  CHECK(world.lab.web().count("mta-sts.provider.test") == 0);
  CHECK_FALSE(world.relay.log_lines({{"event", "policy_fetch_failed"}, {"domain", "lax.test"}}).empty());
}

TEST_CASE("the policy domain is the domain as written and not what its alias leads to", "[scenario][M-3][STS-34]") {
  World world;
  auto& evil = world.lab.domain("evil.test", {.sts = "enforce"});
  world.lab.site("victim.test", "version: STSv1\nmode: enforce\nmx: mx1.victim.test\nmax_age: 86400\n");
  world.lab.dns().set("_mta-sts.victim.test", "TXT", {lab::sts_record("1")});
  world.lab.dns().set("victim.test", "CNAME", {"evil.test."});
  deferred(world, world.relay.mail("b@victim.test"), {evil.mx[0]}, {.policy = true, .codes = {"4.7.0"}});
}
