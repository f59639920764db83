// TLSA records of the laboratory's certificates, made by OpenSSL's digests alone.
#pragma once

#include <string>

#include "tests/lab/authority.hpp"

namespace lab {

/// "3 1 1 5a0b...": as dns_rdata takes it. Throws std::invalid_argument for numbers that have no meaning.
std::string tlsa(const X509Ptr& certificate, int usage, int selector, int matching);
/// The same as RDATA octets.
std::string tlsa_octets(const X509Ptr& certificate, int usage, int selector, int matching);
/// The certificates of a PEM text, in order.
std::vector<X509Ptr> certificates_of(const std::string& pem);

}  // namespace lab
