// Everything that a decision looks at, gathered beforehand by proxy/outbound. Values only: the decision asks nobody.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/dane/tlsa_set.hpp"
#include "policy/requirement.hpp"
#include "policy/sts/policy_file.hpp"

namespace policy {

/// What is known of a host's TLSA records (RFC 7672 §2.2).
struct DaneFacts {
  enum class State {
    not_applicable,  ///< DANE is off, an answer on the way is not secure, or there are no records (DANE-02, DANE-21)
    usable,          ///< secure, at least one usable record: the host has to match `association`
    unusable,        ///< secure, but no record is usable: TLS is mandatory, nobody is authenticated (DANE-06)
    failed,          ///< a lookup on the way failed: the host is not used (DANE-04)
  } state = State::not_applicable;
  std::shared_ptr<const dane::Association> association;  ///< with `usable`
  std::string words;                                     ///< with `failed`: what happened; else why, printable
};

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
  DaneFacts dane{};
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
  std::vector<std::string> further_hosts{};  ///< after `host`, in this order, where it cannot be had
  std::string trust_anchors{};               ///< of the hosts, instead of the relay's; which, for explanations
  std::vector<std::string> pinned_keys{};    ///< SHA-256 of public keys, octets: a host must have one of them
  bool login = false;                        ///< the relay authenticates there: only to a host that is verified
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

/// What a domain without a policy has proven before ([delivery] remember), where that still counts.
struct Memory {
  Requirement proven;          ///< of its hosts: TLS, or a certificate for the MX host name
  std::string since;           ///< "2026-10-01", for people
  bool insists = false;        ///< remember = "enforce", and the time to believe a change is not over: it is demanded
  std::string weaker_since{};  ///< when it began to prove less, for people; empty: it does not
  bool operator==(const Memory&) const = default;
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
  bool mx_secure = false;        ///< the answer that names the hosts, or says that there are none, is DNSSEC-secure
  std::string mx_words;          ///< with `failed`: what happened
  std::vector<HostFacts> hosts;  ///< in the order to try: by preference, equals shuffled
  StsFacts sts;
  Memory memory;
  std::uint64_t anchors = 0;  ///< generation of the trust anchors in force
};

}  // namespace policy
