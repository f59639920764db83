// Labels, compression and escapes.
#include "protocol/dns/name.hpp"

#include "protocol/base/text.hpp"

namespace dns {
namespace {

constexpr std::size_t max_name = 255;  // RFC 1035 §2.3.4, length octets included
constexpr std::size_t max_label = 63;
constexpr unsigned max_jumps = 32;

void append_label(std::string& text, std::string_view label) {
  if (!text.empty()) text += '.';
  for (const char c : label) {
    if (base::is_printable(c) && c != ' ' && c != '.' && c != '\\') {
      text += base::to_lower(c);
      continue;
    }
    const unsigned octet = static_cast<unsigned char>(c);
    text += '\\';
    for (unsigned power = 100; power > 0; power /= 10) text += static_cast<char>('0' + octet / power % 10);
  }
}

}  // namespace

std::optional<std::string> read_name(std::string_view message, base::Cursor& cursor) {
  std::string text;
  std::size_t length = 0;
  base::Cursor at = cursor;
  for (unsigned jumps = 0;;) {
    const std::size_t begin = at.offset();
    const unsigned head = at.u8();
    if (head >= 0xc0) {
      const std::size_t target = (head & 0x3fu) << 8 | at.u8();
      // RFC 1035 §4.1.4: a pointer is to a prior occurrence. Going only backwards there is no loop to fall into.
      if (!at.ok() || target >= begin || ++jumps > max_jumps) return std::nullopt;
      if (jumps == 1) cursor = at;
      at = base::Cursor(message, target);
      continue;
    }
    const std::string_view label = at.take(head);
    length += head + 1;
    if (!at.ok() || head > max_label || length > max_name) return std::nullopt;
    if (head == 0) {
      if (jumps == 0) cursor = at;
      break;
    }
    append_label(text, label);
  }
  if (text.empty()) text = ".";
  return text;
}

std::optional<std::string> wire_name(std::string_view text) {
  std::string wire, label;
  if (text.ends_with('.')) text.remove_suffix(1);
  while (!text.empty()) {
    label.clear();
    while (!text.empty() && text.front() != '.') {
      if (text.front() != '\\') {
        label += text.front();
        text.remove_prefix(1);
        continue;
      }
      const long long octet = text.size() >= 4 ? base::decimal(text.substr(1, 3), 3) : -1;
      if (octet < 0 || octet > 255) return std::nullopt;
      label += static_cast<char>(octet);
      text.remove_prefix(4);
    }
    if (label.empty() || label.size() > max_label) return std::nullopt;
    wire += static_cast<char>(label.size());
    wire += label;
    if (text == ".") return std::nullopt;  // two dots at the end
    if (!text.empty()) text.remove_prefix(1);
  }
  wire += '\0';
  if (wire.size() > max_name) return std::nullopt;
  return wire;
}

std::string canonical_text(std::string_view text) {
  const auto wire = wire_name(text);
  if (!wire) return {};
  base::Cursor cursor(*wire);
  return read_name(*wire, cursor).value_or("");
}

}  // namespace dns
