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
  const bool there = facts.sts.state == StsFacts::State::policy && published_counts(facts);
  return there ? &facts.sts.policy : nullptr;
}

constexpr Requirement enforced{.encrypted = true, .pkix = true};

std::optional<smtp::Reply> nothing_to_try(const Facts& facts) {
  const auto& domain = facts.domain;
  switch (facts.mx_set) {
    case MxSet::null_mx: return smtp::Reply{556, "5.1.10", reply::bounded(domain + " takes no mail (null MX)")};
    case MxSet::nonexistent:
      return smtp::Reply{550, "5.1.2", reply::bounded(domain + " does not exist, or has neither MX nor address")};
    case MxSet::failed: return smtp::Reply{451, "4.4.3", reply::bounded(domain + ": " + facts.mx_words)};
    case MxSet::found:
    case MxSet::implicit:
    case MxSet::configured: break;
  }
  if (facts.sts.state == StsFacts::State::lookup_failed && published_counts(facts)) {
    return smtp::Reply{
        451, "4.4.3",
        reply::bounded(domain + ": whether it demands TLS (MTA-STS) cannot be looked up: " + facts.sts.error)};
  }
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
  if (!facts.floor.nothing()) add("configured floor");
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

std::optional<LeftOut> left_out(const HostFacts& host, std::optional<std::uint16_t> own, const sts::Policy* policy,
                                const std::string& policy_id) {
  using Reason = LeftOut::Reason;
  const auto because = [&](Reason reason, std::string words) {
    return LeftOut{host.name, host.preference, reason, std::move(words)};
  };
  if (host.is_self) return because(Reason::own_name, "it is this relay itself");
  if (own && host.preference >= *own) return because(Reason::behind_own_name, "not preferred to this relay itself");
  if (policy && policy->mode == sts::Mode::enforce && !sts::allows(*policy, host.name)) {
    return because(Reason::not_in_policy, "its name is not in the MTA-STS policy " + policy_id);
  }
  switch (host.state) {
    case HostFacts::Addresses::found: return std::nullopt;
    case HostFacts::Addresses::none: return because(Reason::no_address, host.words);
    case HostFacts::Addresses::failed: return because(Reason::address_failed, host.words);
    case HostFacts::Addresses::forbidden: break;
  }
  return because(Reason::address_forbidden, host.words);
}

std::string names_of(const std::vector<Attempt>& attempts) {
  std::string names;
  for (const auto& attempt : attempts) names += (names.empty() ? "" : " or ") + attempt.demand.host;
  return names;
}

}  // namespace

Plan decide(const Facts& facts) {
  Plan plan;
  plan.domain = facts.domain;
  plan.route = facts.route;
  plan.sts = facts.sts;
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

std::string sentence(const Plan& plan) {
  const auto mail = "Mail for " + plan.domain;
  if (plan.attempts.empty()) return mail + " has no host to go to.";
  const auto hosts = names_of(plan.attempts);
  if (plan.need.nothing()) return mail + " goes to " + hosts + ", over TLS where offered, verified or not.";
  const std::string how = plan.need.pkix || plan.need.dane ? "verified TLS" : "TLS";
  return mail + " goes over " + how + " to " + hosts + ", or waits.";
}

}  // namespace policy
