// Certificate verification that reports everything. Never lets a fault go unrecorded, never throws through OpenSSL.
#include "proxy/tls/verify.hpp"

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace proxy {
namespace {

// RFC 9325 §4.2: 112 bits, so RSA keys of 2048 bits and SHA-2 signatures, in every certificate of the chain.
constexpr int certificate_level = 2;

void free_verification(void*, void* verification, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Verification*>(verification);
}

int slot() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_verification);
  return index;
}

Verification* find(const SSL* ssl) {
  return ssl == nullptr ? nullptr : static_cast<Verification*>(SSL_get_ex_data(ssl, slot()));
}

Verification* find(X509_STORE_CTX* store) {
  return find(static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx())));
}

/// Called by X509_verify_cert for each fault, and with `ok` for each certificate that is in order. Going on is what
/// lets an expired certificate with a weak key show both.
int record(int ok, X509_STORE_CTX* store) noexcept {
  if (ok == 1) return 1;
  if (Verification* seen = find(store))
    seen->add(X509_STORE_CTX_get_error(store), X509_STORE_CTX_get_error_depth(store));
  return 1;
}

int record_dane(int ok, X509_STORE_CTX* store) noexcept {
  if (ok == 1) return 1;
  if (Verification* seen = find(store))
    seen->dane.add(X509_STORE_CTX_get_error(store), X509_STORE_CTX_get_error_depth(store));
  return 1;
}

void judge(X509_STORE_CTX* store, Faults& faults, X509_STORE_CTX_verify_cb recorder) noexcept {
  // The weak context allows weak handshakes, but its verdict on the certificate is as strict: measured, at level 0
  // OpenSSL takes a key of 1024 bits without a word.
  X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(store), certificate_level);
  X509_STORE_CTX_set_verify_cb(store, recorder);
  const int result = X509_verify_cert(store);
  if (result <= 0 && faults.count == 0) {  // it stopped before it could report: out of memory, a malformed chain
    const int error = X509_STORE_CTX_get_error(store);
    faults.add(error == X509_V_OK ? X509_V_ERR_UNSPECIFIED : error, 0);
  }
}

/// The verdict by trust anchors on what the peer has shown, beside that by TLSA records (STS-45): a verification of its
/// own, for OpenSSL looks at no trust anchor once a TLSA record counts.
void judge_by_anchors(X509_STORE_CTX* by_records, SSL* ssl, Verification& seen) noexcept {
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> plain(X509_STORE_CTX_new(),
                                                                              X509_STORE_CTX_free);
  X509_STORE* anchors = SSL_CTX_get_cert_store(SSL_get_SSL_CTX(ssl));
  X509_VERIFY_PARAM* param = nullptr;
  const bool made = plain &&
                    X509_STORE_CTX_init(plain.get(), anchors, X509_STORE_CTX_get0_cert(by_records),
                                        X509_STORE_CTX_get0_untrusted(by_records)) == 1 &&
                    X509_STORE_CTX_set_ex_data(plain.get(), SSL_get_ex_data_X509_STORE_CTX_idx(), ssl) == 1 &&
                    X509_STORE_CTX_set_default(plain.get(), "ssl_server") == 1 &&
                    (param = X509_STORE_CTX_get0_param(plain.get())) != nullptr &&
                    X509_VERIFY_PARAM_set1_host(param, seen.host.data(), seen.host.size()) == 1;
  if (!made) {
    seen.add(X509_V_ERR_OUT_OF_MEM, 0);
    return;
  }
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  X509_VERIFY_PARAM_set_depth(param, SSL_get_verify_depth(ssl));
  judge(plain.get(), seen, record);
  seen.chain.reset(X509_STORE_CTX_get1_chain(plain.get()));
}

int verify(X509_STORE_CTX* store, void*) noexcept {
  Verification* seen = find(store);
  if (seen == nullptr) {  // nobody said whose identity to prove: then none is
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 1;
  }
  seen->ran = true;
  seen->count = seen->dane.count = 0;
  seen->dane_matched = false;
  if (seen->expects_dane) {
    SSL* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    judge(store, seen->dane, record_dane);
    // Asked at once: later OpenSSL answers by the error that is set below.
    seen->dane_matched = SSL_get0_dane_tlsa(ssl, &seen->dane_usage, nullptr, nullptr, nullptr, nullptr) >= 0;
    judge_by_anchors(store, ssl, *seen);
  } else {
    judge(store, *seen, record);
  }
  X509_STORE_CTX_set_error(store, seen->count == 0 ? X509_V_OK : seen->faults[0].error);
  return 1;
}

}  // namespace

void collect_faults(SSL_CTX* context) {
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_cert_verify_callback(context, verify, nullptr);
}

void begin_verification(SSL* ssl, const std::string& host) {
  auto verification = std::make_unique<Verification>();
  verification->host = host;
  delete find(ssl);
  if (SSL_set_ex_data(ssl, slot(), verification.get()) != 1) {
    SSL_set_ex_data(ssl, slot(), nullptr);
    throw std::runtime_error("TLS: no memory for a verification");
  }
  static_cast<void>(verification.release());  // free_verification owns it now
}

void expect_dane(SSL* ssl) {
  if (Verification* verification = find(ssl)) verification->expects_dane = true;
}

const Verification* verification_of(const SSL* ssl) {
  return find(ssl);
}

}  // namespace proxy
