// Whether the relay may authenticate to a host (SMTP-32). Never asks what a message demands: a password needs more.
#pragma once

#include "policy/proof.hpp"

namespace policy {

/// Only to a peer that has proven in this very handshake, with strong TLS, to be the host: by its certificate, by TLSA
/// records, or by a pinned key.
constexpr bool may_authenticate(const Proof& proof) {
  const bool verified = proof.pkix == Check::passed || proof.dane == Check::passed;
  return proof.encrypted && proof.strong && !proof.resumed && verified;
}

}  // namespace policy
