// Small functions over text, ASCII only. Never asks a locale, never lets an octet through printable() that a terminal
// could obey.
#include "protocol/base/text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace base {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = to_lower(c);
  return result;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return to_lower(x) == to_lower(y); });
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::string printable(std::string_view text, std::size_t limit) {
  constexpr std::string_view hex = "0123456789abcdef";
  constexpr std::string_view cut = "...";
  std::string result;
  result.reserve(std::min(text.size(), limit));
  for (const char c : text) {
    if (is_printable(c)) {
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\r') {
      result += "\\r";
    } else if (c == '\t') {
      result += "\\t";
    } else {
      const auto octet = static_cast<unsigned char>(c);
      result += {'\\', 'x', hex[octet >> 4], hex[octet & 15]};
    }
    if (result.size() > limit) {  // the rest of a long text is not even looked at
      const std::size_t kept = limit > cut.size() ? limit - cut.size() : 0;
      result.resize(kept);
      result += cut.substr(0, limit - kept);
      break;
    }
  }
  return result;
}

long long decimal(std::string_view text, std::size_t digits) {
  // Eighteen digits are what a long long surely holds.
  if (text.empty() || text.size() > std::min<std::size_t>(digits, 18)) return -1;
  long long value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<std::string> decoded_xtext(std::string_view xtext) {
  constexpr std::string_view hex = "0123456789ABCDEF";  // lower case is no xtext
  std::string octets;
  for (std::size_t at = 0; at < xtext.size(); ++at) {
    const char c = xtext[at];
    if (!is_printable(c) || c == ' ' || c == '=') return std::nullopt;
    if (c != '+') {
      octets += c;
      continue;
    }
    if (xtext.size() - at < 3) return std::nullopt;
    const auto high = hex.find(xtext[at + 1]), low = hex.find(xtext[at + 2]);
    if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
    octets += static_cast<char>(high << 4 | low);
    at += 2;
  }
  return octets;
}

std::size_t utf8_sequence(std::string_view text) {
  const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = octet(0);
  const std::size_t length = first < 0x80                     ? 1
                             : first >= 0xc2 && first <= 0xdf ? 2
                             : first >= 0xe0 && first <= 0xef ? 3
                             : first >= 0xf0 && first <= 0xf4 ? 4
                                                              : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((octet(i) & 0xc0) != 0x80) return 0;
  }
  if (first == 0xe0 && octet(1) < 0xa0) return 0;
  if (first == 0xed && octet(1) > 0x9f) return 0;
  if (first == 0xf0 && octet(1) < 0x90) return 0;
  if (first == 0xf4 && octet(1) > 0x8f) return 0;
  return length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool has_eight_bit(std::string_view octets) {
  std::uint64_t seen = 0;
  const char* at = octets.data();
  std::size_t left = octets.size();
  for (; left >= sizeof seen; left -= sizeof seen, at += sizeof seen) {
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    seen |= word;
  }
  for (; left > 0; --left, ++at) seen |= static_cast<unsigned char>(*at);
  return (seen & 0x8080808080808080u) != 0;
}

}  // namespace base
