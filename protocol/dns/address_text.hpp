// Internet addresses from network octets to text. Knows no sockets.
#pragma once

#include <string>
#include <string_view>

namespace dns {

/// Four octets as 192.0.2.1; sixteen as RFC 5952 wants them: 2001:db8::1, ::ffff:192.0.2.1. Other lengths give an empty
/// text.
std::string address_text(std::string_view octets);

}  // namespace dns
