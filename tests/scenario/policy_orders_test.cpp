// A policy's life after its first day: refreshed unasked, withdrawn, and overruled by the administrator.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;
namespace json = boost::json;

namespace {

std::string write(const World& world, const std::string& name, const std::string& text) {
  const auto file = world.lab.directory() + '/' + name;
  std::ofstream(file) << text;
  return file;
}

std::string policy_text(const std::string& mx) {
  return "version: STSv1\r\nmode: enforce\r\nmx: " + mx + "\r\nmax_age: 86400\r\n";
}

int run(const World& world, const std::vector<std::string>& arguments, const std::string& words = {}) {
  const auto finished = world.relay.cli(arguments);
  INFO(finished.out << finished.err);
  CHECK((finished.out + finished.err).find(words) != std::string::npos);
  return finished.status;
}

}  // namespace

TEST_CASE("a policy is refreshed unasked and leaves enforcement by mode none under an unchanged id",
          "[scenario][STS-26][STS-28]") {
  World world({.refresh_every = "1s"});
  auto& kept = world.lab.domain("kept.test", {.sts = "enforce"});
  delivered(world, world.relay.mail("first@kept.test"), {.mx = kept.mx[0], .tls = true});
  kept.mx[0]->starttls(Starttls::stripped);
  kept.policy({.mode = "none", .mx = {}});
  until(
      world, [&] { return world.lab.web().count("mta-sts.kept.test") >= 3; }, "refreshes");
  served_when_healed(world, "kept.test", *kept.mx[0], false);
}

TEST_CASE("a policy whose record and host are gone goes on and its failing refreshes are told",
          "[scenario][STS-28][STS-55][STS-23]") {
  World world({.refresh_every = "1s"});
  auto& kept = world.lab.domain("kept.test", {.sts = "enforce"});
  delivered(world, world.relay.mail("first@kept.test"), {.mx = kept.mx[0], .tls = true});
  kept.txt({});
  kept.site([](lab::Site& site) { site.status = "404 Not Found"; });
  until(
      world,
      [&] {
        return !world.relay.log_lines({{"event", "policy_refresh_failing"}}).empty();
      },
      "the warning");
  kept.mx[0]->starttls(Starttls::stripped);
  deferred(world, world.relay.mail("second@kept.test"), {}, {.policy = true});
  CHECK(run(world, {"policy", "show", "kept.test"}, "404") == 0);
}

TEST_CASE("a policy leaves enforcement under a new id", "[scenario][STS-28]") {
  World world;
  auto& kept = world.lab.domain("kept.test", {.sts = "enforce"});
  delivered(world, world.relay.mail("first@kept.test"), {.mx = kept.mx[0], .tls = true});
  kept.mx[0]->starttls(Starttls::stripped);
  kept.policy({.mode = "none", .mx = {}, .id = "2"});
  served_when_healed(world, "kept.test", *kept.mx[0], false);
}

TEST_CASE("a pinned policy counts whatever the domain publishes", "[scenario][STS-52]") {
  World world({}, false);
  auto& corp = world.lab.domain("corp.test", {.mx = 2, .sts = "none"});
  const auto pin = write(world, "corp.policy", policy_text("mx2.corp.test"));
  world.relay.options().destinations = {{{"domain", lab::toml("corp.test")}, {"pin", lab::toml(pin)}}};
  world.relay.write_configuration();
  world.relay.start();
  delivered(world, world.relay.mail("a@corp.test"), {.mx = corp.mx[1], .tls = true});
  corp.mx[1]->starttls(Starttls::stripped);
  deferred(world, world.relay.mail("b@corp.test"), {corp.mx[0]}, {.policy = true});
  CHECK(run(world, {"policy", "list", "--json"}, "\"origin\":\"pin\"") == 0);
  CHECK(run(world, {"check", "corp.test", "--json"}, "\"source\":\"pin\"") == 0);
  CHECK(run(world, {"exempt", "corp.test", "--for", "1h", "--reason", "no"}, "pinned") == 3);
}

TEST_CASE("a preloaded policy holds while record and policy host are blocked", "[scenario][STS-53]") {
  World world({}, false);
  auto& x = world.lab.domain("x.test", {.sts = "enforce"});
  x.block();
  x.mx[0]->starttls(Starttls::stripped);
  const auto list = write(world, "preload", "domain: x.test\n" + policy_text("mx1.x.test"));
  world.relay.options().tables["mta_sts"]["preload"] = lab::toml(list);
  world.relay.write_configuration();
  world.relay.start();
  deferred(world, world.relay.mail("a@x.test"), {x.mx[0]}, {.policy = true});
  CHECK(run(world, {"policy", "list", "--json"}, "\"origin\":\"preload\"") == 0);
  x.mx[0]->starttls(Starttls::good);
  served_when_healed(world, "x.test", *x.mx[0]);
}

TEST_CASE("an exemption counts at once and survives kill -9 and ends at a word", "[scenario][STS-52]") {
  World world;
  auto& bad = world.lab.domain("bad.test", {.sts = "enforce"});
  bad.mx[0]->starttls(Starttls::stripped);
  deferred(world, world.relay.mail("a@bad.test"), {bad.mx[0]}, {.policy = true});
  CHECK(run(world, {"exempt", "bad.test", "--for", "7d"}) == 3);
  CHECK(run(world, {"exempt", "bad.test", "--for", "7d", "--reason", "ticket 4711"}, "bad.test") == 0);
  served_when_healed(world, "bad.test", *bad.mx[0], false);
  const auto records = world.relay.log_lines({{"event", "delivery"}, {"domain", "bad.test"}, {"result", "delivered"}});
  REQUIRE_FALSE(records.empty());
  CHECK(records.back()["exempt"].find("ticket 4711 (exempt command, until ") != std::string::npos);
  CHECK(run(world, {"check", "bad.test"}, "ticket 4711") == 0);
  CHECK(run(world, {"policy", "show", "bad.test"}, "ticket 4711") == 0);
  world.relay.kill();
  world.relay.start();
  delivered(world, world.relay.mail("c@bad.test"), {.mx = bad.mx[0], .tls = false});
  CHECK(run(world, {"exempt", "--list"}, "ticket 4711") == 0);
  CHECK(run(world, {"exempt", "bad.test", "--end"}, "applied again") == 0);
  deferred(world, world.relay.mail("d@bad.test"), {}, {.policy = true});
}

TEST_CASE("refresh and forget go through the running relay and without one to the database",
          "[scenario][STS-26][STS-28]") {
  World world;
  auto& kept = world.lab.domain("kept.test", {.sts = "enforce"});
  CHECK(run(world, {"policy", "forget", "kept.test"}, "nothing is stored") == 1);
  delivered(world, world.relay.mail("first@kept.test"), {.mx = kept.mx[0], .tls = true});
  kept.policy({.mode = "testing"});
  CHECK(run(world, {"policy", "refresh", "kept.test"}, "testing") == 0);
  until_said(world, {"policy", "show", "kept.test"}, "testing");
  CHECK(run(world, {"policy", "forget", "kept.test"}, "dropped") == 0);
  until(
      world,
      [&] {
        return world.relay.cli({"policy", "show", "kept.test"}).status == 1;
      },
      "the policy to go");
  CHECK(run(world, {"policy", "refresh", "none.test"}) == 1);
  world.relay.stop();
  CHECK(run(world, {"policy", "refresh", "kept.test"}, "testing") == 0);
  CHECK(run(world, {"policy", "show", "kept.test"}, "testing") == 0);
  CHECK(run(world, {"policy", "refresh", "--all"}) == 0);
  CHECK(run(world, {"policy", "forget", "kept.test", "--json"}, "\"exit\":0") == 0);
  CHECK(run(world, {"policy", "forget", "kept.test"}) == 1);
  world.relay.start();
}

TEST_CASE("the emergency switch and its end are picked up at a reload", "[scenario][STS-52]") {
  World world;
  auto& bad = world.lab.domain("bad.test", {.sts = "enforce"});
  bad.mx[0]->starttls(Starttls::stripped);
  deferred(world, world.relay.mail("a@bad.test"), {bad.mx[0]}, {.policy = true});
  world.relay.options().tables["mta_sts"]["enabled"] = "false";
  world.relay.write_configuration();
  world.relay.reload();
  until(
      world,
      [&] {
        return !world.relay.log_lines({{"event", "mta_sts_disabled"}}).empty();
      },
      "the warning");
  served_when_healed(world, "bad.test", *bad.mx[0], false);
  world.relay.options().tables["mta_sts"]["enabled"] = "true";
  world.relay.write_configuration();
  world.relay.reload();
  until(
      world,
      [&] {
        return world.relay.log_lines({{"event", "reloaded"}}).size() == 2;
      },
      "the reload");
  deferred(world, world.relay.mail("c@bad.test"), {}, {.policy = true});
}
