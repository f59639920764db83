// Delivery reports with every field filled, for tests of what they say and of what they return.
#pragma once

#include <catch2/catch.hpp>

#include "protocol/mime/delivery_report.hpp"
#include "tests/unit/protocol/mime/report_reader.hpp"

namespace report {

using mime::ReportedRecipient;
using Action = ReportedRecipient::Action;

inline const std::string message =
    "Received: from x\r\nFrom: A <a@sender.test>\r\nTo: b@good.test\r\nSubject: greetings\r\n\r\nHello\r\n..dot\r\n";
inline const base::Time seven(std::chrono::seconds(1795590000));

inline mime::DeliveryReport about(std::vector<ReportedRecipient> recipients) {
  mime::DeliveryReport report;
  report.hostname = "relay.test";
  report.id = "4fZx9r";
  report.about_id = "4fZx9";
  report.to = "a@sender.test";
  report.arrived = seven;
  report.now = seven + std::chrono::hours(5);
  report.recipients = std::move(recipients);
  report.original = message;
  return report;
}

inline ReportedRecipient recipient(Action action, const char* address, const char* status) {
  ReportedRecipient result;
  result.action = action;
  result.address = address;
  result.status = status;
  result.last_attempt = seven + std::chrono::hours(5);
  return result;
}

inline ReportedRecipient failed() {
  auto result = recipient(Action::failed, "b@good.test", "5.1.1");
  result.orcpt = "rfc822;Bob+2Bx@good.test";
  result.words = "the host of good.test refused the recipient";
  result.remote_mta = "mx1.good.test";
  result.diagnostic = "550 5.1.1 no such user here, and this is a long reply that has to be folded somewhere";
  return result;
}
inline ReportedRecipient given_up() {
  auto result = recipient(Action::failed, "c@exact.test", "4.4.7");
  result.words =
      "exact.test demands verified TLS (MTA-STS enforce, policy 20260101): mx1.exact.test: certificate expired "
      "2026-10-01; given up after 5 days";
  return result;
}
inline ReportedRecipient delayed() {
  auto result = recipient(Action::delayed, "b@good.test", "4.4.1");
  result.words = "no host of good.test can be reached: mx1.good.test: connection timed out";
  result.will_retry_until = seven + std::chrono::hours(120);
  return result;
}
inline ReportedRecipient relayed() {
  auto result = recipient(Action::relayed, "b@good.test", "2.0.0");
  result.remote_mta = "mx1.good.test";
  result.diagnostic = "250 2.0.0 queued as 12345";
  return result;
}

/// The report as a reader has it.
inline Report read_back(const mime::DeliveryReport& wanted) {
  auto result = read(mime::delivery_report(wanted));
  REQUIRE(result.fault == "");
  return result;
}

}  // namespace report
