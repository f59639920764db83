// RFC 5952: lower case, no leading zeros, the longest run of zero groups (the first of equals, two at least) as `::`.
#include "protocol/dns/address_text.hpp"

#include <cstddef>

namespace dns {
namespace {

std::string dotted(std::string_view octets) {
  std::string text;
  for (const char c : octets) {
    if (!text.empty()) text += '.';
    text += std::to_string(static_cast<unsigned char>(c));
  }
  return text;
}

void append_hex(std::string& text, unsigned group) {
  bool begun = false;
  for (int shift = 12; shift >= 0; shift -= 4) {
    const unsigned digit = group >> shift & 15;
    begun = begun || digit != 0 || shift == 0;
    if (begun) text += "0123456789abcdef"[digit];
  }
}

}  // namespace

std::string address_text(std::string_view octets) {
  if (octets.size() == 4) return dotted(octets);
  if (octets.size() != 16) return {};
  constexpr std::string_view mapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  if (octets.starts_with(mapped)) return "::ffff:" + dotted(octets.substr(12));

  unsigned groups[8];
  for (std::size_t i = 0; i < 8; ++i)
    groups[i] = static_cast<unsigned>(static_cast<unsigned char>(octets[2 * i]) << 8 |
                                      static_cast<unsigned char>(octets[2 * i + 1]));
  std::size_t run = 8, longest = 1;
  for (std::size_t begin = 0; begin < 8; ++begin) {
    std::size_t end = begin;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - begin > longest) {
      run = begin;
      longest = end - begin;
    }
  }
  std::string text;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == run) {
      text += "::";
      i += longest - 1;
      continue;
    }
    if (!text.empty() && text.back() != ':') text += ':';
    append_hex(text, groups[i]);
  }
  return text;
}

}  // namespace dns
