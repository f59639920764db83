// The client's side of a transaction: recipients of several domains, the body's octets, slow peers, one id from end to
// end.
#include <catch2/catch.hpp>

#include "tests/scenario/support/judge.hpp"

using namespace scenario;
using lab::Starttls;

TEST_CASE("a second recipient domain waits for the next transaction and nobody is lost or served twice",
          "[scenario][SMTP-63]") {
  World world;
  auto& one = world.lab.domain("one.test", {.sts = "enforce"});
  auto& two = world.lab.domain("two.test", {.sts = "enforce"});
  const auto outcome = world.relay.mail({"a@one.test", "b@two.test"}, lab::letter());
  delivered(world, outcome, {.mx = one.mx[0], .tls = true, .recipient = "a@one.test"});
  CHECK(outcome.reply("b@two.test").code == 452);
  CHECK(outcome.reply("b@two.test").enhanced() == "4.5.3");
  CHECK(outcome.reply("b@two.test").text.find("LMTP") != std::string::npos);
  delivered(world, world.relay.mail("b@two.test"), {.mx = two.mx[0], .tls = true});
}

TEST_CASE("over LMTP each recipient has its own domain's answer", "[scenario][SMTP-65][STS-64]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto& bad = world.lab.domain("bad.test", {.sts = "enforce"});
  auto& no = world.lab.domain("no.test", {.sts = "enforce"});
  bad.mx[0]->starttls(Starttls::stripped);
  no.mx[0]->on("RCPT", std::string("550 5.1.1 who is that"));
  const auto outcome = world.relay.lmtp({"b@bad.test", "a@good.test", "c@no.test"});
  delivered(world, outcome, {.mx = good.mx[0], .tls = true, .recipient = "a@good.test"});
  deferred(world, outcome, {bad.mx[0]}, {.policy = true, .recipient = "b@bad.test"});
  refused(world, outcome, {"550", "who is that"}, "c@no.test");
}

TEST_CASE("nothing is added but one Received and every octet of header and body stays",
          "[scenario][SMTP-52][SMTP-10][SMTP-04]") {
  World world;
  auto& exact = world.lab.domain("exact.test", {.sts = "enforce"});
  const std::string sent =
      "DKIM-Signature: v=1; a=rsa-sha256; d=sender.test; s=x;\r\n\tbh=abc=; h=from; b=def==\r\nReturn-Path: "
      "<old@sender.test>\r\n"
      "Bcc: hidden@in.test\r\nFrom: <a@sender.test>\r\n\r\n.\r\n..\r\n.x\r\n\xc3\xa9\r\n" +
      std::string(1, '\0') + "\r\nend\r\n";
  const auto message =
      delivered(world, world.relay.mail({"b@exact.test"}, sent, "a@sender.test", "BODY=8BITMIME"), {.mx = exact.mx[0]});
  const auto start = message.body->find("DKIM-Signature:");
  REQUIRE(start != std::string::npos);
  CHECK(message.body->substr(start) == sent);
  const auto above = message.body->substr(0, start);
  CHECK(above.starts_with("Received: from "));
  CHECK(above.find("\r\n") != std::string::npos);
  for (auto at = above.find("\r\n"); at + 2 < above.size(); at = above.find("\r\n", at + 2)) {
    CHECK((above[at + 2] == ' ' || above[at + 2] == '\t'));  // folds only: one field
  }
}

TEST_CASE("slow peers on either side are slow and not wrong", "[scenario][SMTP-09]") {
  World world;
  auto& slow = world.lab.domain("slow.test", {.sts = "enforce"});
  slow.mx[0]->slow(std::chrono::milliseconds(300));
  auto client = world.relay.client();
  for (const char octet : std::string("MAIL FROM:<a@sender.test>\r\n")) client.raw(std::string(1, octet));
  CHECK(client.read().code == 250);
  CHECK(client.command("RCPT TO:<b@slow.test>").code == 250);
  CHECK(client.data(lab::letter()).code == 250);
  client.quit();
  CHECK(world.lab.arrived("b@slow.test").size() == 1);
}

TEST_CASE("one id stands in the reply and the header and the log", "[scenario][OPS-04][OPS-05]") {
  World world;
  auto& good = world.lab.domain("good.test", {.sts = "enforce"});
  auto client = world.relay.client();
  const auto mail = client.command("MAIL FROM:<a@sender.test>");
  const auto id = mail.text.substr(mail.text.rfind(' ') + 1);
  REQUIRE(id.size() == 16);
  CHECK(client.command("RCPT TO:<b@good.test>").code == 250);
  CHECK(client.data(lab::letter()).code == 250);
  client.quit();
  REQUIRE(good.mx[0]->inbox().size() == 1);
  CHECK(good.mx[0]->inbox()[0]->body->find("id " + id) != std::string::npos);
  until(
      world,
      [&] {
        return !world.relay.log_lines({{"event", "delivery"}, {"id", id}}).empty();
      },
      "the delivery record");
}
