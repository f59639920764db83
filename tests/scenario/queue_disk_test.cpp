// A disk that takes no more: what needs it waits at its client, what does not need it goes on, and nothing has to be
// done by hand when there is room again.
#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/scenario/support/queue_world.hpp"
#include "tests/support/temporary_directory.hpp"

using namespace scenario;

namespace {

/// No file of the relay grows past `octets`: what a full disk does, without one.
void limit_files(const World& world, rlim_t octets) {
  rlimit limit{};
  REQUIRE(::prlimit(world.relay.process_id(), RLIMIT_FSIZE, nullptr, &limit) == 0);
  limit.rlim_cur = octets;
  REQUIRE(::prlimit(world.relay.process_id(), RLIMIT_FSIZE, &limit, nullptr) == 0);
}

}  // namespace

TEST_CASE("a full disk defers what needs it and the rest goes on until there is room again",
          "[scenario][SMTP-60][SMTP-63][SMTP-40]") {
  QueueWorld world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto& slow = world.lab.domain("slow.test", {.sts = "enforce"});
  slow.mx[0]->on("DOT", std::string("451 4.3.0 not now"));
  world.take({"first@slow.test"});

  limit_files(world, 4096);
  // Whether the disk is full is only learnt by the first one that needs it.
  auto outcome = world.relay.mail("b@slow.test");
  CHECK(outcome.reply().kind() == 4);
  outcome = world.relay.mail("c@slow.test");
  CHECK(outcome.reply().code == 451);
  CHECK(holds(outcome.reply().text, "not now"));
  CHECK(world.relay.mail("b@good.test").reply().code == 250);
  CHECK(world.arrival("b@good.test").mx == good.mx[0]);
  // One reply cannot speak for two domains while nothing can be stored.
  auto client = world.relay.client();
  const auto two = client.send("a@sender.test", {"d@good.test", "d@slow.test"}, lab::letter());
  client.quit();
  CHECK(two[0].second.code == 250);
  CHECK(two[1].second.code == 452);
  CHECK(holds(two[1].second.text, "one recipient domain"));
  CHECK(world.arrival("d@good.test").mx == good.mx[0]);

  limit_files(world, RLIM_INFINITY);
  until(
      world,
      [&] {
        return !world.relay.log_lines({{"event", "store_recovered"}}).empty();
      },
      "recovery");
  world.take({"e@slow.test", "e@good.test"});
  slow.mx[0]->as_usual();
  for (const char* recipient : {"first@slow.test", "e@slow.test", "e@good.test"}) world.arrival(recipient);
  world.drained();
  for (const char* recipient : {"b@slow.test", "c@slow.test", "d@slow.test"})
    CHECK(world.lab.arrived(recipient).empty());
}

TEST_CASE("what a host took while the disk was full is settled later and not sent again", "[scenario][SMTP-31]") {
  QueueWorld world;
  auto& slow = world.lab.domain("slow.test", {.sts = "enforce"});
  slow.mx[0]->on("RCPT", std::string("451 4.3.0 not now"));
  world.take({"b@slow.test"});
  limit_files(world, 4096);
  slow.mx[0]->as_usual();
  world.arrival("b@slow.test");
  until(
      world,
      [&] {
        return world.relay.log_lines({{"event", "store_failed"}}).size() >= 2;
      },
      "writes that fail");
  limit_files(world, RLIM_INFINITY);
  world.drained();
  CHECK(slow.mx[0]->inbox().size() == 1);
}

TEST_CASE("a disk that cannot sync defers what needs it and the rest goes on until it can again",
          "[scenario][SMTP-60][SMTP-40]") {
  const test::TemporaryDirectory folder("sync");
  const auto fails = folder.path + "/fails";
  ::setenv("STS_RELAY_FAIL_SYNC", fails.c_str(), 1);
  QueueOptions options;
  options.relay.program = STS_RELAY_KILL_PROGRAM;
  QueueWorld world(options);
  ::unsetenv("STS_RELAY_FAIL_SYNC");
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto& slow = world.lab.domain("slow.test", {.sts = "enforce"});
  slow.mx[0]->on("DOT", std::string("451 4.3.0 not now"));
  world.take({"first@slow.test"});

  std::ofstream(fails) << "now";
  for (const auto& body : {lab::letter(), lab::letter(std::string(200000, 'x'))})
    CHECK(world.relay.outcome(world.relay.client().send("a@sender.test", {"b@slow.test"}, body)).reply().kind() == 4);
  CHECK(world.relay.mail("b@good.test").reply().code == 250);
  CHECK(world.arrival("b@good.test").mx == good.mx[0]);

  std::filesystem::remove(fails);
  until(
      world,
      [&] {
        return !world.relay.log_lines({{"event", "store_recovered"}}).empty();
      },
      "recovery");
  world.take({"e@slow.test"});
  slow.mx[0]->as_usual();
  for (const char* recipient : {"first@slow.test", "e@slow.test"}) world.arrival(recipient);
  world.drained();
  CHECK(world.lab.arrived("b@slow.test").empty());
}
