// Reads what inet_pton reads, without the system.
#include "protocol/net/address_octets.hpp"

#include <algorithm>
#include <cstddef>

#include "protocol/base/text.hpp"
#include "protocol/dns/address_text.hpp"

namespace net {
namespace {

constexpr std::size_t ipv6_length = 16;

/// One to four hexadecimal digits, or -1.
int group(std::string_view text) {
  if (text.empty() || text.size() > 4) return -1;
  int value = 0;
  for (const char c : text) {
    const char low = base::to_lower(c);
    if (base::is_digit(low))
      value = value * 16 + (low - '0');
    else if (low >= 'a' && low <= 'f')
      value = value * 16 + (low - 'a' + 10);
    else
      return -1;
  }
  return value;
}

/// Groups between colons, the last of which may be an IPv4 address. Empty text: no octets.
std::optional<std::string> groups(std::string_view text, bool dotted_end) {
  std::string octets;
  while (!text.empty()) {
    const auto end = text.find(':');
    const auto part = text.substr(0, end);
    const bool last = end == std::string_view::npos;
    if (last && dotted_end && part.find('.') != std::string_view::npos) {
      const auto tail = ipv4_octets(part);
      if (!tail) return std::nullopt;
      return octets + *tail;
    }
    const int value = group(part);
    if (value < 0 || octets.size() >= ipv6_length) return std::nullopt;
    octets += static_cast<char>(value >> 8);
    octets += static_cast<char>(value & 0xff);
    if (last) return octets;
    text.remove_prefix(end + 1);
    if (text.empty()) return std::nullopt;  // a colon at the end
  }
  return octets;
}

}  // namespace

std::optional<std::string> ipv4_octets(std::string_view text) {
  std::string octets;
  for (int i = 0; i < 4; ++i) {
    const auto end = i < 3 ? text.find('.') : text.size();
    if (end == std::string_view::npos) return std::nullopt;
    const auto part = text.substr(0, end);
    const auto value = base::decimal(part, 3);
    if (value < 0 || value > 255 || (part.size() > 1 && part[0] == '0')) return std::nullopt;
    octets += static_cast<char>(value);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return octets;
}

std::optional<std::string> ipv6_octets(std::string_view text) {
  const auto gap = text.find("::");
  if (gap == std::string_view::npos) {
    auto octets = groups(text, true);
    if (!octets || octets->size() != ipv6_length) return std::nullopt;
    return octets;
  }
  const auto head = groups(text.substr(0, gap), false);
  const auto tail = groups(text.substr(gap + 2), true);
  // RFC 4291 §2.2: `::` stands for one group of zeros at least.
  if (!head || !tail || head->size() + tail->size() > ipv6_length - 2) return std::nullopt;
  return *head + std::string(ipv6_length - head->size() - tail->size(), '\0') + *tail;
}

std::string plain_address_text(std::string_view octets) {
  constexpr std::string_view mapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  if (octets.size() == ipv6_length && octets.starts_with(mapped)) octets.remove_prefix(mapped.size());
  return dns::address_text(octets);
}

}  // namespace net
