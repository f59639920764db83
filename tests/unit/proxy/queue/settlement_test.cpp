// What follows from an attempt: done, again, or a report, for each kind of verdict and of wish to be told.
#include "proxy/queue/settlement.hpp"

#include <catch2/catch.hpp>

#include "tests/support/captured_log.hpp"
#include "tests/unit/proxy/queue/queued_message.hpp"

namespace {

using namespace std::chrono_literals;
using proxy::Verdict;
using test::noon;

const Verdict taken{{250, "2.0.0", "ok"}, "mx.x.test", true};
const Verdict taken_without_dsn{{250, "2.0.0", "ok"}, "mx.x.test", false};
const Verdict nobody{{550, "5.1.1", "no such user"}, "mx.x.test"};
const Verdict later{{451, "4.2.1", "greylisted"}, "mx.x.test"};
const Verdict no_host{{451, "4.4.1", "no host can be reached"}};

struct Settling {
  proxy::QueuedMessage message = test::queued(7, {"b@x.test", "c@x.test", "d@x.test"});
  proxy::OctetsInMemory octets{"Subject: hello\r\n\r\nthe text\r\n"};
  proxy::Config config;
  std::mt19937 random{1};
  test::CapturedLog log;

  Settling() { config.hostname = "relay.test"; }
  proxy::Settlement settle(const std::vector<Verdict>& verdicts, bool last = false) {
    return proxy::settle(config, message, &octets, verdicts, last, noon, random, [] { return std::int64_t{8}; });
  }
};

std::string text_of(const proxy::QueueChange::New& made) {
  std::string text(made.octets->size(), '\0');
  text.resize(made.octets->read(0, text));
  return text;
}
bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("each recipient is done or tried again by its own verdict", "[SMTP-29][SMTP-40]") {
  Settling settling;
  const auto settled = settling.settle({taken, later, nobody});
  REQUIRE(settled.change.done.size() == 1);
  CHECK(settled.change.done[0].message == 7);
  CHECK(settled.change.done[0].numbers == std::vector<std::uint32_t>{0, 2});
  REQUIRE(settled.change.attempted.size() == 1);
  const auto& again = settled.change.attempted[0];
  CHECK(again.message == 7);
  CHECK(again.recipient.number == 1);
  CHECK(again.recipient.attempts == 2);
  CHECK(again.recipient.reason == "451 4.2.1 greylisted");
  CHECK(again.recipient.host == "mx.x.test");
  CHECK(again.recipient.next_attempt > noon);
  // The report on the one that failed is in the same change.
  REQUIRE(settled.change.add.size() == 1);
  REQUIRE(settled.reports.size() == 1);
  CHECK(settled.reports[0].number == 8);
  CHECK(settling.log.count("dequeued") == 1);
  CHECK(settling.log.count("given_up") == 1);
}

TEST_CASE("what waits together is tried together", "[SMTP-29]") {
  Settling settling;
  const auto settled = settling.settle({later, later, no_host});
  REQUIRE(settled.change.attempted.size() == 3);
  CHECK(settled.change.done.empty());
  CHECK(settled.change.add.empty());
  for (const auto& one : settled.change.attempted)
    CHECK(one.recipient.next_attempt == settled.change.attempted[0].recipient.next_attempt);
  CHECK(settled.change.attempted[2].recipient.host == "");
}

TEST_CASE("an answer that is missing is no success", "[SMTP-40]") {
  Settling settling;
  const auto settled = settling.settle({taken});
  REQUIRE(settled.change.done.size() == 1);
  CHECK(settled.change.done[0].numbers == std::vector<std::uint32_t>{0});
  CHECK(settled.change.attempted.size() == 2);
}

TEST_CASE("a message that is given up keeps the last words", "[SMTP-28][SMTP-29]") {
  Settling settling;
  const auto settled = settling.settle({later, no_host, taken}, true);
  CHECK(settled.change.attempted.empty());
  REQUIRE(settled.change.done.size() == 1);
  CHECK(settled.change.done[0].numbers == std::vector<std::uint32_t>{0, 1, 2});
  REQUIRE(settled.change.add.size() == 1);
  const auto text = text_of(settled.change.add[0]);
  CHECK(has(text, "Status: 5.4.7"));
  CHECK(has(text, "Diagnostic-Code: smtp; 451 4.2.1 greylisted"));
  CHECK(has(text, "no host can be reached"));
  CHECK(has(text, "Final-Recipient: rfc822;b@x.test"));
  CHECK(has(text, "Final-Recipient: rfc822;c@x.test"));
  CHECK_FALSE(has(text, "Final-Recipient: rfc822;d@x.test"));
}

TEST_CASE("a report is owed as NOTIFY says and never to the null sender", "[SMTP-26][SMTP-58]") {
  Settling settling;
  auto& notify = settling.message.recipients[0].rcpt.notify;
  auto& sender = settling.message.mail.reverse_path;
  const auto owed = [&](const Verdict& verdict) {
    std::string actions;
    for (const auto& one : proxy::owed(settling.message, {settling.message.recipients[0].rcpt}, {verdict}))
      actions += one.action == mime::ReportedRecipient::Action::failed ? "failed" : "relayed";
    return actions;
  };
  CHECK(owed(nobody) == "failed");
  CHECK(owed(taken_without_dsn) == "");
  CHECK(owed(later) == "");
  notify = {.given = true, .success = true};
  CHECK(owed(nobody) == "");
  CHECK(owed(taken_without_dsn) == "relayed");
  CHECK(owed(taken) == "");  // its host passes it on
  notify = {.given = true, .never = true};
  CHECK(owed(nobody) == "");
  notify = {};
  sender = {};
  CHECK(owed(nobody) == "");
  CHECK(settling.settle({nobody, nobody, nobody}).change.add.empty());
}

TEST_CASE("a report goes back from nobody under the same demand", "[SMTP-28][SMTP-58][RTLS-05]") {
  Settling settling;
  settling.message.floor = {.encrypted = true, .pkix = true};
  settling.message.mail.requiretls = true;
  const auto settled = settling.settle({nobody, taken, taken});
  REQUIRE(settled.change.add.size() == 1);
  const auto& report = settled.change.add[0].message;
  CHECK(report.mail.reverse_path.null());
  CHECK(report.mail.requiretls);
  CHECK(report.floor == settling.message.floor);
  REQUIRE(report.recipients.size() == 1);
  CHECK(report.recipients[0].rcpt.forward_path.address == "a@sender.test");
  CHECK(report.recipients[0].rcpt.notify.never);
  CHECK(report.recipients[0].next_attempt == noon);
  CHECK(report.expires == noon + settling.config.queue.lifetime);
  // RFC 8689 §4.2.1
  CHECK_FALSE(has(text_of(settled.change.add[0]), "the text"));
}

TEST_CASE("the message goes back whole or its header does as RET and size say", "[SMTP-28]") {
  Settling settling;
  const auto returned = [&] {
    const auto settled = settling.settle({nobody, taken, taken});
    REQUIRE(settled.change.add.size() == 1);
    const auto text = text_of(settled.change.add[0]);
    CHECK(has(text, "Subject: hello"));
    return has(text, "the text");
  };
  CHECK(returned());
  settling.message.mail.ret = smtp::Return::headers;
  CHECK_FALSE(returned());
  settling.message.mail.ret = smtp::Return::full;
  CHECK(returned());
  settling.octets = proxy::OctetsInMemory("Subject: hello\r\n\r\nthe text\r\n" + std::string(200000, 'x'));
  CHECK_FALSE(returned());
}

TEST_CASE("a message whose octets cannot be read is reported without them", "[SMTP-28][SMTP-60]") {
  Settling settling;
  const auto settled = proxy::settle(settling.config, settling.message, nullptr, {nobody, taken, taken}, false, noon,
                                     settling.random, [] { return std::int64_t{8}; });
  REQUIRE(settled.change.add.size() == 1);
  CHECK(has(text_of(settled.change.add[0]), "Final-Recipient: rfc822;b@x.test"));
}

TEST_CASE("a report is in the international form where an SMTPUTF8 message needs it", "[SMTP-62]") {
  struct Row {
    bool smtputf8, header, nested, recipient, orcpt, sender, international;
  };
  const Row rows[] = {
      {false, false, false, false, false, false, false}, {true, false, false, false, false, false, false},
      {false, true, true, false, true, false, false},    {true, true, false, false, false, false, true},
      {true, false, true, false, false, false, true},    {true, false, false, true, false, false, true},
      {true, false, false, false, true, false, true},    {true, false, false, false, false, true, true},
  };
  for (const auto& row : rows) {
    Settling settling;
    auto& message = settling.message;
    message = test::queued(7, {row.recipient ? "\xc3\xa9@x.test" : "b@x.test"},
                           row.sender ? "\xc3\xa9@sender.test" : "a@sender.test");
    message.mail.smtputf8 = row.smtputf8;
    message.content.eight_bit_header = row.nested;
    if (row.orcpt) message.recipients[0].rcpt.orcpt = "utf-8;\\x{E9}@x.test";
    if (row.header) settling.octets = proxy::OctetsInMemory("Subject: \xc3\xa9\r\n\r\nthe text\r\n");
    const auto settled = settling.settle({nobody});
    REQUIRE(settled.change.add.size() == 1);
    const auto& report = settled.change.add[0];
    CAPTURE(row.smtputf8, row.header, row.nested, row.recipient, row.orcpt, row.sender, text_of(report));
    CHECK(has(text_of(report), "message/global-delivery-status") == row.international);
    CHECK(report.message.mail.smtputf8 == row.international);
    CHECK(report.message.content.eight_bit_header == row.international);
  }
}
