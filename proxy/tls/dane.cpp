// OpenSSL's own DANE, records of usage 2 and 3 only.
#include "proxy/tls/dane.hpp"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

#include "protocol/base/text.hpp"
#include "proxy/tls/verify.hpp"

namespace proxy {

namespace {

const unsigned char* octets(const std::string& data) {
  return reinterpret_cast<const unsigned char*>(data.data());
}

[[noreturn]] void refuse(const policy::dane::Association& association) {
  ERR_clear_error();
  throw std::invalid_argument("TLS: TLSA records of `" + base::printable(association.base_domain, 80) +
                              "` cannot be used");
}

}  // namespace

bool is_well_formed(const policy::dane::Record& record) {
  if (record.matching != 0) return true;
  const auto* at = octets(record.data);
  const auto* end = at + record.data.size();
  bool read = false;
  if (record.selector == 0) {
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(
        d2i_X509(nullptr, &at, static_cast<long>(record.data.size())), X509_free);
    read = certificate && at == end && X509_get0_pubkey(certificate.get()) != nullptr;
  } else {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
        d2i_PUBKEY(nullptr, &at, static_cast<long>(record.data.size())), EVP_PKEY_free);
    read = key && at == end;
  }
  ERR_clear_error();
  return read;
}

void expect_association(SSL* ssl, const policy::dane::Association& association) {
  // RFC 7672 §8.1: the server name is the base domain. It is the first reference name as well.
  if (SSL_dane_enable(ssl, association.base_domain.c_str()) != 1) refuse(association);
  if (SSL_set_tlsext_host_name(ssl, association.base_domain.c_str()) != 1) refuse(association);
  // DANE-07: usage 3 looks at no name. DANE-08: usage 2 looks at the common name only where there is no DNS name.
  SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (SSL_set1_host(ssl, association.base_domain.c_str()) != 1) refuse(association);
  for (const auto& name : association.names) {
    if (name != association.base_domain && SSL_add1_host(ssl, name.c_str()) != 1) refuse(association);
  }
  expect_dane(ssl);
  for (const auto& record : association.records) {
    if (SSL_dane_tlsa_add(ssl, record.usage, record.selector, record.matching, octets(record.data),
                          record.data.size()) <= 0) {
      refuse(association);
    }
  }
}

}  // namespace proxy
