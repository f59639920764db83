// From a connection to a Proof: the only writer of policy::Proof.
#pragma once

#include <openssl/ssl.h>

#include <string>

#include "policy/proof.hpp"
#include "proxy/tls/contexts.hpp"

namespace proxy {

/// After a completed handshake. `ssl` was made by TlsContexts::client(strength, host, association). A resumed session,
/// or one whose callback did not run, has pkix not passed.
policy::Proof proof_of(SSL* ssl, const TlsContexts& contexts, Strength strength, std::string host, std::string address,
                       std::uint16_t port, AssociationPtr association = nullptr);
/// A connection without TLS.
policy::Proof plaintext_proof(std::string host, std::string address, std::uint16_t port);
/// Names the host whose identity an SSL made elsewhere (Beast) must prove: SNI, reference name, flags.
void expect_host(SSL* ssl, const std::string& host);
/// Words for a failed handshake, from OpenSSL's error queue; printable. Clears the queue.
std::string handshake_error_words();

}  // namespace proxy
