// The public key of a laboratory's certificate as the configuration names it.
#pragma once

#include <openssl/sha.h>
#include <openssl/x509.h>

#include <string>

#include "tests/lab/authority.hpp"

namespace scenario {

/// SHA-256 of the leaf's public key, hexadecimal.
inline std::string key_digest(const lab::Certificate& certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.x509.get()), &der);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<std::size_t>(size), digest);
  OPENSSL_free(der);
  std::string text;
  for (const unsigned char octet : digest) {
    text += "0123456789abcdef"[octet >> 4];
    text += "0123456789abcdef"[octet & 15];
  }
  return text;
}

}  // namespace scenario
