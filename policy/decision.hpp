// From facts to a plan: which hosts may be tried, in which order, what each must prove, and which are left out and why.
// The promise lives here, in admit and in outcome; no other code may choose a weaker connection. Pure: the same facts
// give the same plan.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy/admit.hpp"
#include "policy/facts.hpp"
#include "protocol/smtp/reply.hpp"

namespace policy {

struct Attempt {
  Demand demand;  ///< host, port, need: what admit compares the proof with
  std::uint16_t preference = 0;
  std::vector<std::string> addresses;
  bool implicit_tls = false;
  /// Mode testing: what enforce would have demanded (need) and whether the host is outside the policy; never demanded,
  /// only reported (STS-38).
  std::optional<Requirement> if_enforced;
  /// What of the demand is the message's own REQUIRETLS alone: a host that fails only there fails for good (RTLS-04).
  Requirement without_requiretls;
  bool dane_mandatory = false;  ///< its TLSA records demand something: a match, or TLS at least
  bool outside_policy = false;
};

struct LeftOut {
  std::string host;
  std::uint16_t preference = 0;
  enum class Reason {
    not_in_policy,      ///< STS-35
    not_tied,           ///< REQUIRETLS: neither a secure MX set nor an enforced policy names it (RTLS-03)
    tlsa_failed,        ///< a lookup on the way to its TLSA records failed: temporary (DANE-04)
    own_name,           ///< the relay itself
    behind_own_name,    ///< not better than the relay itself (SMTP-12)
    no_address,         ///< definite
    address_failed,     ///< the lookup failed: temporary
    address_forbidden,  ///< STS-68
  } reason;
  std::string words;
};

struct Plan {
  std::string domain;
  Requirement need;         ///< of every attempt, at the least; DANE adds to it host by host
  std::string demanded_by;  ///< "MTA-STS enforce, policy 20260101", "configuration relay.toml:31", "" when nothing is
  StsFacts sts;             ///< what applies: nothing where what was published does not count
  Route route;
  MessageDemand message;  ///< with tls_required_no: what was published was not applied
  Memory memory;          ///< what the domain has proven before; joined to `need` where it insists
  bool mx_secure = false;
  std::vector<Attempt> attempts;  ///< in order; may be empty
  std::vector<LeftOut> left_out;
  /// Set when there is nothing to try because of the MX set or the policy lookup itself (null MX, NXDOMAIN, SERVFAIL,
  /// ...).
  std::optional<smtp::Reply> refusal;

  /// The demands of all attempts, joined.
  Requirement strongest() const;
  /// Whether a host that proves what this attempt demands is proven to be the domain's own, not just itself (DANE-20).
  bool destination_verified(const Attempt& attempt) const;
  bool enforced() const { return sts.state == StsFacts::State::policy && sts.policy.mode == sts::Mode::enforce; }
};

Plan decide(const Facts& facts);

}  // namespace policy
