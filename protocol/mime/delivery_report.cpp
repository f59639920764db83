// The report, part by part: words for people, fields for programs, and what is returned of the message. Never lets an
// octet of another's into it that could end a line, a field, a part or the message.
#include "protocol/mime/delivery_report.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"
#include "protocol/base/utf8_address.hpp"
#include "protocol/mime/report_parts.hpp"

namespace mime {
namespace {

using Action = ReportedRecipient::Action;

constexpr std::size_t column_limit = 76;
// No line of ours comes near 998 octets, even where a text has no blank to fold at.
constexpr std::size_t text_limit = 800;
constexpr std::size_t name_limit = 255;
constexpr std::size_t address_limit = 500;
constexpr std::size_t utf8_address_limit = 960;  // in the ASCII form, which is the longest

/// Text of another's on one line: printable ASCII, single blanks between its words, which may be folded.
std::string cleaned(std::string_view text, std::size_t limit = text_limit) {
  std::string blanks(text.substr(0, limit));  // what follows would be cut anyway
  std::replace_if(
      blanks.begin(), blanks.end(), [](char c) { return c == '\r' || c == '\n' || c == '\t'; }, ' ');
  const auto both_blank = [](char a, char b) { return a == ' ' && b == ' '; };
  blanks.erase(std::unique(blanks.begin(), blanks.end(), both_blank), blanks.end());
  return base::printable(base::trim(blanks), limit);
}

/// An address: as it is, for blanks in it count. Never folded.
std::string exact(std::string_view text, std::size_t limit = address_limit) {
  return base::printable(text, limit);
}

/// What a report can hold as an address of type utf-8, in either form.
bool is_utf8_address(std::string_view address) {
  const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return base::is_utf8(address) && std::none_of(address.begin(), address.end(), control) &&
         base::utf8_address_xtext(address).size() <= utf8_address_limit;
}

/// An address for people.
std::string shown(std::string_view address, bool international) {
  if (!base::has_eight_bit(address) || !is_utf8_address(address)) return exact(address);
  return international ? std::string(address) : base::with_ascii_escapes(address);
}

/// An id of ours: fit for a quoted boundary and a Message-ID.
std::string plain_id(std::string_view id) {
  std::string plain(id.substr(0, 40));
  std::erase_if(plain, [](char c) { return !base::is_letter(c) && !base::is_digit(c); });
  return plain;
}

/// Appends words, folded at blanks; `line` begins the first line, `indent` each further one.
void append_folded(std::string& out, std::string_view line, std::string_view indent, std::string_view words) {
  std::size_t column = line.size();
  bool first = true;
  out += line;
  while (!words.empty()) {
    const auto word = words.substr(0, words.find(' '));
    words.remove_prefix(std::min(word.size() + 1, words.size()));
    if (!first && column + 1 + word.size() > column_limit) {
      out += "\r\n";
      out += indent;
      column = indent.size();
    } else if (!first) {
      out += ' ';
      ++column;
    }
    if (column == 0 && word.starts_with('.')) out += '.';  // RFC 5321 §4.5.2
    out += word;
    column += word.size();
    first = false;
  }
  out += "\r\n";
}

void append_field(std::string& out, std::string_view name, std::string_view type, std::string_view value) {
  if (value.empty()) return;
  std::string line(name);
  line += ": ";
  line += type;
  append_folded(out, line, " ", value);
}

// ---- for people

bool holds(const DeliveryReport& report, Action action) {
  return std::any_of(report.recipients.begin(), report.recipients.end(),
                     [action](const ReportedRecipient& recipient) { return recipient.action == action; });
}

std::string_view subject(const DeliveryReport& report) {
  const bool failed = holds(report, Action::failed), delayed = holds(report, Action::delayed);
  const bool relayed = holds(report, Action::relayed);
  if (failed + delayed + relayed > 1) return "What became of your message";
  if (failed) return "Your message could not be delivered";
  if (delayed) return "Your message is delayed";
  return "Your message was passed on";
}

struct Words {
  Action action;
  std::string_view before, after;
};
constexpr Words words_of[] = {
    {Action::failed, "Your message could not be delivered to:",
     "It is not tried again. Please check that the address is right, and read what is said above: it often names what "
     "has to change before you send the message again. Where it does not help, pass this report on to those who run "
     "your mail system."},
    {Action::delayed, "Your message could not be delivered yet to:",
     "This is a warning only, and you need not send the message again: delivery goes on being tried."},
    {Action::relayed, "You asked for a report on your message. It was passed on for:",
     "The next mail system took it, but does not report what becomes of it. So this is the last report of success "
     "that you get; whether the message was delivered in the end, or read, is not known here."},
};

void append_recipient(std::string& out, const ReportedRecipient& recipient, bool international) {
  constexpr std::string_view indent = "      ";
  out += "   <";
  out += shown(recipient.address, international);
  out += ">\r\n";
  if (const auto words = cleaned(recipient.words); !words.empty()) append_folded(out, indent, indent, words);
  const auto host = cleaned(recipient.remote_mta, name_limit);
  if (const auto said = cleaned(recipient.diagnostic); !said.empty()) {
    append_folded(out, indent, indent, (host.empty() ? "the other side" : host) + " said: " + said);
  }
  if (recipient.action == Action::delayed && recipient.will_retry_until) {
    append_folded(out, indent, indent, "tried until " + base::rfc5322(*recipient.will_retry_until));
  }
}

void append_words(std::string& out, const DeliveryReport& report, ReturnedContent::What returned) {
  append_folded(out, "", "", "This is the mail system at " + cleaned(report.hostname, name_limit) + ".");
  for (const Words& words : words_of) {
    if (!holds(report, words.action)) continue;
    out += "\r\n";
    append_folded(out, "", "", words.before);
    out += "\r\n";
    for (const ReportedRecipient& recipient : report.recipients) {
      if (recipient.action == words.action) append_recipient(out, recipient, report.international);
    }
    out += "\r\n";
    append_folded(out, "", "", words.after);
  }
  out += "\r\n";
  if (returned == ReturnedContent::What::message) append_folded(out, "", "", "Your message is attached.");
  if (returned == ReturnedContent::What::header) append_folded(out, "", "", "The header of your message is attached.");
  append_folded(out, "", "",
                "The message came on " + base::rfc5322(report.arrived) + ". Those who run the mail system know it as " +
                    cleaned(report.about_id, name_limit) + ".");
}

// ---- for programs (RFC 3464)

std::string_view word(Action action) {
  switch (action) {
    case Action::failed: return "failed";
    case Action::delayed: return "delayed";
    case Action::relayed: break;
  }
  return "relayed";
}

/// RFC 3463 §2: class, subject, detail. A failure may be of class 4: what was given up after a time.
std::string status(const ReportedRecipient& recipient) {
  const std::string_view text = recipient.status;
  const std::string_view classes = recipient.action == Action::failed    ? "54"
                                   : recipient.action == Action::delayed ? "4"
                                                                         : "2";
  const auto first = text.find('.');
  const auto second = first == text.npos ? text.npos : text.find('.', first + 1);
  const bool good = first == 1 && second != text.npos && classes.find(text.front()) != classes.npos &&
                    base::decimal(text.substr(2, second - 2), 3) >= 0 && base::decimal(text.substr(second + 1), 3) >= 0;
  return good ? std::string(text) : std::string(1, classes.front()) + ".0.0";
}

/// xtext undone where a header can hold what comes of it (RFC 3464 §2.1.1 has ASCII only); else as it came.
std::string undone(std::string_view xtext) {
  const auto text = base::decoded_xtext(xtext);
  const bool good = text && !text->empty() && std::all_of(text->begin(), text->end(), base::is_printable);
  return exact(good ? *text : xtext);
}

/// RFC 6533 §3: as it is, or in ASCII.
std::string utf8_typed(std::string_view address, bool international) {
  return "utf-8;" + (international ? std::string(address) : base::utf8_address_xtext(address));
}

std::string final_recipient(std::string_view address, bool international) {
  if (base::has_eight_bit(address) && is_utf8_address(address)) return utf8_typed(address, international);
  return "rfc822;" + exact(address);
}

/// RFC 3464 §2.3.1: the type and the address that the sender gave; empty without these.
std::string original_recipient(std::string_view orcpt, bool international) {
  const auto type = orcpt.find(';');
  if (type == orcpt.npos) return {};
  if (base::equals_ignoring_case(orcpt.substr(0, type), "utf-8")) {
    auto address = base::decoded_utf8_address(orcpt.substr(type + 1));
    if (!address) address = base::decoded_xtext(orcpt.substr(type + 1));
    if (!address || !is_utf8_address(*address)) return {};
    return utf8_typed(*address, international);
  }
  return exact(orcpt.substr(0, type), 64) + ';' + undone(orcpt.substr(type + 1));
}

/// A field whose value is not folded.
void append_line(std::string& out, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  out += name;
  out += ": ";
  out += value;
  out += "\r\n";
}

void append_status(std::string& out, const DeliveryReport& report) {
  append_line(out, "Original-Envelope-Id", undone(report.envid));
  append_field(out, "Reporting-MTA", "dns; ", cleaned(report.hostname, name_limit));
  append_line(out, "Arrival-Date", base::rfc5322(report.arrived));
  for (const ReportedRecipient& recipient : report.recipients) {
    out += "\r\n";
    append_line(out, "Original-Recipient", original_recipient(recipient.orcpt, report.international));
    append_line(out, "Final-Recipient", final_recipient(recipient.address, report.international));
    append_line(out, "Action", word(recipient.action));
    append_line(out, "Status", status(recipient));
    append_field(out, "Remote-MTA", "dns; ", cleaned(recipient.remote_mta, name_limit));
    append_field(out, "Diagnostic-Code", "smtp; ", cleaned(recipient.diagnostic));
    if (recipient.last_attempt) append_line(out, "Last-Attempt-Date", base::rfc5322(*recipient.last_attempt));
    if (recipient.action == Action::delayed && recipient.will_retry_until) {
      append_line(out, "Will-Retry-Until", base::rfc5322(*recipient.will_retry_until));
    }
  }
}

// ---- the whole

/// RFC 2046 §5.1.1: occurs nowhere in what is returned. `=_` is in nothing that is quoted-printable.
std::string boundary(const DeliveryReport& report, std::string_view returned) {
  const std::string begin = "=_" + plain_id(report.id);
  for (unsigned n = 0;; ++n) {
    const std::string candidate = begin + '.' + std::to_string(n);
    if (returned.find("--" + candidate) == returned.npos) return candidate;
  }
}

}  // namespace

std::string delivery_report(const DeliveryReport& report) {
  ReportParts parts;
  parts.international = report.international;
  parts.returned = returned_content(report.original, report.return_whole, report.international);
  parts.mark = boundary(report, parts.returned.content());
  auto& header = parts.header;
  append_line(header, "From", "Mail Delivery System <MAILER-DAEMON@" + cleaned(report.hostname, name_limit) + '>');
  append_line(header, "To", report.international ? shown(report.to, true) : exact(report.to));
  append_line(header, "Subject", subject(report));
  append_line(header, "Date", base::rfc5322(report.now));
  append_line(header, "Message-ID", '<' + plain_id(report.id) + '@' + cleaned(report.hostname, name_limit) + '>');
  append_line(header, "Auto-Submitted", "auto-replied");  // RFC 3834 §5
  append_line(header, "MIME-Version", "1.0");
  append_words(parts.words, report, parts.returned.what);
  append_status(parts.status, report);
  return put_together(parts);
}

}  // namespace mime
