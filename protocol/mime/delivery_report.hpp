// Delivery status notifications (RFC 3461 §6, 3464, 6522): a message that tells a sender in plain words, then in
// fields, what became of a message. Values in, octets out. It never decides whether a report is due: policy/queue does.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/time_format.hpp"

namespace mime {

/// One recipient that the report is about.
struct ReportedRecipient {
  enum class Action { failed, delayed, relayed } action = Action::failed;
  std::string address;  ///< the forward-path, without brackets
  std::string orcpt{};  ///< as it came with RCPT; empty: none (Original-Recipient is then left out)
  /// Enhanced status code, "5.1.1"; empty or of a class that contradicts the action: X.0.0. A failure may be of class 4
  /// too: what was given up after a time (RFC 3463 §2).
  std::string status;
  std::string words{};       ///< what happened, for people; cleaned here
  std::string remote_mta{};  ///< the MX host whose reply `diagnostic` is; empty: none said anything
  std::string diagnostic{};  ///< its SMTP reply on one line, code first; empty: no reply
  std::optional<base::Time> last_attempt{};
  std::optional<base::Time> will_retry_until{};  ///< with `delayed`
};

struct DeliveryReport {
  std::string hostname;  ///< of the relay: Reporting-MTA, and the domain of From and Message-ID
  std::string id;        ///< of the report itself, letters and digits: Message-ID and the MIME boundary
  std::string about_id;  ///< of the message that it is about, as the log has it
  std::string to;        ///< the reverse-path of that message, never null
  std::string envid{};   ///< xtext as it came; empty: none
  base::Time now;
  base::Time arrived;                         ///< Arrival-Date
  std::vector<ReportedRecipient> recipients;  ///< at least one
  /// The message in canonical wire form (CRLF, dots stuffed): all of it, or any first part that holds the header.
  std::string_view original;
  /// `original` is all of it and is returned; else its header only. So too where no message/rfc822 can hold it
  /// (returned_content.hpp).
  bool return_whole = false;
  /// On an SMTPUTF8 message: in the international forms (RFC 6533), which need SMTPUTF8 on the way back, too.
  /// in_ascii() makes the others of it (report_parts.hpp).
  bool international = false;
};

/// The report in canonical wire form: CRLF, dots stuffed, no line above 998 octets, without the end marker. ASCII but
/// for what a returned message holds, and but for addresses in an international one. Deterministic.
std::string delivery_report(const DeliveryReport& report);

}  // namespace mime
