// Reports on SMTPUTF8 messages: in UTF-8 where the way back offers SMTPUTF8, in ASCII where it does not. The world has
// senders whose host knows no SMTPUTF8 though their mail program uses it: their bounces must not bounce.
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/scenario/support/queue_world.hpp"

using namespace scenario;

namespace {

const std::string mueller = "m\xc3\xbcller@grey.test";
const std::string greeting = "Gr\xc3\xbc\xc3\x9f\x65";

/// A message in UTF-8 that its host first puts off, then refuses for good.
lab::Domain& refused_later(QueueWorld& world, const std::string& sender = "a@sender.test") {
  auto& grey = world.lab.domain("grey.test", {.sts = "enforce"});
  grey.mx[0]->on("RCPT", std::string("450 4.2.1 greylisted"));
  world.take({mueller}, "SMTPUTF8 BODY=8BITMIME", "NOTIFY=FAILURE ORCPT=utf-8;m\\x{FC}@alias.test", sender,
             lab::letter("the text of the message", greeting));
  grey.mx[0]->on("RCPT", std::string("550 5.1.1 nobody of that name"));
  return grey;
}

void without_smtputf8(MxHost& host) {
  host.offers({"PIPELINING", "8BITMIME"});
}

void is_international(const lab::Message& report) {
  CHECK(holds(report.parameters, "SMTPUTF8"));
  for (const auto& part :
       {std::string("multipart/report; report-type=delivery-status"), "Final-Recipient: utf-8;" + mueller,
        std::string("Content-Type: message/global-delivery-status"), std::string("Content-Type: message/global\r\n"),
        std::string("Original-Recipient: utf-8;m\xc3\xbc@alias.test"), "Subject: " + greeting,
        std::string("the text of the message")}) {
    INFO(part);
    CHECK(holds(*report.body, part));
  }
}

}  // namespace

TEST_CASE("a report on a message in UTF-8 goes back in UTF-8 where that is taken", "[scenario][SMTP-62]") {
  QueueWorld world;
  refused_later(world);
  is_international(world.report());
  world.drained();
}

TEST_CASE("a report on a message in UTF-8 goes back in ASCII where nothing else is taken", "[scenario][SMTP-62]") {
  const bool eight_bit = GENERATE(true, false);
  QueueWorld world;
  world.home.mx[0]->offers(eight_bit ? std::vector<std::string>{"PIPELINING", "8BITMIME"} : std::vector<std::string>{});
  refused_later(world);
  const auto report = world.report();
  const auto& body = *report.body;
  CHECK_FALSE(holds(report.parameters, "SMTPUTF8"));
  CHECK(std::all_of(body.begin(), body.end(), [](char c) { return static_cast<unsigned char>(c) < 128; }));
  for (const char* part : {"Content-Type: message/delivery-status", "Final-Recipient: utf-8;m\\x{FC}ller@grey.test",
                           "Original-Recipient: utf-8;m\\x{FC}@alias.test", "Diagnostic-Code: smtp; 550 5.1.1",
                           "text/rfc822-headers", "Subject: Gr=C3=BC=C3=9Fe"}) {
    INFO(part);
    CHECK(holds(body, part));
  }
  CHECK_FALSE(holds(body, "message/global"));
  CHECK(world.relay.log_lines({{"event", "report_in_ascii"}}).size() == 1);
  world.drained();
}

TEST_CASE("a report with 8-bit content goes back without it where that is not taken", "[scenario][SMTP-28]") {
  QueueWorld world;
  world.home.mx[0]->offers({"PIPELINING"});
  auto& grey = world.lab.domain("grey.test", {.sts = "enforce"});
  grey.mx[0]->on("RCPT", std::string("450 4.2.1 greylisted"));
  world.take({"b@grey.test"}, "BODY=8BITMIME", "", "a@sender.test", lab::letter(greeting, "about the weather"));
  grey.mx[0]->on("RCPT", std::string("550 5.1.1 nobody of that name"));
  const auto report = world.report();
  CHECK(holds(*report.body, "text/rfc822-headers"));
  CHECK(holds(*report.body, "about the weather"));
  CHECK_FALSE(holds(*report.body, greeting));
  world.drained();
}

TEST_CASE("of two hosts the one with SMTPUTF8 gets the report in UTF-8", "[scenario][SMTP-62][SMTP-24]") {
  QueueWorld world;
  auto& two = world.lab.domain("two.test", {.mx = 2});
  without_smtputf8(*two.mx[0]);
  refused_later(world, "a@two.test");
  const auto report = world.arrival("a@two.test");
  CHECK(report.mx == two.mx[1]);
  is_international(report);
  world.drained();
}

TEST_CASE("a report that waits is in UTF-8 again once its host takes that", "[scenario][SMTP-62]") {
  QueueWorld world;
  without_smtputf8(*world.home.mx[0]);
  world.home.mx[0]->on("RCPT", std::string("450 4.2.1 greylisted"));
  refused_later(world);
  // The ASCII form was tried, and its host has said later.
  until(
      world,
      [&] {
        for (const auto& line : world.relay.log_lines({{"event", "delivery"}, {"domain", "sender.test"}})) {
          if (line["reason"].find("greylisted") != std::string::npos) return true;
        }
        return false;
      },
      "a first attempt");
  CHECK_FALSE(world.relay.log_lines({{"event", "report_in_ascii"}}).empty());
  world.home.mx[0]->offers({"PIPELINING", "8BITMIME", "SMTPUTF8"}).as_usual();
  is_international(world.report());
  world.drained();
}

TEST_CASE("a report to an address in UTF-8 goes to hosts with SMTPUTF8 only", "[scenario][SMTP-62][SMTP-58]") {
  const bool offered = GENERATE(true, false);
  const std::string sender = "\xc3\xa9@sender.test";
  QueueWorld world;
  if (!offered) without_smtputf8(*world.home.mx[0]);
  refused_later(world, sender);
  if (offered) {
    const auto report = world.arrival(sender);
    is_international(report);
    CHECK(holds(*report.body, "\r\nTo: " + sender + "\r\n"));
  }
  world.drained();
  CHECK(world.relay.log_lines({{"event", "given_up"}}).size() == (offered ? 1U : 2U));
}

TEST_CASE("a message that was begun with SMTPUTF8 and needs none is reported on in ASCII", "[scenario][SMTP-62]") {
  QueueWorld world;
  auto& grey = world.lab.domain("grey.test", {.sts = "enforce"});
  grey.mx[0]->on("RCPT", std::string("450 4.2.1 greylisted"));
  world.take({"b@grey.test"}, "SMTPUTF8");
  grey.mx[0]->on("RCPT", std::string("550 5.1.1 nobody of that name"));
  const auto report = world.report();
  CHECK_FALSE(holds(report.parameters, "SMTPUTF8"));
  CHECK(holds(*report.body, "Content-Type: message/delivery-status"));
  world.drained();
}

TEST_CASE("a queued message that was begun with SMTPUTF8 says so only where it needs it", "[scenario][SMTP-24]") {
  const bool needed = GENERATE(true, false);
  QueueWorld world;
  auto& grey = world.lab.domain("grey.test", {.sts = "enforce"});
  grey.mx[0]->on("RCPT", std::string("450 4.2.1 greylisted"));
  world.take({"b@grey.test"}, "SMTPUTF8 BODY=8BITMIME", "", "a@sender.test",
             lab::letter(greeting, needed ? greeting : "x"));
  grey.mx[0]->as_usual();
  CHECK(holds(world.arrival("b@grey.test").parameters, "SMTPUTF8") == needed);
  world.drained();
}
