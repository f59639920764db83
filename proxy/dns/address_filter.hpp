// Which addresses may be dialled. A stranger's DNS names the hosts that the relay connects to, so addresses that lead
// back into this machine, or to no single host, are refused (STS-68). Never asked for hosts that the administrator has
// configured.
#pragma once

#include <string_view>

namespace proxy {

/// Why this textual address must not be dialled, as words for the log ("a loopback address"); empty: it may.
/// IPv4-mapped IPv6 addresses count as what they map. `allow_loopback` lets loopback through, nothing else.
std::string_view refusal_to_dial(std::string_view address, bool allow_loopback);

}  // namespace proxy
