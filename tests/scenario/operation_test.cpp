// The end of the relay in the middle of work, and the ids by which its work is found again.
#include <catch2/catch.hpp>
#include <set>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;

TEST_CASE("SIGTERM inside a body that does not go on ends the relay and no message", "[scenario][OPS-02][SMTP-41]") {
  World world({.top = {{"drain", "\"1s\""}}});
  auto& in = world.lab.domain("in.test", {.sts = "enforce"});
  auto client = world.relay.client();
  CHECK(client.envelope("a@sender.test", {"b@in.test"})[0].second.code == 250);
  CHECK(client.command("DATA").code == 354);
  std::string half = lab::letter();
  while (half.size() < 300'000) half += std::string(70, 'y') + "\r\n";
  client.raw(half);
  CHECK(world.relay.stop() == 0);
  until(
      world,
      [&] {
        for (const auto& session : in.mx[0]->sessions())
          if (!session.closed) return false;
        return true;
      },
      "the end of every session at the MX");
  CHECK(world.lab.seen().empty());
}

TEST_CASE("SIGTERM lets a message end whose verdict comes within the drain time", "[scenario][OPS-02][SMTP-31]") {
  World world({.top = {{"drain", "\"20s\""}}});
  auto& owing = world.lab.domain("owing.test", {.sts = "enforce"});
  owing.mx[0]->slow("DOT", std::chrono::milliseconds(1500));
  auto client = world.relay.client();
  CHECK(client.envelope("a@sender.test", {"b@owing.test"})[0].second.code == 250);
  CHECK(client.command("DATA").code == 354);
  client.raw(lab::letter() + ".\r\n");
  until(
      world, [&] { return !world.lab.seen().empty(); }, "the whole message at the MX");
  CHECK(world.relay.stop() == 0);  // while the verdict is due
  CHECK(client.read().code == 250);
  CHECK(world.lab.arrived("b@owing.test").size() == 1);
}

TEST_CASE("each message of a connection has an id of its own in reply and header and log whatever becomes of it",
          "[scenario][OPS-04]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto& no = world.lab.domain("no.test", {.sts = "enforce"});
  no.mx[0]->on("DOT", std::string("554 5.6.0 spam"));
  auto client = world.relay.client();
  std::set<std::string> ids;
  for (const std::string recipient : {"a@good.test", "b@no.test", "c@good.test"}) {
    INFO(recipient);
    const auto mail = client.command("MAIL FROM:<a@sender.test>");
    const auto id = mail.text.substr(mail.text.rfind(' ') + 1);
    CHECK(id.size() == 16);
    ids.insert(id);
    CHECK(client.command("RCPT TO:<" + recipient + ">").code == 250);
    CHECK(client.data(lab::letter()).code == (recipient == "b@no.test" ? 554 : 250));
    const auto seen = world.lab.seen();
    REQUIRE_FALSE(seen.empty());
    CHECK(seen.back().body->substr(0, seen.back().body->find("\r\nFrom:")).find("id " + id) != std::string::npos);
    const std::string result = recipient == "b@no.test" ? "refused" : "delivered";
    until(
        world,
        [&] {
          return world.relay.log_lines({{"event", "delivery"}, {"id", id}, {"result", result}}).size() == 1;
        },
        "one delivery record with the message's id");
  }
  client.quit();
  CHECK(ids.size() == 3);
  CHECK(good.mx[0]->inbox().size() == 2);
}
