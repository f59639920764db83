// Trust anchors from files into memory: each certificate is read once, at start or reload, and shared by all contexts.
// Nothing is read from a file afterwards, so that a proof's generation says exactly what it was checked against.
#pragma once

#include <openssl/x509.h>

#include <memory>
#include <string>

namespace proxy {

struct StoreFree {
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
};
using StorePtr = std::unique_ptr<X509_STORE, StoreFree>;

/// `file`: PEM certificates; empty: the system's, where OpenSSL looks for them (SSL_CERT_FILE and SSL_CERT_DIR count).
/// Throws std::runtime_error that names the file and says what was expected; so does a store without any certificate.
StorePtr load_trust_anchors(const std::string& file);

}  // namespace proxy
