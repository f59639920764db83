// What an administrator has written about a domain changes: an exemption runs out, a pin or a preloaded policy is
// written anew, and a relay that holds the state directory takes no orders.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "protocol/base/time_format.hpp"
#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;

namespace {

void write(const std::string& file, const std::string& text) {
  std::ofstream(file) << text;
}

std::string policy_text(const std::string& mx) {
  return "version: STSv1\r\nmode: enforce\r\nmx: " + mx + "\r\nmax_age: 86400\r\n";
}

std::string day(int from_today) {
  return base::day(std::chrono::system_clock::now() + std::chrono::hours(24 * from_today));
}

/// SIGHUP, and its end.
void reload(World& world) {
  const auto before = world.relay.log_lines({{"event", "reloaded"}}).size();
  world.relay.write_configuration();
  world.relay.reload();
  until(
      world,
      [&] {
        return world.relay.log_lines({{"event", "reloaded"}}).size() > before;
      },
      "the reload");
}

}  // namespace

TEST_CASE("an exemption of the configuration counts until its last day and not after it", "[scenario][STS-52]") {
  World world({}, false);
  auto& over = world.lab.domain("over.test", {.sts = "enforce"});
  auto& still = world.lab.domain("still.test", {.sts = "enforce"});
  for (auto* domain : {&over, &still}) domain->mx[0]->starttls(Starttls::stripped);
  const auto exempt = [](const std::string& domain, const std::string& last_day) {
    return lab::Settings{{"domain", lab::toml(domain)},
                         {"exempt", "true"},
                         {"reason", lab::toml("ticket 4711")},
                         {"until", lab::toml(last_day)}};
  };
  world.relay.options().destinations = {exempt("over.test", day(-2)), exempt("still.test", day(2))};
  world.relay.write_configuration();
  world.relay.start();
  deferred(world, world.relay.mail("a@over.test"), {over.mx[0]}, {.policy = true});
  delivered(world, world.relay.mail("a@still.test"), {.mx = still.mx[0], .tls = false});
  CHECK(world.relay.cli({"check", "over.test", "--connect"}).status == 1);
  CHECK(world.relay.cli({"check", "still.test"}).out.find("ticket 4711") != std::string::npos);
  // The date is moved: what counts is the configuration in force.
  world.relay.options().destinations = {exempt("over.test", day(2)), exempt("still.test", day(-2))};
  reload(world);
  served_when_healed(world, "over.test", *over.mx[0], false);
  deferred(world, world.relay.mail("b@still.test"), {}, {.policy = true});
}

TEST_CASE("a pin that is written anew counts from the reload on", "[scenario][STS-52]") {
  World world({}, false);
  auto& corp = world.lab.domain("corp.test", {.mx = 2, .sts = "none"});
  const auto pin = world.lab.directory() + "/corp.policy";
  write(pin, policy_text("mx1.corp.test"));
  world.relay.options().destinations = {{{"domain", lab::toml("corp.test")}, {"pin", lab::toml(pin)}}};
  world.relay.write_configuration();
  world.relay.start();
  delivered(world, world.relay.mail("a@corp.test"), {.mx = corp.mx[0], .tls = true});
  write(pin, policy_text("mx2.corp.test"));
  delivered(world, world.relay.mail("b@corp.test"), {.mx = corp.mx[0], .tls = true});  // nobody was told
  reload(world);
  delivered(world, world.relay.mail("c@corp.test"), {.mx = corp.mx[1], .tls = true});
  // A pin that is none keeps the old configuration, and so the old pin.
  write(pin, "version: STSv1\r\nmode: perhaps\r\n");
  world.relay.reload();
  until(
      world,
      [&] {
        return !world.relay.log_lines({{"event", "reload_failed"}}).empty();
      },
      "the refusal");
  delivered(world, world.relay.mail("d@corp.test"), {.mx = corp.mx[1], .tls = true});
}

TEST_CASE("a preloaded list that is written anew counts from the reload on", "[scenario][STS-53]") {
  World world({}, false);
  auto& x = world.lab.domain("x.test");
  auto& y = world.lab.domain("y.test");
  for (auto* domain : {&x, &y}) domain->mx[0]->starttls(Starttls::stripped);
  const auto list = world.lab.directory() + "/preload";
  write(list, "domain: x.test\n" + policy_text("mx1.x.test"));
  world.relay.options().tables["mta_sts"]["preload"] = lab::toml(list);
  world.relay.write_configuration();
  world.relay.start();
  deferred(world, world.relay.mail("a@x.test"), {x.mx[0]}, {.policy = true});
  delivered(world, world.relay.mail("a@y.test"), {.mx = y.mx[0], .tls = false});
  write(list, "domain: y.test\n" + policy_text("mx1.y.test"));
  reload(world);
  served_when_healed(world, "x.test", *x.mx[0], false);
  deferred(world, world.relay.mail("b@y.test"), {}, {.policy = true});
}

TEST_CASE("orders end with status 4 while a relay that takes none holds the state directory", "[scenario][STS-52]") {
  World world;
  world.lab.domain("x.test", {.sts = "enforce"});
  REQUIRE(std::filesystem::remove(world.relay.directory() + "/state/control.sock"));
  const std::vector<std::vector<std::string>> orders{{"policy", "refresh", "x.test"},
                                                     {"policy", "refresh", "--all"},
                                                     {"policy", "forget", "x.test"},
                                                     {"exempt", "x.test", "--for", "1h", "--reason", "ticket 1"},
                                                     {"exempt", "x.test", "--end"}};
  for (const auto& order : orders) {
    INFO(order[0] << ' ' << order[1]);
    const auto refused = world.relay.cli(order);
    CHECK(refused.status == 4);
    CHECK(refused.out.empty());
    CHECK(refused.err.find("its control socket does not answer") != std::string::npos);
  }
  // Without a relay the same is done.
  world.relay.stop();
  CHECK(world.relay.cli({"policy", "refresh", "x.test"}).status == 0);
  world.relay.start();
}
