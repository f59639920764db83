// From facts to a plan. Requirements are only ever joined here; the one thing that takes away is the exemption, and it
// takes away no more than what was published.
#include "policy/decision.hpp"

#include <algorithm>

#include "policy/reply.hpp"

namespace policy {

namespace {

using MxSet = Facts::MxSet;

/// Whether what the domain (or, with `published`, the configured host) has published counts at all.
bool published_counts(const Facts& facts) {
  if (facts.is_literal || facts.route.exempt) return false;  // STS-56; the exemption is the one thing that weakens
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

std::string who_demands(const Facts& facts, const sts::Policy* policy) {
  std::string by;
  const auto add = [&](const std::string& words) { by += by.empty() ? words : "; " + words; };
  if (policy && policy->mode == sts::Mode::enforce) add("MTA-STS enforce, policy " + facts.sts.id);
  if (!requirement_of(facts.route.security).nothing()) {
    add("configuration" + (facts.route.configured_at.empty() ? std::string() : " " + facts.route.configured_at));
  }
  if (!facts.floor.nothing()) add("delivery security of this relay");
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

std::optional<LeftOut> left_out(const HostFacts& host, std::optional<std::uint16_t> own, const sts::Policy* policy,
                                const std::string& policy_id) {
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
  switch (host.state) {
    case HostFacts::Addresses::found:
      if (!host.addresses.empty()) return std::nullopt;
      break;
    case HostFacts::Addresses::failed: return because(Reason::address_failed, or_else(host.words, "lookup failed"));
    case HostFacts::Addresses::forbidden:
      return because(Reason::address_forbidden, or_else(host.words, "its address is never dialled"));
    case HostFacts::Addresses::none: break;
  }
  return because(Reason::no_address, or_else(host.words, "no address"));
}

}  // namespace

Plan decide(const Facts& facts) {
  Plan plan;
  plan.domain = facts.domain;
  plan.route = facts.route;
  if (published_counts(facts)) plan.sts = facts.sts;
  const auto* policy = policy_in_force(facts);
  const bool enforce = policy && policy->mode == sts::Mode::enforce;
  const auto floors = join(requirement_of(facts.route.security), facts.floor);
  plan.need = join(enforce ? enforced : Requirement{}, floors);
  plan.demanded_by = who_demands(facts, policy);
  plan.refusal = nothing_to_try(facts);
  if (plan.refusal) return plan;

  const auto own = own_preference(facts);
  for (const auto& host : facts.hosts) {
    if (auto out = left_out(host, own, policy, facts.sts.id)) {
      plan.left_out.push_back(std::move(*out));
      continue;
    }
    Attempt attempt;
    attempt.demand = {host.name, facts.route.port, plan.need, facts.anchors};
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
