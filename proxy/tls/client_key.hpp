// The public key of a client's certificate, by which a listener may know it. Says nothing of the certificate itself:
// that may be of anybody, and out of date.
#pragma once

#include <openssl/ssl.h>

#include <string>

namespace proxy {

/// Before the handshake: the client is asked for a certificate, and none is refused.
void ask_for_certificate(SSL* ssl);

/// After it: SHA-256 of the key in DER, 32 octets; empty: it has shown none. The handshake has proven that the client
/// holds the key.
std::string peer_key_digest(const SSL* ssl);

}  // namespace proxy
