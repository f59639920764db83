// The MTA-STS policy file (RFC 8461 §3.2) and which MX hosts it allows (§4.1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/parsed.hpp"

namespace policy::sts {

enum class Mode { none, testing, enforce };
std::string_view words(Mode mode);

constexpr std::uint32_t max_max_age = 31557600;  // RFC 8461 §3.2

struct Policy {
  Mode mode = Mode::none;
  std::vector<std::string> mx;  ///< patterns, lower case: a host name, or "*." and a host name
  std::uint32_t max_age = 0;    ///< seconds, at most max_max_age
  bool operator==(const Policy&) const = default;
};

/// `body` is the HTTPS body, whole. The error's offset is the octet of the line at fault.
base::Parsed<Policy> parse_policy(std::string_view body);

/// STS-33: equal, or "*." + rest where the host is exactly one label + rest. Both without trailing dot; case is
/// ignored.
bool matches(std::string_view pattern, std::string_view mx_host);
bool allows(const Policy& policy, std::string_view mx_host);

}  // namespace policy::sts
