// TLSA records and OpenSSL: what it can use, and a handshake that is checked against them. It never says what follows
// from a match; see proof_of and policy/admit.
#pragma once

#include <openssl/ssl.h>

#include "policy/dane/tlsa_set.hpp"

namespace proxy {

/// Whether OpenSSL can read the data: a certificate or a public key with matching type 0 (DANE-05).
bool is_well_formed(const policy::dane::Record& record);

/// Makes an SSL check the peer against the records, by the names of the association (DANE-08, DANE-11), with its server
/// name the TLSA base domain. Throws std::invalid_argument for an association that OpenSSL cannot take as a whole:
/// nothing is then checked.
void expect_association(SSL* ssl, const policy::dane::Association& association);

}  // namespace proxy
