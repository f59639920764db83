// Compares what was proven with what is demanded. Asks nobody, forgives nothing: what was not shown counts as failed.
#include "policy/admit.hpp"

namespace policy {

std::variant<Permit, NotAdmitted> admit(const Proof& proof, const Demand& demand,
                                        std::chrono::system_clock::time_point now) {
  using Reason = NotAdmitted::Reason;
  const auto& need = demand.need;
  if (proof.host != demand.host || proof.port != demand.port)
    return NotAdmitted{Reason::other_host, "the connection is to another host"};
  if (need.nothing()) return Permit();
  if (!proof.encrypted) return NotAdmitted{Reason::not_encrypted, "no TLS"};
  if (!proof.strong) return NotAdmitted{Reason::weak_tls, "TLS is weaker than TLS 1.2 with good keys"};
  if (need.pkix) {
    // A resumed session shows no certificate; OpenSSL calls it verified whatever name is asked for.
    if (proof.resumed) return NotAdmitted{Reason::certificate, "the TLS session was resumed and shows no certificate"};
    if (proof.anchors != demand.anchors) return NotAdmitted{Reason::stale, "verified against other trust anchors"};
    if (proof.pkix != Check::passed) {
      return NotAdmitted{Reason::certificate,
                         proof.fault_words.empty() ? "the certificate was not verified" : proof.fault_words};
    }
    if (now >= proof.not_after) return NotAdmitted{Reason::stale, "the certificate has run out since"};
  }
  if (need.dane && (proof.dane != Check::passed || proof.resumed))
    return NotAdmitted{Reason::dane, "no TLSA record matches"};
  if (need.requiretls && !proof.offers_requiretls)
    return NotAdmitted{Reason::no_requiretls, "the host does not offer REQUIRETLS"};
  return Permit();
}

}  // namespace policy
