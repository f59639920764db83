// What a host, or its domain, would have to change to be used.
#include <algorithm>

#include "policy/why.hpp"

namespace policy {

namespace {

using What = HostOutcome::What;

std::string by_certificate(const std::string& host, CertificateFault fault) {
  switch (fault) {
    case CertificateFault::expired: return "renew its certificate";
    case CertificateFault::not_yet_valid: return "show a certificate that is valid already; its date or ours is wrong";
    case CertificateFault::self_signed: return "show a certificate of an authority that this relay trusts";
    case CertificateFault::unknown_issuer:
      return "send its intermediate certificates too, or have one of an authority that this relay trusts";
    case CertificateFault::name_mismatch: return "show a certificate that names " + host;
    case CertificateFault::weak: return "show a certificate with a stronger key and signature";
    case CertificateFault::wrong_purpose: return "show a certificate that is made for TLS servers";
    case CertificateFault::none:
    case CertificateFault::other: break;
  }
  return "show a certificate in date for " + host + ", of an authority that this relay trusts";
}

std::string by_proof(const Demand& demand, CertificateFault fault) {
  const auto match = "show a certificate or key that one of its TLSA records matches, or publish records that do";
  const auto& need = demand.need;
  if (need.pkix && need.dane) return by_certificate(demand.host, fault) + ", and " + match;
  if (need.dane) return match;
  if (need.pkix || need.verified) return by_certificate(demand.host, fault);
  return "offer TLS 1.2 or later with keys that are strong enough";
}

}  // namespace

std::string fix(const Plan& plan, const LeftOut& host) {
  using Reason = LeftOut::Reason;
  switch (host.reason) {
    case Reason::not_in_policy:
      return "the policy of " + plan.sts.policy_domain +
             " would have to name it under `mx`, with a new id in TXT _mta-sts." + plan.sts.policy_domain;
    case Reason::not_tied:
      return plan.domain +
             " would have to sign its zone (DNSSEC), or to publish an enforced MTA-STS policy that names it";
    case Reason::tlsa_failed:
      return "its name servers would have to answer for its TLSA records, with the records or with a secure denial";
    case Reason::own_name:
      return "the MX record would have to name another host, or a [[destination]] here give one for " + plan.domain;
    case Reason::behind_own_name: return "it would have to be preferred to this relay in the MX record";
    case Reason::no_address: return "it would have to have an A or AAAA record";
    case Reason::address_failed: return "its name servers would have to answer for its addresses";
    case Reason::address_forbidden: break;
  }
  return "it would have to have an address that others can reach";
}

std::string fix(const Plan& plan, const HostOutcome& outcome, CertificateFault fault) {
  const auto found = std::find_if(plan.attempts.begin(), plan.attempts.end(),
                                  [&](const auto& attempt) { return attempt.demand.host == outcome.host; });
  if (found == plan.attempts.end()) return {};
  const auto& demand = found->demand;
  const std::string it = "it would have to ";
  switch (what_counts(plan, outcome)) {
    case What::no_starttls: return it + "offer STARTTLS";
    case What::handshake_failed: return it + "offer TLS 1.2 or later with keys that are strong enough";
    case What::not_admitted: return it + by_proof(demand, fault);
    case What::no_requiretls: return it + "offer REQUIRETLS in its EHLO after STARTTLS";
    case What::refused: return it + "welcome this relay; its reply says why it does not";
    case What::not_authenticated: return "its credentials in the [[destination]] here would have to be right";
    case What::nonsense: return it + "speak SMTP on port " + std::to_string(demand.port);
    case What::congested: return "connections to it would have to end, or [delivery] connections_per_host to grow";
    case What::lost: return it + "keep the connection, and answer in time";
    case What::unreachable:
    case What::blocked:
    case What::out_of_time: break;
  }
  return it + "accept connections on port " + std::to_string(demand.port);
}

}  // namespace policy
