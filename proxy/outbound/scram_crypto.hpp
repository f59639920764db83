// SCRAM's cryptography from OpenSSL, for protocol/smtp/scram.hpp. Keeps nothing, logs nothing; safe from every thread.
#pragma once

#include <string>

#include "protocol/smtp/scram.hpp"

namespace proxy {

/// Each function gives an empty text where OpenSSL fails; the dialogue then fails too.
smtp::ScramCrypto scram_crypto();

/// A fresh client nonce: 24 octets of randomness in base64; empty where there is none, which the dialogue refuses.
std::string scram_nonce();

}  // namespace proxy
