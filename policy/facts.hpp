// Everything that a decision looks at, gathered beforehand by proxy/outbound. Values only: the decision asks nobody.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "policy/requirement.hpp"
#include "policy/sts/policy_file.hpp"

namespace policy {

/// One host of the domain's MX set, or the configured host, or the domain itself where it has no MX (implicit MX).
struct HostFacts {
  std::string name;  ///< as in the MX record (lower case, no trailing dot); never a CNAME's target (STS-34)
  std::uint16_t preference = 0;
  enum class Addresses {
    found,
    none,       ///< definite: the name does not exist or has no address
    failed,     ///< the lookup failed: temporary
    forbidden,  ///< only addresses that are never dialled (STS-68)
  } state = Addresses::found;
  std::vector<std::string> addresses{};  ///< to dial, both families, in the resolver's order
  std::string words{};                   ///< with a state but `found`: what happened, printable
  bool is_self = false;  ///< the relay's own name, or an address that one of its listeners has (SMTP-12)
};

/// What is known of the policy domain's MTA-STS.
struct StsFacts {
  enum class State {
    no_policy,      ///< no record, no valid policy, expired, or not asked (literal, exempt, configured host)
    policy,         ///< in date, or fetched for this very message
    lookup_failed,  ///< the record cannot be looked up, nothing is cached, and the grace is not over (STS-07)
  } state = State::no_policy;
  enum class Source {
    none,
    fetched,  ///< now, for this very message
    stored,   ///< from the cache
    pin,      ///< of the configuration: it stands above what the domain publishes
    preload,  ///< of a list: it counts until the domain's own was fetched
  } source = Source::none;
  std::string policy_domain;
  std::string id;
  sts::Policy policy;
  std::chrono::system_clock::time_point fetched{}, expires{};
  std::string error;  ///< the last failure in words: of the lookup, the fetch or the policy; empty when all went well
};

/// What the configuration says about the domain: a [[destination]], or the defaults.
struct Route {
  std::string host;  ///< configured next hop; empty: the domain's MX
  std::uint16_t port = 25;
  bool implicit_tls = false;
  Security security = Security::published;
  bool exempt = false;        ///< what the domain publishes is not applied: the single thing that weakens
  std::string reason;         ///< of the exemption
  std::string configured_at;  ///< "relay.toml:31", for explanations; empty for the defaults
};

/// What the message itself asks for (RFC 8689).
struct MessageDemand {
  bool requiretls = false;       ///< MAIL ... REQUIRETLS
  bool tls_required_no = false;  ///< a `TLS-Required: No` header that counts (RTLS-07, RTLS-09)
};

struct Facts {
  std::string domain;  ///< the recipients' domain, or the address literal with its brackets
  bool is_literal = false;
  Route route;
  Requirement floor;  ///< [delivery] security and the listener's, joined
  MessageDemand message;
  enum class MxSet {
    found,
    implicit,     ///< no MX record: the domain is its own host (RFC 5321 §5.1)
    null_mx,      ///< RFC 7505
    nonexistent,  ///< NXDOMAIN, or neither MX nor address
    failed,       ///< SERVFAIL, timeout, alias loop ...: temporary
    configured,   ///< route.host
  } mx_set = MxSet::found;
  std::string mx_words;          ///< with `failed`: what happened
  std::vector<HostFacts> hosts;  ///< in the order to try: by preference, equals shuffled
  StsFacts sts;
  std::uint64_t anchors = 0;  ///< generation of the trust anchors in force
};

}  // namespace policy
