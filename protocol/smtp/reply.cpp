// Replies to and from the wire. What comes from another host stays as it came until `cleaned`; what goes out is always
// printable.
#include "protocol/smtp/reply.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"

namespace smtp {
namespace {

constexpr std::size_t max_line_out = 512;        // RFC 5321 §4.5.3.1.5
constexpr std::size_t max_line_in = 8 * 1024;    // SMTP-38
constexpr std::size_t max_reply_in = 64 * 1024;  // SMTP-38
constexpr std::size_t max_lines_passed = 8;      // SMTP-27
constexpr std::size_t max_line_passed = 400;
constexpr std::size_t max_text_passed = 2 * 1024;

/// The length of the enhanced code at the start of `text`, 0 without one (RFC 2034 §4: class.subject.detail, then a
/// blank or the end).
std::size_t enhanced_length(std::string_view text) {
  if (text.empty() || (text[0] != '2' && text[0] != '4' && text[0] != '5')) return 0;
  std::size_t at = 1;
  for (int part = 0; part < 2; ++part) {
    if (at >= text.size() || text[at] != '.') return 0;
    const std::size_t begin = ++at;
    while (at < text.size() && base::is_digit(text[at])) ++at;
    if (at == begin || at - begin > 3) return 0;
  }
  return at == text.size() || text[at] == ' ' ? at : 0;
}

bool well_formed(std::string_view enhanced) {
  return !enhanced.empty() && enhanced_length(enhanced) == enhanced.size();
}

/// Takes one line off the front of `text`; false when there is none left.
bool next_line(std::string_view& text, std::string_view& line, bool& more) {
  if (!more) return false;
  const auto end = text.find('\n');
  line = text.substr(0, end);
  more = end != std::string_view::npos;
  text.remove_prefix(more ? end + 1 : text.size());
  return true;
}

/// How much of `text` goes on a line of at most `room` octets: up to a blank where one is near the end.
std::size_t wrapped_length(std::string_view text, std::size_t room) {
  if (text.size() <= room) return text.size();
  const auto blank = text.rfind(' ', room);
  return blank != std::string_view::npos && blank > room / 2 ? blank : room;
}

}  // namespace

void append(std::string& wire, const Reply& reply) {
  std::string prefix = std::to_string(reply.code) + '-';
  if (well_formed(reply.enhanced)) prefix += reply.enhanced + ' ';
  const std::size_t room = max_line_out - 2 - prefix.size();

  std::size_t last_line = wire.size();
  std::string_view text = reply.text, line;
  for (bool more = true; next_line(text, line, more);) {
    do {
      const std::string_view part = line.substr(0, wrapped_length(line, room));
      line.remove_prefix(part.size());
      if (line.starts_with(' ')) line.remove_prefix(1);
      last_line = wire.size();
      wire += prefix;
      for (const char c : part) wire += base::is_printable(c) ? c : '?';
      if (wire.back() == ' ') wire.pop_back();  // an enhanced code without text
      wire += "\r\n";
    } while (!line.empty());
  }
  const std::size_t mark = wire.find('-', last_line);
  wire[mark] = ' ';
  if (wire.compare(mark, std::string::npos, " \r\n") == 0) wire.erase(mark, 1);
}

Reply cleaned(const Reply& from_mx) {
  Reply result;
  result.code = from_mx.code;
  const int kind = from_mx.kind();
  if (kind == 2 || kind == 4 || kind == 5) {
    const bool agrees = well_formed(from_mx.enhanced) && from_mx.enhanced[0] - '0' == kind;
    result.enhanced = agrees ? from_mx.enhanced : std::to_string(kind) + ".0.0";
  }
  std::string_view text = from_mx.text, line;
  std::size_t lines = 0;
  for (bool more = true; lines < max_lines_passed && next_line(text, line, more);) {
    std::string plain(line.substr(0, max_line_passed + 1));
    std::replace(plain.begin(), plain.end(), '\t', ' ');
    plain = base::printable(base::trim(plain), max_line_passed);
    if (plain.empty()) continue;
    if (result.text.size() + 1 + plain.size() > max_text_passed) break;
    if (lines++ > 0) result.text += '\n';
    result.text += plain;
  }
  return result;
}

std::string on_one_line(const Reply& reply, std::size_t limit) {
  if (reply.code == 0) return {};
  Reply clean = cleaned(reply);
  std::replace(clean.text.begin(), clean.text.end(), '\n', ' ');
  std::string line = std::to_string(clean.code);
  if (!clean.enhanced.empty()) line += ' ' + clean.enhanced;
  if (!clean.text.empty()) line += ' ' + clean.text;
  return base::printable(line, limit);
}

ReplyReader::State ReplyReader::feed(std::string_view octets, std::size_t& consumed) {
  consumed = 0;
  while (consumed < octets.size()) {
    const std::string_view rest = octets.substr(consumed);
    const auto end = rest.find('\n');
    const std::size_t length = end == std::string_view::npos ? rest.size() : end + 1;
    if (partial_.size() + length > max_line_in || total_ + length > max_reply_in) {
      fault_ =
          (partial_.size() + length > max_line_in ? "a line of more than 8 KiB: " : "a reply of more than 64 KiB: ") +
          base::printable(partial_ + std::string(rest.substr(0, 80)), 80);
      return State::malformed;
    }
    consumed += length;
    total_ += length;
    partial_.append(rest.substr(0, length));
    if (end == std::string_view::npos) break;
    partial_.pop_back();
    if (partial_.ends_with('\r')) partial_.pop_back();
    const State state = take_line(partial_);
    partial_.clear();
    if (state != State::more) return state;
  }
  return State::more;
}

ReplyReader::State ReplyReader::take_line(std::string_view line) {
  const bool shaped = line.size() >= 3 && line[0] >= '2' && line[0] <= '5' && base::is_digit(line[1]) &&
                      base::is_digit(line[2]) && (line.size() == 3 || line[3] == ' ' || line[3] == '-');
  const int code = shaped ? (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0') : 0;
  const bool first = reply_.code == 0;
  if (!shaped || (!first && code != reply_.code)) {
    fault_ = line.empty() ? "an empty line" : base::printable(line, 200);
    return State::malformed;
  }
  const bool last = line.size() == 3 || line[3] == ' ';
  line.remove_prefix(std::min<std::size_t>(4, line.size()));

  const std::size_t enhanced = enhanced_length(line);
  if (first) reply_.enhanced = line.substr(0, enhanced);
  if (enhanced > 0 && line.substr(0, enhanced) == reply_.enhanced)
    line.remove_prefix(std::min(enhanced + 1, line.size()));
  if (!first) reply_.text += '\n';
  reply_.code = code;
  reply_.text += line;
  return last ? State::complete : State::more;
}

void ReplyReader::reset() {
  reply_ = {};
  partial_.clear();
  total_ = 0;
  fault_.clear();
}

}  // namespace smtp
