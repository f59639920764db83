// The only place that says `passed`. Without a callback that ran in this handshake and found nothing, nothing is
// proven.
#include "proxy/tls/proof_of.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "proxy/tls/certificate_words.hpp"
#include "proxy/tls/verify.hpp"

namespace proxy {
namespace {

using policy::CertificateFault;
using policy::Check;

void refuse(policy::Proof& proof, CertificateFault fault, std::string words) {
  proof.pkix = Check::failed;
  proof.fault = fault;
  proof.fault_words = std::move(words);
}

const STACK_OF(X509) * chain_of(SSL* ssl, const Verification& verification) {
  return verification.chain ? verification.chain.get() : SSL_get0_verified_chain(ssl);
}

/// The end of time for an empty chain.
std::chrono::system_clock::time_point earliest_expiry(const STACK_OF(X509) * chain) {
  auto earliest = std::chrono::system_clock::time_point::max();
  for (int i = 0; i < sk_X509_num(chain); ++i)
    earliest = std::min(earliest, time_of(X509_get0_notAfter(sk_X509_value(chain, i))));
  return earliest;
}

/// The verdict on the certificate, from what was recorded in this very handshake.
void judge(policy::Proof& proof, SSL* ssl, const TlsContexts& contexts, Strength strength) {
  if (proof.resumed) {
    // STS-49: measured, OpenSSL calls a resumed session verified for any name, and the callback does not run.
    refuse(proof, CertificateFault::other, "resumed session proves nothing");
    return;
  }
  const Verification* verification = verification_of(ssl);
  if (!SSL_is_init_finished(ssl) || verification == nullptr || !verification->ran) {
    refuse(proof, CertificateFault::other, "no certificate was verified");
    return;
  }
  if (!contexts.made(ssl, strength)) {
    refuse(proof, CertificateFault::other, "certificate was verified against other trust anchors");
    return;
  }
  if (!base::equals_ignoring_case(verification->host, proof.host)) {
    refuse(proof, CertificateFault::name_mismatch, "certificate was verified for another host");
    return;
  }
  if (!verification->passed()) {
    refuse(proof, first_fault(*verification),
           fault_words(*verification, chain_of(ssl, *verification), verification->host));
    return;
  }
  proof.pkix = Check::passed;
}

/// The verdict by TLSA records.
void judge_dane(policy::Proof& proof, SSL* ssl, const TlsContexts& contexts) {
  proof.dane = Check::failed;
  const Verification* verification = verification_of(ssl);
  if (proof.resumed || !SSL_is_init_finished(ssl) || verification == nullptr || !verification->expects_dane ||
      !verification->ran || !contexts.made(ssl, Strength::strong)) {
    proof.dane_words = "no certificate was checked against TLSA records";
    return;
  }
  if (verification->dane_passed()) {
    proof.dane = Check::passed;
    if (verification->dane_usage == policy::dane::trust_anchor)
      proof.dane_not_after = earliest_expiry(SSL_get0_verified_chain(ssl));
    return;
  }
  bool matches = true;
  for (std::size_t i = 0; i < std::min(verification->dane.count, verification->dane.faults.size()); ++i)
    matches = matches && verification->dane.faults[i].error != X509_V_ERR_DANE_NO_MATCH;
  const bool pinned = proof.association && proof.association->pinned;
  proof.dane_words = pinned ? "its public key is not a pinned one" : "no TLSA record matches";
  if (matches) {  // an issuer is named, and is not enough
    proof.dane_words +=
        ": " + fault_words(verification->dane, SSL_get0_verified_chain(ssl), proof.association->base_domain);
  }
}

void describe(policy::Proof& proof, SSL* ssl) {
  proof.tls = SSL_get_version(ssl);
  if (const char* cipher = SSL_get_cipher_name(ssl)) proof.cipher = cipher;
  const X509* leaf = SSL_get0_peer_certificate(ssl);
  if (leaf == nullptr) return;
  proof.issuer = short_name(X509_get_issuer_name(leaf));
  proof.subject = short_name(X509_get_subject_name(leaf));
  proof.not_after = time_of(X509_get0_notAfter(leaf));
  const auto* verification = verification_of(ssl);
  const STACK_OF(X509)* chain = verification == nullptr ? nullptr : chain_of(ssl, *verification);
  proof.not_after = std::min(proof.not_after, earliest_expiry(chain));
}

}  // namespace

policy::Proof proof_of(SSL* ssl, const TlsContexts& contexts, Strength strength, std::string host, std::string address,
                       std::uint16_t port, AssociationPtr association) {
  policy::Proof proof = plaintext_proof(std::move(host), std::move(address), port);
  proof.encrypted = SSL_is_init_finished(ssl) == 1;
  proof.strong = proof.encrypted && strength == Strength::strong && contexts.made(ssl, Strength::strong);
  proof.resumed = SSL_session_reused(ssl) == 1;
  proof.anchors = contexts.generation();
  proof.association = std::move(association);
  judge(proof, ssl, contexts, strength);
  if (proof.association) judge_dane(proof, ssl, contexts);
  describe(proof, ssl);
  return proof;
}

policy::Proof plaintext_proof(std::string host, std::string address, std::uint16_t port) {
  policy::Proof proof;
  proof.host = std::move(host);
  proof.address = std::move(address);
  proof.port = port;
  return proof;
}

void expect_host(SSL* ssl, const std::string& host) {
  // OpenSSL takes an empty name, a leading dot or a NUL as leave to check less.
  if (host.empty() || host.starts_with('.') || host.ends_with('.') || host.find('\0') != std::string::npos) {
    throw std::invalid_argument("TLS: not a host name: `" + base::printable(host, 80) + "`");
  }
  begin_verification(ssl, host);
  X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
  // RFC 8461 §4.2, RFC 6125 §6.4: a SAN DNS-ID, the wildcard is a whole label, the common name is never used.
  X509_VERIFY_PARAM_set_hostflags(parameters,
                                  X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  bool done = false;
  if (base::looks_like_address(host) || host.starts_with('[')) {
    // RFC 6066 §3: an address is never sent as a server name; it proves itself by a SAN of its own kind.
    done = X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1 ||
           X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size()) == 1;
  } else {
    done = X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size()) == 1 &&
           SSL_set_tlsext_host_name(ssl, host.c_str()) == 1;
  }
  if (!done) throw std::invalid_argument("TLS: not a host name: `" + base::printable(host, 80) + "`");
}

std::string handshake_error_words() {
  std::string words;
  while (const auto error = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(error);
    if (words.empty() && reason != nullptr) words = base::printable(reason, 120);
  }
  return words.empty() ? "connection closed" : words;
}

}  // namespace proxy
