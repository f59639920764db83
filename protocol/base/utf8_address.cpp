// Addresses of type utf-8, character by character. Never makes NUL, a control, or half a surrogate pair.
#include "protocol/base/utf8_address.hpp"

#include <algorithm>
#include <cstdint>

#include "protocol/base/text.hpp"

namespace base {
namespace {

constexpr std::string_view no_plain = "+=\\";  // RFC 6533 §3: QCHAR is printable ASCII without these

void append_utf8(std::string& out, std::uint32_t point) {
  const auto octet = [&out](std::uint32_t value) { out += static_cast<char>(value); };
  const auto rest = [&](unsigned shift) { octet(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) return octet(point);
  if (point < 0x800) {
    octet(0xc0 | point >> 6);
    return rest(0);
  }
  if (point < 0x10000) {
    octet(0xe0 | point >> 12);
    rest(6);
    return rest(0);
  }
  octet(0xf0 | point >> 18);
  rest(12);
  rest(6);
  rest(0);
}

/// Takes one character, or one octet that is none.
std::uint32_t take_character(std::string_view& text) {
  const auto length = std::max<std::size_t>(utf8_sequence(text), 1);
  const auto octet = [&](std::size_t i) { return std::uint32_t{static_cast<unsigned char>(text[i])}; };
  std::uint32_t point = length == 1 ? octet(0) : octet(0) & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) point = point << 6 | (octet(i) & 0x3f);
  text.remove_prefix(length);
  return point;
}

void append_escape(std::string& out, std::uint32_t point) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  out += "\\x{";
  unsigned shift = 4;  // two digits at least
  while (point >> shift > 0xf) shift += 4;
  for (unsigned at = shift + 4; at > 0; at -= 4) out += hex[point >> (at - 4) & 0xf];
  out += '}';
}

std::optional<std::uint32_t> hexadecimal(std::string_view digits) {
  if (digits.empty() || digits.size() > 6) return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : digits) {
    const char low = to_lower(c);
    if (is_digit(c))
      value = value << 4 | static_cast<std::uint32_t>(c - '0');
    else if (low >= 'a' && low <= 'f')
      value = value << 4 | static_cast<std::uint32_t>(low - 'a' + 10);
    else
      return std::nullopt;
  }
  return value;
}

}  // namespace

std::optional<std::string> decoded_utf8_address(std::string_view text) {
  std::string address;
  while (!text.empty()) {
    if (text.starts_with("\\x{")) {
      const auto end = text.find('}');
      const auto point = hexadecimal(text.substr(3, end == text.npos ? 0 : end - 3));
      const bool surrogate = point && *point >= 0xd800 && *point <= 0xdfff;
      if (!point || *point < 0x20 || *point == 0x7f || *point > 0x10ffff || surrogate) return std::nullopt;
      append_utf8(address, *point);
      text.remove_prefix(end + 1);
      continue;
    }
    const char c = text.front();
    const auto length = utf8_sequence(text);
    if (length == 0) return std::nullopt;
    if (length == 1 && (!is_printable(c) || c == ' ' || no_plain.find(c) != no_plain.npos)) return std::nullopt;
    address += text.substr(0, length);
    text.remove_prefix(length);
  }
  if (address.empty()) return std::nullopt;
  return address;
}

std::string utf8_address_xtext(std::string_view address) {
  std::string out;
  while (!address.empty()) {
    const char c = address.front();
    const auto point = take_character(address);
    if (is_printable(c) && c != ' ' && no_plain.find(c) == no_plain.npos)
      out += c;
    else
      append_escape(out, point);
  }
  return out;
}

std::string with_ascii_escapes(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const char c = text.front();
    const auto point = take_character(text);
    if (point > 127)
      append_escape(out, point);
    else
      out += c;
  }
  return out;
}

}  // namespace base
