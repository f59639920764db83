// NSEC records that prove what does not exist, made for the question alone (RFC 4470). Never signs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/lab/dns_wire.hpp"

namespace lab {

/// The name has these types, and no other; `types` as in a zone's text, those of DNSSEC itself are added.
DnsRecord no_other_type(const std::string& name, const std::vector<std::string>& types, std::uint32_t ttl);

/// Neither the name nor a wildcard that could stand for it exists. Not for the root.
std::vector<DnsRecord> no_such_name(const std::string& name, std::uint32_t ttl);

}  // namespace lab
