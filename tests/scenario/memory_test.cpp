// A domain that publishes nothing has always proven TLS with a valid certificate; then somebody on the way strips it.
#include <catch2/catch.hpp>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;

namespace {

lab::RelayOptions remembering(const std::string& how, const std::string& believe_after = "3d") {
  lab::RelayOptions options;
  options.tables["delivery"] = {{"remember", lab::toml(how)}, {"believe_after", lab::toml(believe_after)}};
  return options;
}

/// The field of the domain's delivery number `count`, once its line is there.
std::string memory_at(World& world, std::size_t count) {
  std::vector<lab::LogLine> lines;
  until(
      world,
      [&] {
        lines = world.relay.log_lines({{"event", "delivery"}, {"domain", "x.test"}});
        return lines.size() >= count;
      },
      "a delivery record");
  return lines.at(count - 1)["memory"];
}

}  // namespace

TEST_CASE("a domain that proves less than before is served and that is logged", "[scenario][memory][OPS-05]") {
  World world;
  auto& domain = world.lab.domain("x.test");
  delivered(world, world.relay.mail("b@x.test"), {.mx = domain.mx[0], .tls = true});
  CHECK(memory_at(world, 1) == "none");
  until_said(world, {"check", "x.test"}, "memory: a valid certificate, proven since ");
  domain.mx[0]->starttls(Starttls::stripped);
  delivered(world, world.relay.mail("c@x.test"), {.mx = domain.mx[0], .tls = false});
  CHECK(memory_at(world, 2) == "pkix");
  const auto weaker = world.relay.log_lines({{"event", "weaker_than_before"}, {"domain", "x.test"}});
  REQUIRE(weaker.size() == 1);
  CHECK(weaker[0]["was"] == "pkix");
  CHECK(weaker[0]["now"] == "none");
  CHECK(weaker[0]["action"] == "delivered");
  CHECK_FALSE(weaker[0]["since"].empty());
  until_said(world, {"check", "x.test"}, ", less since ");
  CHECK(world.relay.cli({"check", "x.test"}).status == 0);
}

TEST_CASE("with remember enforce a domain that proves less than before waits and also after a restart",
          "[scenario][memory][STS-37]") {
  World world(remembering("enforce"));
  auto& domain = world.lab.domain("x.test");
  delivered(world, world.relay.mail("b@x.test"), {.mx = domain.mx[0], .tls = true});
  world.relay.restart();
  domain.mx[0]->starttls(Starttls::stripped);
  const auto outcome = world.relay.mail("c@x.test");
  deferred(world, outcome, {}, {.policy = true, .codes = {"4.7.4"}});
  expect(world, outcome.reply().text.find("x.test demands verified TLS (proven since ") != std::string::npos,
         "the reply says what is remembered");
  const auto weaker = world.relay.log_lines({{"event", "weaker_than_before"}, {"domain", "x.test"}});
  REQUIRE(weaker.size() == 1);
  CHECK(weaker[0]["action"] == "deferred");
  const auto said = world.relay.cli({"check", "x.test", "--why"});
  CHECK(said.out.find("and must go on doing so [configuration [delivery] remember = \"enforce\"]") !=
        std::string::npos);
  // Another domain of the same kind, never seen before, is served as before.
  auto& other = world.lab.domain("y.test");
  other.mx[0]->starttls(Starttls::stripped);
  delivered(world, world.relay.mail("b@y.test"), {.mx = other.mx[0], .tls = false});
}

TEST_CASE("a change that lasts is believed and said", "[scenario][memory]") {
  World world(remembering("enforce", "1s"));
  auto& domain = world.lab.domain("x.test");
  delivered(world, world.relay.mail("b@x.test"), {.mx = domain.mx[0], .tls = true});
  domain.mx[0]->certificate(world.lab.ca().issue({domain.mx[0]->host()}, {.self_signed = true}).path);
  deferred(world, world.relay.mail("c@x.test"), {}, {.policy = true, .codes = {"4.7.5"}});
  // Those before the change is believed wait as well.
  std::size_t sent = 2;
  until(
      world, [&] { return world.relay.mail("d" + std::to_string(++sent) + "@x.test").fate() == Fate::delivered; },
      "a change that is believed");
  delivered(world, world.relay.mail("e@x.test"), {.mx = domain.mx[0], .tls = true});
  CHECK(memory_at(world, sent + 1) == "encrypted");
  CHECK(world.relay.log_lines({{"event", "weaker_than_before"}, {"action", "believed"}}).size() == 1);
}

TEST_CASE("with remember off nothing is remembered", "[scenario][memory]") {
  World world(remembering("off"));
  auto& domain = world.lab.domain("x.test");
  delivered(world, world.relay.mail("b@x.test"), {.mx = domain.mx[0], .tls = true});
  domain.mx[0]->starttls(Starttls::stripped);
  delivered(world, world.relay.mail("c@x.test"), {.mx = domain.mx[0], .tls = false});
  CHECK(memory_at(world, 2) == "none");
  CHECK(world.relay.log_lines({{"event", "weaker_than_before"}}).empty());
}
