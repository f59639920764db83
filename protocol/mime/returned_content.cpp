// The message that goes back, looked at octet by octet before it is believed to be canonical. A header that cannot go
// as it is goes as quoted-printable (RFC 6522 §4), which is ASCII in short lines whatever it holds.
#include "protocol/mime/returned_content.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"

namespace mime {
namespace {

constexpr std::size_t longest_line = 998;  // RFC 5322 §2.1.1, without CRLF
constexpr std::size_t longest_header = 64u << 10;
constexpr std::size_t encoded_line = 76;  // RFC 2045 §6.7 (5)

struct Look {
  bool eight_bit = false;
  bool fit = true;  // canonical, and nothing in it that 7bit and 8bit rule out
};

Look look(std::string_view wire) {
  Look result;
  while (!wire.empty()) {
    const auto end = wire.find('\n');
    std::string_view line = wire.substr(0, end);
    if (end == wire.npos || !line.ends_with('\r')) {
      result.fit = false;
    } else {
      line.remove_suffix(1);
    }
    const bool unstuffed = line.starts_with('.') && !line.starts_with("..");
    if (unstuffed || line.size() > longest_line || line.find_first_of(std::string_view("\0\r", 2)) != line.npos) {
      result.fit = false;
    }
    result.eight_bit |=
        std::any_of(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) > 127; });
    if (end == wire.npos) break;
    wire.remove_prefix(end + 1);
  }
  return result;
}

/// The header without the empty line behind it.
std::string_view header_of(std::string_view original) {
  if (original.starts_with("\r\n")) return {};
  std::string_view header = original.substr(0, longest_header);
  const auto end = header.find("\r\n\r\n");
  // Without an empty line everything that came is the header, or its beginning.
  const auto last = end == header.npos ? header.rfind("\r\n") : end;
  return last == header.npos ? std::string_view() : header.substr(0, last + 2);
}

/// RFC 2045 §6.7, for lines that end in CRLF; a dot at the start of a line is encoded, so nothing is stuffed.
std::string quoted_printable(std::string_view wire) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  std::string out;
  while (!wire.empty()) {
    const auto end = std::min(wire.find("\r\n"), wire.size());
    std::string_view line = wire.substr(0, end);
    wire.remove_prefix(std::min(end + 2, wire.size()));
    if (line.starts_with('.')) line.remove_prefix(1);  // RFC 5321 §4.5.2
    std::size_t column = 0;
    for (std::size_t at = 0; at < line.size(); ++at) {
      const char c = line[at];
      const bool blank = c == ' ' || c == '\t';
      const bool last = at + 1 == line.size();
      const bool plain = blank ? !last : base::is_printable(c) && c != '=' && (c != '.' || column > 0);
      const std::size_t width = plain ? 1 : 3;
      if (column + width > encoded_line - (last ? 0 : 1)) {
        out += "=\r\n";
        column = 0;
        --at;  // the same octet again, now at the start of a line
        continue;
      }
      if (plain) {
        out += c;
      } else {
        const auto octet = static_cast<unsigned char>(c);
        out += {'=', hex[octet >> 4], hex[octet & 15]};
      }
      column += width;
    }
    out += "\r\n";
  }
  return out;
}

std::string fields(std::string_view type, std::string_view encoding) {
  std::string text = "Content-Type: ";
  text += type;
  text += "\r\n";
  if (encoding.empty()) return text;
  text += "Content-Transfer-Encoding: ";
  text += encoding;
  return text += "\r\n";
}

}  // namespace

ReturnedContent returned_content(std::string_view original, bool whole, bool international) {
  ReturnedContent result;
  if (original.empty()) return result;
  const std::string_view header = header_of(original);
  // RFC 6532 §3.2: a message/global is UTF-8 in its header.
  const bool global = international && base::is_utf8(header);
  if (whole && global == international) {
    const Look seen = look(original);
    if (seen.fit) {
      result.what = ReturnedContent::What::message;
      result.eight_bit = seen.eight_bit;
      result.fields = fields(global ? "message/global" : "message/rfc822", seen.eight_bit ? "8bit" : "");
      result.message = original;
      return result;
    }
  }
  if (header.empty()) return result;
  result.what = ReturnedContent::What::header;
  const Look seen = look(header);
  const bool as_it_is = seen.fit && (global || !seen.eight_bit);
  result.eight_bit = as_it_is && seen.eight_bit;
  if (as_it_is && global)
    result.fields = fields("message/global-headers", seen.eight_bit ? "8bit" : "");
  else
    result.fields = fields("text/rfc822-headers", as_it_is ? "" : "quoted-printable");
  result.text = as_it_is ? std::string(header) : quoted_printable(header);
  return result;
}

}  // namespace mime
