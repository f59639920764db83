// A cached policy against the world around it: a record that hangs, a parent's or a neighbour's policy, a mode that
// stops nothing.
#include <catch2/catch.hpp>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;

namespace {

/// Sends to kept.test, each message to be served by its first MX, until the relay has begun what `begun` shows: a
/// policy in date is looked up again only some seconds after it was last (STS-59).
void mail_until(World& world, const lab::Domain& kept, const std::function<bool()>& begun) {
  const auto end = lab::Clock::now() + std::chrono::seconds(40);
  for (int number = 0; !begun(); ++number) {
    expect(world, lab::Clock::now() < end, "expected the record to be looked up again, it was not");
    delivered(world, world.relay.mail("u" + std::to_string(number) + "@kept.test"), {.mx = kept.mx[0], .tls = true});
    world.lab.watch().until(begun, std::chrono::milliseconds(300));
  }
}

}  // namespace

TEST_CASE("nobody waits for a record that hangs while the policy is in date", "[scenario][STS-59][STS-23]") {
  World world;
  auto& kept = world.lab.domain("kept.test", {.sts = "enforce"});
  delivered(world, world.relay.mail("first@kept.test"), {.mx = kept.mx[0], .tls = true});
  world.lab.dns().fault("_mta-sts.kept.test", "*", lab::Fault::timeout);
  const auto asked = [&] { return world.lab.dns().count("_mta-sts.kept.test", "TXT"); };
  mail_until(world, kept, [&, before = asked()] { return asked() > before; });
  delivered(world, world.relay.mail("beside@kept.test"), {.mx = kept.mx[0], .tls = true});
  CHECK(asked() == 2);  // who waited for the answer would have seen the resolver ask again
}

TEST_CASE("a fetch under a new id that hangs has not ended when the messages beside it are delivered",
          "[scenario][STS-59][STS-24]") {
  World world({.fetch_timeout = "60s"});
  auto& kept = world.lab.domain("kept.test", {.mx = 2, .sts = "enforce", .patterns = {"mx1.kept.test"}});
  delivered(world, world.relay.mail("first@kept.test"), {.mx = kept.mx[0], .tls = true});
  kept.site([](lab::Site& site) { site.behaviour = lab::Behaviour::hang; });
  kept.policy({.mx = {"mx2.kept.test"}, .id = "20260202"});
  mail_until(world, kept, [&] { return world.lab.web().count("mta-sts.kept.test") == 2; });
  delivered(world, world.relay.mail("beside@kept.test"), {.mx = kept.mx[0], .tls = true});
  CHECK(world.relay.log_lines({{"event", "policy_fetch_failed"}, {"domain", "kept.test"}}).empty());
}

TEST_CASE("an unchanged id costs no fetch after a restart either", "[scenario][STS-25][STS-22]") {
  World world;
  auto& kept = world.lab.domain("kept.test", {.sts = "enforce"});
  delivered(world, world.relay.mail("first@kept.test"), {.mx = kept.mx[0], .tls = true});
  world.relay.restart();
  delivered(world, world.relay.mail("second@kept.test"), {.mx = kept.mx[0], .tls = true});
  CHECK(world.lab.web().count("mta-sts.kept.test") == 1);
}

TEST_CASE("a policy below a domain does not cover the domain above it", "[scenario][STS-31]") {
  World world;
  auto& parent = world.lab.domain("example.test", {});
  auto& child = world.lab.domain("sub.example.test", {.sts = "enforce"});
  parent.mx[0]->starttls(Starttls::stripped);
  child.mx[0]->starttls(Starttls::stripped);
  deferred(world, world.relay.mail("b@sub.example.test"), {child.mx[0]}, {.policy = true});
  delivered(world, world.relay.mail("b@example.test"), {.mx = parent.mx[0], .tls = false});
}

TEST_CASE("domains that share an MX are served by their own policies in either order on kept connections",
          "[scenario][L-1][STS-64]") {
  for (const bool vanity_first : {true, false}) {
    INFO((vanity_first ? "the impossible policy first" : "the impossible policy last"));
    World world;
    auto& plain = world.lab.domain("plain.test", {.mx_names = {"mx.big.test"}});
    auto& vanity = world.lab.domain("vanity.test", {.mx = 0, .sts = "enforce", .patterns = {"none.such.test"}});
    vanity.hosts({"mx.big.test"});
    auto client = world.relay.client();
    for (const bool vanity_now : {vanity_first, !vanity_first, vanity_first, !vanity_first}) {
      const std::string recipient = vanity_now ? "b@vanity.test" : "b@plain.test";
      const auto replies = client.send("a@sender.test", {recipient}, lab::letter());
      CHECK(replies[0].second.code == (vanity_now ? 451 : 250));
    }
    client.quit();
    CHECK(world.lab.arrived("b@vanity.test").empty());
    CHECK(world.lab.arrived("b@plain.test").size() == 2);
    CHECK(plain.mx[0]->mails().size() == 2);
  }
}

TEST_CASE("a policy in mode testing stops nothing and tells what enforce would have stopped", "[scenario][C-3]") {
  World world;
  auto& tested = world.lab.domain("tested.test", {.sts = "testing", .patterns = {"other.test"}});
  tested.mx[0]->certificate(world.lab.ca().issue({"mx1.tested.test"}, {.self_signed = true}).path);
  delivered(world, world.relay.mail("b@tested.test"), {.mx = tested.mx[0], .tls = true});
  until(
      world,
      [&] {
        return !world.relay.log_lines({{"event", "policy_testing"}, {"domain", "tested.test"}}).empty();
      },
      "a log line of what enforce would have stopped");
}

TEST_CASE("the certificate of a hoster serves where nothing is demanded and not under enforce", "[scenario][X-2]") {
  World world;
  const auto hoster = world.lab.ca().issue({"*.hoster.test"}).path;
  auto& lax = world.lab.domain("lax.test", {});
  auto& strict = world.lab.domain("strict.test", {.sts = "enforce"});
  lax.mx[0]->certificate(hoster);
  strict.mx[0]->certificate(hoster);
  delivered(world, world.relay.mail("b@lax.test"), {.mx = lax.mx[0], .tls = true});
  deferred(world, world.relay.mail("b@strict.test"), {strict.mx[0]}, {.policy = true, .codes = {"4.7.5"}});
}
