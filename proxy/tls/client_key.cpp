// A key's digest as RFC 7469 and RFC 6698 (selector 1, matching type 1) make it.
#include "proxy/tls/client_key.hpp"

#include <openssl/sha.h>
#include <openssl/x509.h>

namespace proxy {
namespace {

int take_any(int, X509_STORE_CTX*) {
  return 1;
}

}  // namespace

void ask_for_certificate(SSL* ssl) {
  SSL_set_verify(ssl, SSL_VERIFY_PEER, take_any);
  // A resumed session would show what an earlier one has proven.
  SSL_set_options(ssl, SSL_OP_NO_TICKET);
  SSL_set_num_tickets(ssl, 0);
}

std::string peer_key_digest(const SSL* ssl) {
  const X509* certificate = ssl != nullptr ? SSL_get0_peer_certificate(ssl) : nullptr;
  if (certificate == nullptr) return {};
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  if (size <= 0) return {};
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<std::size_t>(size), digest);
  OPENSSL_free(der);
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

}  // namespace proxy
