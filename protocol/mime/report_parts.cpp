// The frame around the parts of a report. Never guesses at a report of others: what is not exactly as put_together()
// writes it is none.
#include "protocol/mime/report_parts.hpp"

#include "protocol/base/text.hpp"
#include "protocol/base/utf8_address.hpp"
#include "protocol/mime/part_headers.hpp"

namespace mime {
namespace {

constexpr std::string_view kind = "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"";
constexpr std::string_view eight_bit = "Content-Transfer-Encoding: 8bit\r\n";
constexpr std::string_view plain_words = "Content-Type: text/plain; charset=us-ascii\r\n";
constexpr std::string_view plain_status = "Content-Type: message/delivery-status\r\n";
constexpr std::string_view global_words = "Content-Type: text/plain; charset=utf-8\r\n";
constexpr std::string_view global_status = "Content-Type: message/global-delivery-status\r\n";

/// Takes what stands before `end` off the text, and `end` itself; nullopt where there is none.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view end) {
  const auto at = text.find(end);
  if (at == text.npos) return std::nullopt;
  const auto taken = text.substr(0, at);
  text.remove_prefix(at + end.size());
  return taken;
}

/// Takes a part that begins with `fields`, and the boundary behind it.
std::optional<std::string_view> take_part(std::string_view& text, std::string_view fields, std::string_view end) {
  if (!text.starts_with(fields)) return std::nullopt;
  text.remove_prefix(fields.size());
  if (text.starts_with(eight_bit)) text.remove_prefix(eight_bit.size());
  if (!text.starts_with("\r\n")) return std::nullopt;
  text.remove_prefix(2);
  return take_until(text, end);
}

/// RFC 6533 §3: addresses of type utf-8 as utf-8-addr-xtext. All else that we write there is ASCII.
std::string ascii_status(std::string_view status) {
  std::string out;
  while (!status.empty()) {
    const auto end = std::min(status.find("\r\n"), status.size());
    const auto line = status.substr(0, end);
    status.remove_prefix(std::min(end + 2, status.size()));
    std::size_t address = 0;
    for (const std::string_view begin : {"Original-Recipient: utf-8;", "Final-Recipient: utf-8;"}) {
      if (line.starts_with(begin)) address = begin.size();
    }
    out += line.substr(0, address);
    out += address > 0 ? base::utf8_address_xtext(line.substr(address)) : base::with_ascii_escapes(line);
    out += "\r\n";
  }
  return out;
}

/// What the words promise to be attached.
void say_less(std::string& words, ReturnedContent::What returned) {
  constexpr std::string_view whole = "Your message is attached.\r\n";
  const auto at = words.rfind(whole);
  if (at == words.npos || returned == ReturnedContent::What::message) return;
  const bool header = returned == ReturnedContent::What::header;
  words.replace(at, whole.size(), header ? "The header of your message is attached.\r\n" : "");
}

}  // namespace

std::string put_together(const ReportParts& parts) {
  const auto& returned = parts.returned;
  const bool words_are = base::has_eight_bit(parts.words), status_is = base::has_eight_bit(parts.status);
  std::string out = parts.header;
  out.reserve(out.size() + parts.words.size() + parts.status.size() + returned.content().size() + 1024);
  const auto begin_part = [&](std::string_view fields, bool is_eight_bit) {
    out += "\r\n--" + parts.mark + "\r\n";
    out += fields;
    if (is_eight_bit) out += eight_bit;
    out += "\r\n";
  };
  out += kind;
  out += parts.mark + "\"\r\n";
  // RFC 2045 §6.4: what holds 8-bit parts says so itself.
  if (words_are || status_is || returned.eight_bit) out += eight_bit;
  begin_part(parts.international ? global_words : plain_words, words_are);
  out += parts.words;
  begin_part(parts.international ? global_status : plain_status, status_is);
  out += parts.status;
  if (returned.what != ReturnedContent::What::nothing) {
    begin_part(returned.fields, false);
    out += returned.content();
  }
  out += "\r\n--" + parts.mark + "--\r\n";
  return out;
}

std::optional<std::string> in_ascii(std::string_view report, bool eight_bit_mime) {
  ReportParts parts;
  const bool is_eight_bit = base::has_eight_bit(report);
  const auto header = take_until(report, kind);
  if (!header || base::has_eight_bit(*header)) return std::nullopt;
  const auto mark = take_until(report, "\"\r\n");
  if (!mark) return std::nullopt;
  const std::string between = "\r\n--" + std::string(*mark) + "\r\n", last = "\r\n--" + std::string(*mark) + "--\r\n";
  if (!take_until(report, between)) return std::nullopt;
  const bool global = report.starts_with(global_words);
  if (!global && (eight_bit_mime || !is_eight_bit)) return std::nullopt;
  const auto words = take_part(report, global ? global_words : plain_words, between);
  if (!words || !report.ends_with(last)) return std::nullopt;
  const bool returns = report.find(between) != report.npos;
  const auto status = take_part(report, global ? global_status : plain_status, returns ? between : last);
  if (!status) return std::nullopt;
  parts.header = *header;
  parts.mark = *mark;
  parts.words = base::with_ascii_escapes(*words);
  parts.status = global ? ascii_status(*status) : std::string(*status);
  if (!returns) return put_together(parts);

  report.remove_suffix(last.size());
  const auto fields = take_until(report, "\r\n\r\n");
  if (!fields) return std::nullopt;
  const auto type = fields->substr(0, fields->find("\r\n"));
  if (type == "Content-Type: text/rfc822-headers") {  // ASCII already
    parts.returned.what = ReturnedContent::What::header;
    parts.returned.fields = std::string(*fields) + "\r\n";
    parts.returned.text = report;
    return put_together(parts);
  }
  const bool was_whole = type != "Content-Type: message/global-headers";
  bool whole = was_whole && (eight_bit_mime || !base::has_eight_bit(report));
  if (whole) {
    PartHeaders headers;
    headers.scan(report);
    whole = !headers.eight_bit();
  }
  parts.returned = returned_content(report, whole);
  if (was_whole) say_less(parts.words, parts.returned.what);
  return put_together(parts);
}

}  // namespace mime
