// Delivery reports to the octet, one for each action. What they return has returned_content_test.cpp, hostile texts
// have delivery_report_hostile_test.cpp.
#include "protocol/mime/delivery_report.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/protocol/mime/report_samples.hpp"

using namespace report;

namespace {

/// The golden as it goes over the wire.
std::string with_crlf(std::string_view text) {
  std::string wire;
  for (const char c : text) {
    if (c == '\n') wire += '\r';
    wire += c;
  }
  return wire;
}

}  // namespace

TEST_CASE("all failed recipients of a message are in one report", "[SMTP-28][SMTP-58]") {
  auto wanted = about({failed(), given_up()});
  wanted.envid = "QQ+2B314159";
  CHECK(mime::delivery_report(wanted) == with_crlf(R"(From: Mail Delivery System <MAILER-DAEMON@relay.test>
To: a@sender.test
Subject: Your message could not be delivered
Date: Wed, 25 Nov 2026 12:00:00 +0000
Message-ID: <4fZx9r@relay.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="=_4fZx9r.0"

--=_4fZx9r.0
Content-Type: text/plain; charset=us-ascii

This is the mail system at relay.test.

Your message could not be delivered to:

   <b@good.test>
      the host of good.test refused the recipient
      mx1.good.test said: 550 5.1.1 no such user here, and this is a long
      reply that has to be folded somewhere
   <c@exact.test>
      exact.test demands verified TLS (MTA-STS enforce, policy 20260101):
      mx1.exact.test: certificate expired 2026-10-01; given up after 5 days

It is not tried again. Please check that the address is right, and read what
is said above: it often names what has to change before you send the message
again. Where it does not help, pass this report on to those who run your
mail system.

The header of your message is attached.
The message came on Wed, 25 Nov 2026 07:00:00 +0000. Those who run the mail
system know it as 4fZx9.

--=_4fZx9r.0
Content-Type: message/delivery-status

Original-Envelope-Id: QQ+314159
Reporting-MTA: dns; relay.test
Arrival-Date: Wed, 25 Nov 2026 07:00:00 +0000

Original-Recipient: rfc822;Bob+x@good.test
Final-Recipient: rfc822;b@good.test
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx1.good.test
Diagnostic-Code: smtp; 550 5.1.1 no such user here, and this is a long reply
 that has to be folded somewhere
Last-Attempt-Date: Wed, 25 Nov 2026 12:00:00 +0000

Final-Recipient: rfc822;c@exact.test
Action: failed
Status: 4.4.7
Last-Attempt-Date: Wed, 25 Nov 2026 12:00:00 +0000

--=_4fZx9r.0
Content-Type: text/rfc822-headers

Received: from x
From: A <a@sender.test>
To: b@good.test
Subject: greetings

--=_4fZx9r.0--
)"));
}

TEST_CASE("a delay is reported as a warning with the time until which delivery is tried", "[SMTP-28][SMTP-29]") {
  const auto wanted = about({delayed()});
  CHECK(mime::delivery_report(wanted) == with_crlf(R"(From: Mail Delivery System <MAILER-DAEMON@relay.test>
To: a@sender.test
Subject: Your message is delayed
Date: Wed, 25 Nov 2026 12:00:00 +0000
Message-ID: <4fZx9r@relay.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="=_4fZx9r.0"

--=_4fZx9r.0
Content-Type: text/plain; charset=us-ascii

This is the mail system at relay.test.

Your message could not be delivered yet to:

   <b@good.test>
      no host of good.test can be reached: mx1.good.test: connection timed
      out
      tried until Mon, 30 Nov 2026 07:00:00 +0000

This is a warning only, and you need not send the message again: delivery
goes on being tried.

The header of your message is attached.
The message came on Wed, 25 Nov 2026 07:00:00 +0000. Those who run the mail
system know it as 4fZx9.

--=_4fZx9r.0
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.test
Arrival-Date: Wed, 25 Nov 2026 07:00:00 +0000

Final-Recipient: rfc822;b@good.test
Action: delayed
Status: 4.4.1
Last-Attempt-Date: Wed, 25 Nov 2026 12:00:00 +0000
Will-Retry-Until: Mon, 30 Nov 2026 07:00:00 +0000

--=_4fZx9r.0
Content-Type: text/rfc822-headers

Received: from x
From: A <a@sender.test>
To: b@good.test
Subject: greetings

--=_4fZx9r.0--
)"));
}

TEST_CASE("what was passed on to a host without DSN is reported as relayed", "[SMTP-26][SMTP-28]") {
  const auto wanted = about({relayed()});
  CHECK(mime::delivery_report(wanted) == with_crlf(R"(From: Mail Delivery System <MAILER-DAEMON@relay.test>
To: a@sender.test
Subject: Your message was passed on
Date: Wed, 25 Nov 2026 12:00:00 +0000
Message-ID: <4fZx9r@relay.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="=_4fZx9r.0"

--=_4fZx9r.0
Content-Type: text/plain; charset=us-ascii

This is the mail system at relay.test.

You asked for a report on your message. It was passed on for:

   <b@good.test>
      mx1.good.test said: 250 2.0.0 queued as 12345

The next mail system took it, but does not report what becomes of it. So
this is the last report of success that you get; whether the message was
delivered in the end, or read, is not known here.

The header of your message is attached.
The message came on Wed, 25 Nov 2026 07:00:00 +0000. Those who run the mail
system know it as 4fZx9.

--=_4fZx9r.0
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.test
Arrival-Date: Wed, 25 Nov 2026 07:00:00 +0000

Final-Recipient: rfc822;b@good.test
Action: relayed
Status: 2.0.0
Remote-MTA: dns; mx1.good.test
Diagnostic-Code: smtp; 250 2.0.0 queued as 12345
Last-Attempt-Date: Wed, 25 Nov 2026 12:00:00 +0000

--=_4fZx9r.0
Content-Type: text/rfc822-headers

Received: from x
From: A <a@sender.test>
To: b@good.test
Subject: greetings

--=_4fZx9r.0--
)"));
}

TEST_CASE("a report of several actions has words for each and returns the message", "[SMTP-28]") {
  auto wanted = about({relayed(), delayed(), failed()});
  wanted.return_whole = true;
  CHECK(mime::delivery_report(wanted) == with_crlf(R"(From: Mail Delivery System <MAILER-DAEMON@relay.test>
To: a@sender.test
Subject: What became of your message
Date: Wed, 25 Nov 2026 12:00:00 +0000
Message-ID: <4fZx9r@relay.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
 boundary="=_4fZx9r.0"

--=_4fZx9r.0
Content-Type: text/plain; charset=us-ascii

This is the mail system at relay.test.

Your message could not be delivered to:

   <b@good.test>
      the host of good.test refused the recipient
      mx1.good.test said: 550 5.1.1 no such user here, and this is a long
      reply that has to be folded somewhere

It is not tried again. Please check that the address is right, and read what
is said above: it often names what has to change before you send the message
again. Where it does not help, pass this report on to those who run your
mail system.

Your message could not be delivered yet to:

   <b@good.test>
      no host of good.test can be reached: mx1.good.test: connection timed
      out
      tried until Mon, 30 Nov 2026 07:00:00 +0000

This is a warning only, and you need not send the message again: delivery
goes on being tried.

You asked for a report on your message. It was passed on for:

   <b@good.test>
      mx1.good.test said: 250 2.0.0 queued as 12345

The next mail system took it, but does not report what becomes of it. So
this is the last report of success that you get; whether the message was
delivered in the end, or read, is not known here.

Your message is attached.
The message came on Wed, 25 Nov 2026 07:00:00 +0000. Those who run the mail
system know it as 4fZx9.

--=_4fZx9r.0
Content-Type: message/delivery-status

Reporting-MTA: dns; relay.test
Arrival-Date: Wed, 25 Nov 2026 07:00:00 +0000

Final-Recipient: rfc822;b@good.test
Action: relayed
Status: 2.0.0
Remote-MTA: dns; mx1.good.test
Diagnostic-Code: smtp; 250 2.0.0 queued as 12345
Last-Attempt-Date: Wed, 25 Nov 2026 12:00:00 +0000

Final-Recipient: rfc822;b@good.test
Action: delayed
Status: 4.4.1
Last-Attempt-Date: Wed, 25 Nov 2026 12:00:00 +0000
Will-Retry-Until: Mon, 30 Nov 2026 07:00:00 +0000

Original-Recipient: rfc822;Bob+x@good.test
Final-Recipient: rfc822;b@good.test
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx1.good.test
Diagnostic-Code: smtp; 550 5.1.1 no such user here, and this is a long reply
 that has to be folded somewhere
Last-Attempt-Date: Wed, 25 Nov 2026 12:00:00 +0000

--=_4fZx9r.0
Content-Type: message/rfc822

Received: from x
From: A <a@sender.test>
To: b@good.test
Subject: greetings

Hello
..dot

--=_4fZx9r.0--
)"));
}

TEST_CASE("a status that is missing or of another class than the action is of none", "[SMTP-28]") {
  struct Row {
    Action action;
    const char* given;
    const char* written;
  };
  const Row rows[] = {
      {Action::failed, "5.7.10", "5.7.10"},
      {Action::failed, "", "5.0.0"},
      {Action::failed, "2.0.0", "5.0.0"},
      {Action::failed, "4.4.7", "4.4.7"},
      {Action::failed, "5.7", "5.0.0"},
      {Action::failed, "5.7.1x", "5.0.0"},
      {Action::failed, "5.7.1000", "5.0.0"},
      {Action::failed, "55.7.1", "5.0.0"},
      {Action::failed, "5.7.1.1", "5.0.0"},
      {Action::delayed, "4.7.5", "4.7.5"},
      {Action::delayed, "5.1.1", "4.0.0"},
      {Action::delayed, "", "4.0.0"},
      {Action::relayed, "2.1.5", "2.1.5"},
      {Action::relayed, "4.4.1", "2.0.0"},
      {Action::relayed, "5.7.1\r\nX: y", "2.0.0"},
      {Action::failed, "5..1", "5.0.0"},
      {Action::failed, "..", "5.0.0"},
      {Action::failed, "5.-1.1", "5.0.0"},
  };
  for (const Row& row : rows) {
    INFO(row.given);
    const auto got = read_back(about({recipient(row.action, "b@good.test", row.given)}));
    CHECK(has(got.parts.at(1).body, std::string("Status: ") + row.written));
  }
}

TEST_CASE("what the sender gave comes back as it was before it became xtext", "[SMTP-26][SMTP-28]") {
  struct Row {
    const char* orcpt;
    const char* field;  // nullptr: none
  };
  const Row rows[] = {
      {"", nullptr},
      {"rfc822", nullptr},
      {"rfc822;b@good.test", "Original-Recipient: rfc822;b@good.test"},
      {"rfc822;b+2Bx+20y@good.test", "Original-Recipient: rfc822;b+x y@good.test"},
      {"X400;+2FS+3Dx;y", "Original-Recipient: X400;/S=x;y"},
      // No header may hold what comes of these.
      {"rfc822;caf+C3+A9@good.test", "Original-Recipient: rfc822;caf+C3+A9@good.test"},
      {"rfc822;b+0D+0AX:+20y", "Original-Recipient: rfc822;b+0D+0AX:+20y"},
      {"rfc822;b+4", "Original-Recipient: rfc822;b+4"},
  };
  for (const Row& row : rows) {
    INFO(row.orcpt);
    auto one = failed();
    one.orcpt = row.orcpt;
    const auto got = read_back(about({one}));
    const bool there = got.parts.at(1).body.find("Original-Recipient") != std::string::npos;
    CHECK(there == (row.field != nullptr));
    if (row.field != nullptr) CHECK(has(got.parts.at(1).body, row.field));
  }
  auto wanted = about({failed()});
  wanted.envid = "a+20b+2B+3D";
  CHECK(has(read_back(wanted).parts.at(1).body, "Original-Envelope-Id: a b+="));
  wanted.envid = "a+0D+0AX:y";
  CHECK(has(read_back(wanted).parts.at(1).body, "Original-Envelope-Id: a+0D+0AX:y"));
  wanted.envid = "";
  CHECK(read_back(wanted).parts.at(1).body.find("Envelope-Id") == std::string::npos);
}

TEST_CASE("a host is named only where it said something or is known", "[SMTP-28]") {
  auto one = failed();
  one.remote_mta = "";
  auto got = read_back(about({one}));
  CHECK(got.parts.at(1).body.find("Remote-MTA") == std::string::npos);
  CHECK(got.parts.at(1).body.find("Diagnostic-Code: smtp; 550 5.1.1") != std::string::npos);
  CHECK(got.parts.at(0).body.find("the other side said: 550") != std::string::npos);
  one.diagnostic = one.words = "";
  got = read_back(about({one}));
  CHECK(got.parts.at(1).body.find("Diagnostic-Code") == std::string::npos);
  CHECK(got.parts.at(0).body.find("said:") == std::string::npos);
}
