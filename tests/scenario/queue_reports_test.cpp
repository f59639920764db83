// What senders are told: bounces, delay warnings, relayed notices, and what RET, ENVID, NOTIFY and ORCPT change.
#include <catch2/catch.hpp>

#include "tests/scenario/support/queue_world.hpp"
#include "tests/scenario/support/secure_listener.hpp"

using namespace scenario;

namespace {

/// A message that the queue holds because its host has said 450.
lab::Domain& greylisted(QueueWorld& world, const std::string& parameters = {}, const std::string& of_recipient = {},
                        const std::string& sender = "a@sender.test") {
  auto& grey = world.lab.domain("grey.test", {.sts = "enforce"});
  grey.mx[0]->on("RCPT", std::string("450 4.2.1 greylisted"));
  world.take({"b@grey.test"}, parameters, of_recipient, sender,
             lab::letter("the text of the message", "about the weather"));
  return grey;
}

void refuse_now(lab::Domain& domain) {
  domain.mx[0]->on("RCPT", std::string("550 5.1.1 nobody of that name"));
}

}  // namespace

TEST_CASE("a message that is refused later comes back with words fields and text", "[scenario][SMTP-28]") {
  QueueWorld world;
  auto& grey = greylisted(world);
  refuse_now(grey);
  const auto report = world.report();
  world.drained();
  const auto& body = *report.body;
  for (const char* part :
       {"multipart/report", "report-type=delivery-status", "message/delivery-status", "Reporting-MTA: dns; relay.test",
        "Final-Recipient: rfc822;b@grey.test", "Action: failed", "Status: 5.1.1", "Remote-MTA: dns; mx1.grey.test",
        "Diagnostic-Code: smtp; 550 5.1.1 nobody of that name", "Auto-Submitted: auto-replied", "message/rfc822",
        "about the weather", "the text of the message", "\r\nTo: "}) {
    INFO(part);
    CHECK(holds(body, part));
  }
  CHECK_FALSE(holds(body, "Original-Envelope-Id"));
  CHECK_FALSE(holds(body, "Original-Recipient"));
}

TEST_CASE("RET ENVID and ORCPT shape the report", "[scenario][SMTP-26][SMTP-28]") {
  QueueWorld world;
  auto& grey = greylisted(world, "RET=HDRS ENVID=QQ+2B1", "NOTIFY=FAILURE ORCPT=rfc822;Bob@alias.test");
  refuse_now(grey);
  const auto report = world.report();
  const auto& body = *report.body;
  CHECK(holds(body, "Original-Envelope-Id: QQ+1"));
  CHECK(holds(body, "Original-Recipient: rfc822;Bob@alias.test"));
  CHECK(holds(body, "text/rfc822-headers"));
  CHECK(holds(body, "about the weather"));
  CHECK_FALSE(holds(body, "the text of the message"));
  // RFC 3461 §6.1, §5.2.7: the report asks for none of its own.
  CHECK(report.parameters.find("RET") == std::string::npos);
}

TEST_CASE("nobody is told where NOTIFY or the null sender forbid it", "[scenario][SMTP-26][SMTP-58]") {
  const bool null_sender = GENERATE(false, true);
  QueueWorld world({.delay_warning = "1s"});
  auto& grey = null_sender ? greylisted(world, "", "", "") : greylisted(world, "", "NOTIFY=NEVER");
  refuse_now(grey);
  until(
      world,
      [&] {
        return !world.relay.log_lines({{"event", "given_up"}}).empty();
      },
      "the end of the message");
  world.drained();
  CHECK(world.lab.inbox().empty());
}

TEST_CASE("the report of a failed report is none", "[scenario][SMTP-58]") {
  QueueWorld world;
  world.home.mx[0]->on("RCPT", std::string("550 5.1.1 no such sender"));
  auto& grey = greylisted(world);
  refuse_now(grey);
  until(
      world,
      [&] {
        return world.relay.log_lines({{"event", "given_up"}}).size() == 2;
      },
      "the end of both");
  world.drained();
  CHECK(world.lab.inbox().empty());
}

TEST_CASE("a delay is told of once and not against NOTIFY", "[scenario][SMTP-26][SMTP-29]") {
  const std::string notify = GENERATE("", "NOTIFY=DELAY", "NOTIFY=FAILURE");
  QueueWorld world({.delay_warning = "1s"});
  auto& grey = greylisted(world, "", notify);
  if (notify != "NOTIFY=FAILURE") {
    const auto report = world.report();
    for (const char* part : {"Action: delayed", "Will-Retry-Until:", "b@grey.test", "text/rfc822-headers",
                             "Remote-MTA: dns; mx1.grey.test", "Diagnostic-Code: smtp; 450 4.2.1 greylisted"}) {
      INFO(part);
      CHECK(holds(*report.body, part));
    }
    CHECK_FALSE(holds(*report.body, "the text of the message"));
  } else {
    until(
        world,
        [&] {
          return world.relay.log_lines({{"event", "delivery"}}).size() >= 4;
        },
        "some retries");
  }
  grey.mx[0]->as_usual();
  world.arrival("b@grey.test");
  world.drained();
  CHECK(world.reports().size() == (notify == "NOTIFY=FAILURE" ? 0U : 1U));
}

TEST_CASE("DSN parameters go on to a host that offers DSN and to no other", "[scenario][SMTP-26]") {
  const std::string mode = GENERATE("reply", "queue");
  QueueOptions options;
  options.start = false;
  QueueWorld world(options);
  world.relay.options().on_defer = mode;
  if (mode == "reply") world.relay.options().listener.erase("patience");
  world.relay.write_configuration();
  world.relay.start();
  auto& with = world.lab.domain("with.test");
  auto& without = world.lab.domain("without.test");
  with.mx[0]->offers({"PIPELINING", "8BITMIME", "DSN"});
  std::string said;
  const auto note = [&](std::string_view argument) -> std::string {
    said = argument;
    return "";
  };
  with.mx[0]->on("RCPT", note);
  without.mx[0]->on("RCPT", note);
  const std::string parameters = "RET=HDRS ENVID=QQ1", of_recipient = "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@x.test";
  world.take({"b@with.test"}, parameters, of_recipient);
  CHECK(holds(with.mx[0]->mails().at(0).line, "RET=HDRS ENVID=QQ1"));
  CHECK(holds(said, "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c@x.test"));
  CHECK(world.reports().empty());
  // RFC 3461 §5.2.2: where the trail of notices ends, the sender hears that from here.
  world.take({"b@without.test"}, parameters, of_recipient);
  CHECK_FALSE(holds(without.mx[0]->mails().at(0).line, "RET"));
  CHECK_FALSE(holds(said, "NOTIFY"));
  const auto report = world.report();
  for (const char* part : {"Action: relayed", "Final-Recipient: rfc822;b@without.test", "Original-Envelope-Id: QQ1",
                           "text/rfc822-headers"}) {
    INFO(part);
    CHECK(holds(*report.body, part));
  }
}

TEST_CASE("a report on a REQUIRETLS message demands the same and returns no content", "[scenario][RTLS-05]") {
  const bool way_back = GENERATE(true, false);
  QueueWorld world({.start = false});
  start_with_tls(world, "starttls", world.relay.options().listener);
  if (way_back) world.home.mx[0]->offers_tls({"REQUIRETLS"});
  auto& grey = world.lab.domain("grey.test", {.sts = "enforce"});
  grey.mx[0]->offers_tls({"REQUIRETLS"}).on("RCPT", std::string("450 4.2.1 greylisted"));
  auto client = secure_client(world);
  const auto replies = client.send("a@sender.test", {"b@grey.test"}, lab::letter("the secret"), "REQUIRETLS RET=FULL");
  CHECK(replies.at(0).second.code == 250);
  refuse_now(grey);
  const auto report = world.report();
  CHECK_FALSE(holds(*report.body, "the secret"));
  CHECK(holds(*report.body, "text/rfc822-headers"));
  CHECK(holds(report.parameters, "REQUIRETLS") == way_back);
}

TEST_CASE("one report tells of all recipients that failed together", "[scenario][SMTP-28]") {
  QueueWorld world;
  auto& grey = world.lab.domain("grey.test", {.sts = "enforce"});
  grey.mx[0]->on("RCPT", std::string("450 4.2.1 greylisted"));
  world.take({"b@grey.test", "c@grey.test", "d@grey.test"});
  refuse_now(grey);
  const auto report = world.report();
  for (const char* recipient : {"b@grey.test", "c@grey.test", "d@grey.test"})
    CHECK(holds(*report.body, std::string("Final-Recipient: rfc822;") + recipient));
  world.drained();
}

TEST_CASE("a report at the end of the lifetime quotes what the host has said and nothing else", "[scenario][SMTP-28]") {
  QueueWorld world({.lifetime = "2s"});
  greylisted(world);
  const auto report = world.report();
  for (const char* part : {"Status: 5.4.7", "given up after the time in the queue was over",
                           "Remote-MTA: dns; mx1.grey.test", "Diagnostic-Code: smtp; 450 4.2.1 greylisted"}) {
    INFO(part);
    CHECK(holds(*report.body, part));
  }
  CHECK_FALSE(holds(*report.body, "Diagnostic-Code: smtp; 554"));
  world.drained();
}
