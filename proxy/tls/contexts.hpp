// The relay's TLS contexts toward MX hosts and policy hosts, and the trust anchors behind them. One verify callback
// serves every handshake: it collects all faults and aborts nothing; admit judges.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>

#include "policy/dane/tlsa_set.hpp"

namespace proxy {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;
using SslContextPtr = std::unique_ptr<SSL_CTX, SslFree>;

/// strong: TLS 1.2 or later, level 2, every first try. weak: TLS 1.0, level 0, only where nothing at all is demanded.
enum class Strength { strong, weak };

using AssociationPtr = std::shared_ptr<const policy::dane::Association>;

class TlsContexts {
 public:
  /// `trust_anchors`: a PEM file, empty for the system's store. Throws std::runtime_error with words when it cannot be
  /// read.
  explicit TlsContexts(const std::string& trust_anchors, std::uint64_t generation = 1);
  /// As well with contexts for hosts that have trust anchors of their own; `further`: their files.
  TlsContexts(const std::string& trust_anchors, std::span<const std::string> further, std::uint64_t generation = 1);

  /// No two sets of trust anchors of a process have the same, so that a proof by one never counts for another.
  std::uint64_t generation() const { return generation_; }
  std::uint64_t last_generation() const { return generation_ + further_.size(); }
  /// Those with these trust anchors; empty: these themselves. Throws std::out_of_range for others than were given.
  const TlsContexts& with(const std::string& trust_anchors) const;
  /// A client SSL that checks the peer against `host` (SNI and reference name; STS-40, STS-41): SAN only, no partial
  /// wildcards, no resumption. It completes the handshake whatever the certificate is: look at proof_of.
  /// With an association (strong only) it checks the peer against TLSA records as well, and the server name is theirs.
  SslPtr client(Strength strength, const std::string& host, const AssociationPtr& association = nullptr) const;
  /// For Beast: the strong context itself. Its handshakes complete whatever the certificate is, too.
  SSL_CTX* strong_context() const { return strong_.get(); }
  /// Whether the SSL came from the context of this strength, and so was checked against these trust anchors.
  bool made(const SSL* ssl, Strength strength) const;

 private:
  SslContextPtr strong_, weak_;
  std::map<std::string, std::unique_ptr<const TlsContexts>> further_;
  std::uint64_t generation_;
};

}  // namespace proxy
