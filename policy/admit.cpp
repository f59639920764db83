// Compares what was proven with what is demanded. Asks nobody, forgives nothing: what was not shown counts as failed.
#include "policy/admit.hpp"

#include <optional>

namespace policy {

namespace {

using Reason = NotAdmitted::Reason;
using Time = std::chrono::system_clock::time_point;

constexpr char resumed[] = "the TLS session was resumed and shows no certificate";

/// Why the certificate does not count for the host's name; nothing: it does.
std::optional<NotAdmitted> pkix_missing(const Proof& proof, const Demand& demand, Time now) {
  // A resumed session shows no certificate; OpenSSL calls it verified whatever name is asked for.
  if (proof.resumed) return NotAdmitted{Reason::certificate, resumed};
  if (proof.anchors != demand.anchors) return NotAdmitted{Reason::stale, "verified against other trust anchors"};
  if (proof.pkix != Check::passed) {
    return NotAdmitted{Reason::certificate,
                       proof.fault_words.empty() ? "the certificate was not verified" : proof.fault_words};
  }
  if (now >= proof.not_after) return NotAdmitted{Reason::stale, "the certificate has run out since"};
  return std::nullopt;
}

/// Why the TLSA records that are in force do not count as matched; nothing: they do.
std::optional<NotAdmitted> dane_missing(const Proof& proof, const Demand& demand, Time now) {
  if (proof.resumed) return NotAdmitted{Reason::dane, resumed};
  // Without records there is nothing that could have matched.
  if (!demand.association) return NotAdmitted{Reason::dane, "there is no TLSA record to match"};
  if (!proof.association || *proof.association != *demand.association) {
    return NotAdmitted{Reason::stale, "verified against other TLSA records"};
  }
  if (proof.dane != Check::passed) {
    return NotAdmitted{Reason::dane, proof.dane_words.empty() ? "no TLSA record matches" : proof.dane_words};
  }
  // RFC 7671 §5.2: usage 2 takes a chain in date only, and a kept connection may outlive it.
  if (proof.dane_not_after && now >= *proof.dane_not_after)
    return NotAdmitted{Reason::stale, "the certificate has run out since"};
  return std::nullopt;
}

}  // namespace

std::variant<Permit, NotAdmitted> admit(const Proof& proof, const Demand& demand, Time now) {
  const auto& need = demand.need;
  if (proof.host != demand.host || proof.port != demand.port)
    return NotAdmitted{Reason::other_host, "the connection is to another host"};
  if (need.nothing()) return Permit();
  if (!proof.encrypted) return NotAdmitted{Reason::not_encrypted, "no TLS"};
  if (!proof.strong) return NotAdmitted{Reason::weak_tls, "TLS is weaker than TLS 1.2 with good keys"};
  if (need.pkix) {
    if (auto missing = pkix_missing(proof, demand, now)) return *missing;
  }
  if (need.dane) {
    if (auto missing = dane_missing(proof, demand, now)) return *missing;
  }
  if (need.verified && dane_missing(proof, demand, now)) {
    if (auto missing = pkix_missing(proof, demand, now)) return *missing;
  }
  if (need.requiretls && !proof.offers_requiretls)
    return NotAdmitted{Reason::no_requiretls, "the host does not offer REQUIRETLS"};
  return Permit();
}

}  // namespace policy
