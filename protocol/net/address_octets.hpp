// Internet addresses from text to network octets. Knows no sockets, no names, no zones, no ports.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace net {

/// Four decimals from 0 to 255 without leading zeros: four octets.
std::optional<std::string> ipv4_octets(std::string_view text);

/// RFC 4291 §2.2 in any of its three forms, letters in any case: sixteen octets.
std::optional<std::string> ipv6_octets(std::string_view text);

/// As dns::address_text writes it; an IPv4-mapped IPv6 address as the IPv4 address.
std::string plain_address_text(std::string_view octets);

}  // namespace net
