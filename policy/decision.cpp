// From facts to a plan. Requirements are only ever joined here; the one thing that takes away is the exemption, and it
// takes away no more than what was published.
#include "policy/decision.hpp"

#include <algorithm>
#include <memory>

#include "policy/reply.hpp"

namespace policy {

namespace {

using MxSet = Facts::MxSet;

/// Whether anything that others have published may count: MTA-STS, TLSA.
bool others_count(const Facts& facts) {
  // RFC 8689 §4.2.2: `TLS-Required: No` goes before MTA-STS and DANE, and before nothing that the administrator wants;
  // beside REQUIRETLS it is void (§3).
  const bool not_required = facts.message.tls_required_no && !facts.message.requiretls;
  return !facts.is_literal && !facts.route.exempt && !not_required;
}

/// Whether what the domain (or, with `published`, the configured host) has published counts at all.
bool published_counts(const Facts& facts) {
  if (!others_count(facts)) return false;  // STS-56; the exemption is the one thing that weakens
  // RFC 8461 §3.4: where a next hop is configured, the recipient's policy neither demands nor vouches.
  return facts.mx_set != MxSet::configured || facts.route.security == Security::published;
}

const sts::Policy* policy_in_force(const Facts& facts) {
  if (facts.sts.state != StsFacts::State::policy || !published_counts(facts)) return nullptr;
  return &facts.sts.policy;
}

constexpr Requirement enforced{.encrypted = true, .pkix = true};

std::optional<smtp::Reply> nothing_to_try(const Facts& facts) {
  const auto& domain = facts.domain;
  switch (facts.mx_set) {
    case MxSet::null_mx: return smtp::Reply{556, "5.1.10", reply::bounded(domain + " takes no mail (null MX)")};
    case MxSet::nonexistent:
      return smtp::Reply{550, "5.1.2", reply::bounded(domain + " does not exist, or has neither MX nor address")};
    case MxSet::failed:
      return smtp::Reply{451, "4.4.3",
                         reply::bounded(domain + ": its mail hosts cannot be looked up: " + facts.mx_words)};
    case MxSet::found:
    case MxSet::implicit:
    case MxSet::configured: break;
  }
  if (facts.sts.state == StsFacts::State::lookup_failed && published_counts(facts)) {
    return smtp::Reply{
        451, "4.4.3",
        reply::bounded(domain + ": whether it demands TLS (MTA-STS) cannot be looked up: " + facts.sts.error)};
  }
  // SMTP-15: nothing but `.` among others
  if (facts.hosts.empty()) return smtp::Reply{554, "5.4.4", reply::bounded(domain + " has no usable mail host")};
  return std::nullopt;
}

bool insists(const Facts& facts) {
  return facts.memory.insists && !facts.route.exempt && !facts.memory.proven.nothing();
}

std::string who_demands(const Facts& facts, const sts::Policy* policy) {
  std::string by;
  const auto add = [&](const std::string& words) { by += by.empty() ? words : "; " + words; };
  if (policy && policy->mode == sts::Mode::enforce) add("MTA-STS enforce, policy " + facts.sts.id);
  if (!requirement_of(facts.route.security).nothing() || !facts.route.pinned_keys.empty()) {
    add("configuration" + (facts.route.configured_at.empty() ? std::string() : " " + facts.route.configured_at));
  }
  if (!facts.floor.nothing()) add("delivery security of this relay");
  if (insists(facts)) add("proven since " + facts.memory.since + ", which this relay remembers");
  if (facts.message.requiretls) add("REQUIRETLS of the message");
  return by;
}

// SMTP-12, RFC 5321 §5.1: the relay's own preference and all worse ones go, before the policy is looked at (STS-57).
std::optional<std::uint16_t> own_preference(const Facts& facts) {
  std::optional<std::uint16_t> own;
  for (const auto& host : facts.hosts) {
    if (host.is_self && (!own || host.preference < *own)) own = host.preference;
  }
  return own;
}

std::string or_else(const std::string& words, const char* otherwise) {
  return words.empty() ? otherwise : words;
}

/// RTLS-03: whether it is sure that the domain itself names its hosts; of a policy's, those that left_out lets pass.
bool is_tied(const Facts& facts, const sts::Policy* policy) {
  if (facts.mx_set == MxSet::configured) return true;
  return facts.mx_secure || (policy && policy->mode == sts::Mode::enforce);
}

/// What the host's own TLSA records demand (RFC 7672 §2.2).
Requirement dane_need(const Facts& facts, const HostFacts& host) {
  if (!others_count(facts)) return {};
  switch (host.dane.state) {
    case DaneFacts::State::usable: return {.encrypted = true, .dane = true};
    case DaneFacts::State::unusable: return {.encrypted = true};  // DANE-06
    case DaneFacts::State::failed:
    case DaneFacts::State::not_applicable: break;
  }
  return {};
}

/// RFC 8689 §4.2.1: TLS to a host that is verified by its certificate or by DANE, and that offers REQUIRETLS.
constexpr Requirement requiretls_need{.encrypted = true, .requiretls = true, .verified = true};

std::optional<LeftOut> left_out(const Facts& facts, const HostFacts& host, std::optional<std::uint16_t> own,
                                const sts::Policy* policy) {
  const auto& policy_id = facts.sts.id;
  using Reason = LeftOut::Reason;
  const auto because = [&](Reason reason, std::string words) {
    return LeftOut{host.name, host.preference, reason, std::move(words)};
  };
  if (host.is_self) return because(Reason::own_name, "it is this relay itself");
  if (own && host.preference >= *own) return because(Reason::behind_own_name, "not preferred to this relay itself");
  // STS-35; STS-43: the implicit MX as well
  if (policy && policy->mode == sts::Mode::enforce && !sts::allows(*policy, host.name)) {
    return because(Reason::not_in_policy, "its name is not in the MTA-STS policy " + policy_id);
  }
  if (facts.message.requiretls && !is_tied(facts, policy)) {
    return because(Reason::not_tied,
                   "REQUIRETLS, but neither a secure MX record (DNSSEC) nor an enforced MTA-STS policy names it");
  }
  switch (host.state) {
    case HostFacts::Addresses::found:
      if (host.addresses.empty()) break;
      if (host.dane.state == DaneFacts::State::failed && others_count(facts)) {
        return because(Reason::tlsa_failed, or_else(host.dane.words, "TLSA lookup failed"));
      }
      return std::nullopt;
    case HostFacts::Addresses::failed: return because(Reason::address_failed, or_else(host.words, "lookup failed"));
    case HostFacts::Addresses::forbidden:
      return because(Reason::address_forbidden, or_else(host.words, "its address is never dialled"));
    case HostFacts::Addresses::none: break;
  }
  return because(Reason::no_address, or_else(host.words, "no address"));
}

}  // namespace

Requirement Plan::strongest() const {
  auto all = need;
  for (const auto& attempt : attempts) all = join(all, attempt.demand.need);
  return all;
}

bool Plan::destination_verified(const Attempt& attempt) const {
  const auto& need_here = attempt.demand.need;
  if (!need_here.pkix && !need_here.dane && !need_here.verified) return false;
  // RFC 7672 §2.2.1: a host behind an insecure MX record is proven to be itself, and no more.
  return enforced() || mx_secure || !route.host.empty();
}

Plan decide(const Facts& facts) {
  Plan plan;
  plan.domain = facts.domain;
  plan.route = facts.route;
  if (published_counts(facts)) plan.sts = facts.sts;
  const auto* policy = policy_in_force(facts);
  const bool enforce = policy && policy->mode == sts::Mode::enforce;
  auto floors = join(requirement_of(facts.route.security), facts.floor);
  if (insists(facts)) floors = join(floors, facts.memory.proven);
  plan.message = facts.message;
  if (facts.message.requiretls) plan.message.tls_required_no = false;  // RTLS-09
  plan.memory = facts.memory;
  plan.mx_secure = facts.mx_secure;
  plan.need = join(enforce ? enforced : Requirement{}, floors);
  if (facts.message.requiretls) plan.need = join(plan.need, requiretls_need);
  plan.demanded_by = who_demands(facts, policy);
  plan.refusal = nothing_to_try(facts);
  if (plan.refusal) return plan;

  const auto own = own_preference(facts);
  const bool pinned = !facts.route.pinned_keys.empty();
  for (const auto& host : facts.hosts) {
    if (auto out = left_out(facts, host, own, policy)) {
      plan.left_out.push_back(std::move(*out));
      continue;
    }
    Attempt attempt;
    // An administrator's pin holds whatever anybody publishes or a message says.
    const auto dane = pinned ? Requirement{.encrypted = true, .dane = true} : dane_need(facts, host);
    attempt.without_requiretls = join(join(enforce ? enforced : Requirement{}, floors), dane);
    attempt.demand.host = host.name;
    attempt.demand.port = facts.route.port;
    attempt.demand.need = attempt.without_requiretls;
    if (facts.message.requiretls) attempt.demand.need = join(attempt.demand.need, requiretls_need);
    attempt.dane_mandatory = !dane.nothing();
    if (pinned) {
      attempt.demand.association =
          std::make_shared<const dane::Association>(dane::pinned(host.name, facts.route.pinned_keys));
    } else if (dane.dane) {
      attempt.demand.association = host.dane.association;
    }
    attempt.demand.anchors = facts.anchors;
    attempt.preference = host.preference;
    attempt.addresses = host.addresses;
    attempt.implicit_tls = facts.route.implicit_tls;
    if (policy && policy->mode == sts::Mode::testing) {
      attempt.if_enforced = enforced;
      attempt.outside_policy = !sts::allows(*policy, host.name);
    }
    plan.attempts.push_back(std::move(attempt));
  }
  return plan;
}

}  // namespace policy
