// Delivery reports of any texts and any message, read by a strict reader: canonical wire form, whole MIME structure,
// nothing 8-bit but what is declared. What is international has its ASCII forms, which the same reader reads. The input
// is fields divided by octet 0xff; the first octet picks the actions, the form, and what is returned.
// covers: SMTP-28 SMTP-62
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/mime/delivery_report.hpp"
#include "protocol/mime/report_parts.hpp"
#include "tests/fuzz/must.hpp"
#include "tests/unit/protocol/mime/report_reader.hpp"

namespace {

/// Takes the next field off the input.
std::string field(std::string_view& input) {
  const auto text = input.substr(0, input.find('\xff'));
  input.remove_prefix(std::min(text.size() + 1, input.size()));
  return std::string(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::string_view input(reinterpret_cast<const char*>(data + 1), size - 1);
  mime::DeliveryReport wanted;
  wanted.return_whole = data[0] & 1;
  wanted.international = data[0] & 32;
  wanted.hostname = field(input);
  wanted.id = field(input);
  wanted.about_id = field(input);
  wanted.to = field(input);
  wanted.envid = field(input);
  const std::size_t recipients = 1 + (data[0] >> 1 & 3);
  for (std::size_t i = 0; i < recipients; ++i) {
    mime::ReportedRecipient recipient;
    recipient.action = static_cast<mime::ReportedRecipient::Action>((data[0] >> 3) % 3);
    recipient.address = field(input);
    recipient.orcpt = field(input);
    recipient.status = field(input);
    recipient.words = field(input);
    recipient.remote_mta = field(input);
    recipient.diagnostic = field(input);
    if (data[0] & 64) recipient.last_attempt = base::Time{};
    if (data[0] & 128) recipient.will_retry_until = base::Time{};
    wanted.recipients.push_back(recipient);
  }
  wanted.original = input;

  const auto wire = mime::delivery_report(wanted);
  MUST(wire == mime::delivery_report(wanted));
  const auto report = report::read(wire);
  MUST(report.fault.empty());
  MUST(report.international == wanted.international);
  const auto converted = mime::in_ascii(wire);
  MUST(converted.has_value() == (wanted.international && report::ascii(report.header)));
  const auto seven_bit = mime::in_ascii(wire, false);
  MUST(seven_bit.has_value() == ((wanted.international || !report::ascii(wire)) && report::ascii(report.header)));
  if (seven_bit) MUST(report::ascii(*seven_bit) && report::read(*seven_bit).fault.empty());
  if (converted) {
    const auto ascii = report::read(*converted);
    MUST(ascii.fault.empty() && !ascii.international && ascii.parts.size() == report.parts.size());
    MUST(ascii.parts[1].fields == "Content-Type: message/delivery-status\r\n");
  }
  std::size_t actions = 0;
  for (auto at = report.parts[1].body.find("\r\nAction: "); at != std::string::npos;
       at = report.parts[1].body.find("\r\nAction: ", at + 1)) {
    ++actions;
  }
  MUST(actions == recipients);
  if (report.parts.size() < 3) return 0;
  std::string fault;
  const auto original = report::unstuffed(input, fault);
  const bool whole = report.parts[2].fields.starts_with("Content-Type: message/rfc822\r\n") ||
                     report.parts[2].fields.starts_with("Content-Type: message/global\r\n");
  if (!wanted.international) MUST(whole == (wanted.return_whole && fault.empty()));
  if (whole) MUST(wanted.return_whole && fault.empty());
  if (whole) MUST(report.parts[2].body == original);
  if (whole || !fault.empty() || input.size() > 60000) return 0;
  // The header, as it is or encoded, is how the message begins.
  const bool encoded = report.parts[2].fields.find("quoted-printable") != std::string::npos;
  const auto header = encoded ? report::decoded_quoted_printable(report.parts[2].body) : report.parts[2].body;
  MUST(header.ends_with("\r\n") && original.starts_with(header));
  MUST(header.size() == original.size() || original.substr(header.size()).starts_with("\r\n"));
  return 0;
}
