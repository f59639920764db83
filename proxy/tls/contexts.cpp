// The client contexts. Never a resumed session, never a renegotiation, never less than the table below whatever the
// system's openssl.cnf says.
#include "proxy/tls/contexts.hpp"

#include <openssl/x509v3.h>

#include <stdexcept>
#include <utility>

#include "proxy/tls/dane.hpp"
#include "proxy/tls/proof_of.hpp"
#include "proxy/tls/trust_anchors.hpp"
#include "proxy/tls/verify.hpp"

namespace proxy {
namespace {

struct Rules {
  int lowest;
  int level;
  const char* ciphers;  ///< up to TLS 1.2; those of TLS 1.3 are all good
  std::uint64_t options;
};

// RFC 8996, RFC 9325 §3.1.1: TLS 1.2 or later. RFC 9325 §4.1: no ephemeral Diffie-Hellman over finite fields in
// TLS 1.2, for its groups cannot be negotiated and those of mail hosts are weak.
constexpr Rules strong_rules{TLS1_2_VERSION, 2, "DEFAULT:!aNULL:!eNULL:!kDHE:!PSK:!SRP", 0};
// Only where plaintext would do as well (SMTP-56): whatever encrypts, also toward hosts without RFC 5746.
constexpr Rules weak_rules{TLS1_VERSION, 0, "ALL:!aNULL:!eNULL:!PSK:!SRP", SSL_OP_LEGACY_SERVER_CONNECT};

constexpr int chain_depth = 10;

SslContextPtr make(const Rules& rules, X509_STORE* anchors) {
  SslContextPtr made(SSL_CTX_new(TLS_client_method()));
  if (!made) throw std::runtime_error("TLS: no context");
  SSL_CTX* context = made.get();
  SSL_CTX_set_security_level(context, rules.level);
  if (SSL_CTX_set_min_proto_version(context, rules.lowest) != 1 || SSL_CTX_set_max_proto_version(context, 0) != 1 ||
      SSL_CTX_set_cipher_list(context, rules.ciphers) != 1) {
    throw std::runtime_error("TLS: OpenSSL refuses the protocol versions or ciphers");
  }
  // STS-49: OpenSSL calls a resumed session verified, for whatever name it is asked.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | rules.options);
  // One write of a large body must not hold its buffer in place; an idle connection holds no record buffers.
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set1_cert_store(context, anchors);
  SSL_CTX_set_verify_depth(context, chain_depth);
  SSL_CTX_set_purpose(context, X509_PURPOSE_SSL_SERVER);
  if (SSL_CTX_dane_enable(context) != 1) throw std::runtime_error("TLS: OpenSSL cannot do DANE");
  collect_faults(context);
  return made;
}

}  // namespace

TlsContexts::TlsContexts(const std::string& trust_anchors, std::uint64_t generation) : generation_(generation) {
  const StorePtr anchors = load_trust_anchors(trust_anchors);
  strong_ = make(strong_rules, anchors.get());
  weak_ = make(weak_rules, anchors.get());
}

TlsContexts::TlsContexts(const std::string& trust_anchors, std::span<const std::string> further,
                         std::uint64_t generation)
    : TlsContexts(trust_anchors, generation) {
  for (const auto& file : further) {
    if (!further_.contains(file)) further_.emplace(file, std::make_unique<const TlsContexts>(file, ++generation));
  }
}

const TlsContexts& TlsContexts::with(const std::string& trust_anchors) const {
  return trust_anchors.empty() ? *this : *further_.at(trust_anchors);
}

SslPtr TlsContexts::client(Strength strength, const std::string& host, const AssociationPtr& association) const {
  SslPtr ssl(SSL_new(strength == Strength::strong ? strong_.get() : weak_.get()));
  if (!ssl) throw std::runtime_error("TLS: no memory for a connection");
  SSL_set_connect_state(ssl.get());
  expect_host(ssl.get(), host);
  if (association && strength == Strength::strong) expect_association(ssl.get(), *association);
  return ssl;
}

bool TlsContexts::made(const SSL* ssl, Strength strength) const {
  return SSL_get_SSL_CTX(ssl) == (strength == Strength::strong ? strong_.get() : weak_.get());
}

}  // namespace proxy
