// The DNS servers that the system uses. Search lists and options of resolv.conf are ignored: all names are absolute
// (SMTP-55).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.hpp"

namespace proxy {

/// The first three nameservers of the text, as the C library takes them; what is no address is skipped. Port 53.
std::vector<HostPort> nameservers_of(std::string_view resolv_conf);

/// Those of the file; 127.0.0.1 when it names none or cannot be read (resolv.conf(5)). Read anew at each call (O-1).
std::vector<HostPort> system_servers(const std::string& path = "/etc/resolv.conf");

}  // namespace proxy
