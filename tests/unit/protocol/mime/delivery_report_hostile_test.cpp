// Delivery reports against texts that would break out of them: replies of an MX, addresses, and the message itself.
#include <catch2/catch.hpp>

#include "protocol/mime/delivery_report.hpp"
#include "tests/unit/protocol/mime/report_reader.hpp"
#include "tests/unit/protocol/smtp/data_scanner_reference.hpp"

namespace {

using mime::ReportedRecipient;

const std::string nasty[] = {
    "",
    " ",
    ".",
    "..",
    ". . .",
    std::string(3000, ' '),
    std::string(3000, 'x'),
    std::string(3000, '.'),
    std::string(3000, '\xe9'),
    std::string(100, '\0'),
    "a\r\n.\r\nMAIL FROM:<x@y>\r\n",
    "a\r\n\r\n--=_id.0\r\nContent-Type: text/html\r\n\r\n<b>",
    "--=_id.0",
    "--=_id.0--",
    "a\r\nBcc: x@y.test",
    "a\n.\nb\r.\rc",
    "caf\xc3\xa9 \x1b[31m \x7f",
    "x" + std::string(500, ' ') + "y" + std::string(990, 'z') + " .",
    "\"a\\\" b\"@good.test",
    ";;;===+++",
    "rfc822;+0D+0A.+0D+0A",
    "+0D+0A;+0D+0A",
    std::string(600, 'a') + ";" + std::string(600, 'b'),
};

/// Every text of the report is this one.
mime::DeliveryReport filled(const std::string& text) {
  mime::DeliveryReport report;
  report.hostname = report.id = report.about_id = report.to = report.envid = text;
  report.original = text;
  for (const auto action :
       {ReportedRecipient::Action::failed, ReportedRecipient::Action::delayed, ReportedRecipient::Action::relayed}) {
    ReportedRecipient recipient;
    recipient.action = action;
    recipient.address = recipient.orcpt = recipient.status = recipient.words = recipient.remote_mta =
        recipient.diagnostic = text;
    recipient.will_retry_until = recipient.last_attempt = base::Time{};
    report.recipients.push_back(recipient);
  }
  return report;
}

/// The message of a plain report, returned.
report::Report returning(std::string_view original, bool whole) {
  mime::DeliveryReport wanted = filled("");
  wanted.hostname = "relay.test";
  wanted.id = "id";
  wanted.original = original;
  wanted.return_whole = whole;
  auto result = report::read(mime::delivery_report(wanted));
  REQUIRE(result.fault == "");
  return result;
}

}  // namespace

TEST_CASE("no text breaks out of a report", "[SMTP-28][SMTP-27]") {
  for (const auto& text : nasty) {
    for (const bool whole : {true, false}) {
      auto wanted = filled(text);
      wanted.return_whole = whole;
      CAPTURE(text.substr(0, 60), text.size(), whole);
      const auto wire = mime::delivery_report(wanted);
      const auto got = report::read(wire);
      REQUIRE(got.fault == "");
      CHECK(wire.find("\r\n.\r\n") == std::string::npos);
      CHECK(got.header.find("\r\nBcc:") == std::string::npos);
      CHECK(report::ascii(got.parts[0].body));
      CHECK(report::ascii(got.parts[1].body));
      CHECK(wire.size() < 64'000);
      // Three recipients, whatever a text pretends.
      std::size_t groups = 0;
      for (auto at = got.parts[1].body.find("\r\nAction: "); at != std::string::npos;
           at = got.parts[1].body.find("\r\nAction: ", at + 1))
        ++groups;
      CHECK(groups == 3);
      CHECK(mime::delivery_report(wanted) == wire);
    }
  }
}

TEST_CASE("every octet in every place leaves a good report", "[SMTP-28]") {
  for (int octet = 0; octet < 256; ++octet) {
    for (const std::size_t count : {std::size_t{1}, std::size_t{999}}) {
      const std::string text(count, static_cast<char>(octet));
      REQUIRE(report::read(mime::delivery_report(filled(text))).fault == "");
      REQUIRE(report::read(mime::delivery_report(filled("a " + text + " b"))).fault == "");
      auto wanted = filled("id");
      const std::string message = "X: " + text + "\r\n\r\n" + text + "\r\n";
      wanted.original = message;
      wanted.return_whole = true;
      REQUIRE(report::read(mime::delivery_report(wanted)).fault == "");
    }
  }
}

TEST_CASE("a boundary in the message is not the boundary of the report", "[SMTP-28]") {
  std::string message = "Subject: x\r\n\r\n";
  for (int n = 0; n < 50; ++n) {
    message +=
        "--=_id." + std::to_string(n) + "\r\nContent-Type: text/html\r\n\r\n--=_id." + std::to_string(n) + "--\r\n";
  }
  const auto got = returning(message, true);
  REQUIRE(got.parts.size() == 3);
  CHECK(got.parts[2].body == message);
  // A longer one of another's begins as ours would.
  const std::string longer = "Subject: x\r\n\r\n--=_id.00000\r\n";
  CHECK(returning(longer, true).parts.at(2).body == longer);
  const std::string in_header = "--=_id.0: y\r\n--=_id.0--\r\n\r\n";
  CHECK(returning(in_header, false).parts.at(2).body == in_header.substr(0, in_header.size() - 2));
}

TEST_CASE("a message that is not canonical never goes back whole", "[SMTP-28]") {
  for (const std::string bad : {"a\r\n.\r\nMAIL FROM:<x@y>\r\n", "a\n.\nb\r\n", "a\r.\rb\r\n", "a\r\n.b\r\n", "no end",
                                "half an end\r", "lone\n"}) {
    for (const std::string header : {"", "Subject: x\r\n\r\n"}) {
      const auto got = returning(header + bad, true);
      CAPTURE(header, bad);
      if (got.parts.size() == 3) CHECK(got.parts[2].fields.find("message/rfc822") == std::string::npos);
    }
  }
}

TEST_CASE("every canonical message of short lines goes back octet for octet", "[SMTP-28]") {
  constexpr std::string_view pieces[] = {"\r\n", ".", "-", "\xe9", "x: y\r\n"};
  for (std::size_t number = 0; number < 5 * 5 * 5 * 5 * 5; ++number) {
    std::string content;
    for (std::size_t left = number; left > 0; left /= 5) content += pieces[left % 5];
    content += "\r\n";
    const auto got = returning(reference::stuffed(content), true);
    REQUIRE(got.parts.size() == 3);
    REQUIRE(got.parts[2].body == content);
  }
}
