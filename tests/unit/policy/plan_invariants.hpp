// What must hold of every plan and of every verdict, said a second time and in another way than the code says it. Used
// over the whole finite space (decision_space_test.cpp) and over random facts (tests/fuzz/plan_fuzz.cpp). Each function
// returns what is broken, or nullptr.
#pragma once

#include <algorithm>

#include "policy/decision.hpp"
#include "policy/outcome.hpp"
#include "policy/reply.hpp"
#include "protocol/base/text.hpp"

namespace policy::test {

/// STS-32, STS-56: whether what was published counts.
inline bool published_counts(const Facts& facts) {
  if (facts.is_literal) return false;
  if (facts.route.exempt) return false;
  if (facts.mx_set == Facts::MxSet::configured) return facts.route.security == Security::published;
  return true;
}

inline bool under_enforce(const Facts& facts) {
  return published_counts(facts) && facts.sts.state == StsFacts::State::policy &&
         facts.sts.policy.mode == sts::Mode::enforce;
}

inline bool covers(const Requirement& strong, const Requirement& weak) {
  return strong.encrypted >= weak.encrypted && strong.pkix >= weak.pkix && strong.dane >= weak.dane &&
         strong.requiretls >= weak.requiretls;
}

inline const char* fault_of_refusal(const Facts& facts, const smtp::Reply& refusal) {
  using MxSet = Facts::MxSet;
  const bool definite = facts.mx_set == MxSet::null_mx || facts.mx_set == MxSet::nonexistent || facts.hosts.empty();
  const bool no_record = published_counts(facts) && facts.sts.state == StsFacts::State::lookup_failed;
  if (facts.mx_set == MxSet::failed && refusal.kind() != 4) return "a failed MX lookup refuses for good";
  if (refusal.kind() == 5 && !definite) return "refused for good without a definite reason";
  if (no_record && refusal.kind() == 5 && facts.mx_set != MxSet::null_mx && facts.mx_set != MxSet::nonexistent)
    return "an unknown policy refuses for good";
  return nullptr;
}

inline const char* fault_of_attempt(const Facts& facts, const Plan& plan, const HostFacts& host,
                                    const Attempt& attempt) {
  if (attempt.demand.need != plan.need) return "an attempt demands something else than the plan";
  if (attempt.demand.port != facts.route.port || attempt.implicit_tls != facts.route.implicit_tls)
    return "another port or kind of TLS than the route's";
  if (attempt.demand.anchors != facts.anchors) return "other trust anchors than those in force";
  if (host.state != HostFacts::Addresses::found || attempt.addresses != host.addresses || host.addresses.empty())
    return "an address that was not found";
  for (const auto& other : facts.hosts) {
    if (other.is_self && other.preference <= host.preference) return "a loop: not preferred to the relay itself";
  }
  if (under_enforce(facts) && !sts::allows(facts.sts.policy, host.name)) return "a host outside an enforced policy";
  const bool testing = published_counts(facts) && facts.sts.state == StsFacts::State::policy &&
                       facts.sts.policy.mode == sts::Mode::testing;
  if (attempt.if_enforced.has_value() != testing) return "testing is not reported, or without testing";
  if (attempt.outside_policy != (testing && !sts::allows(facts.sts.policy, host.name)))
    return "outside_policy is wrong";
  return nullptr;
}

inline const char* fault_of_left_out(const Facts& facts, const HostFacts& host, const LeftOut& out) {
  using Reason = LeftOut::Reason;
  if (out.words.empty()) return "left out without words";
  switch (out.reason) {
    case Reason::not_in_policy:
      return under_enforce(facts) && !sts::allows(facts.sts.policy, host.name) ? nullptr : "not_in_policy is not so";
    case Reason::own_name: return host.is_self ? nullptr : "own_name is not so";
    case Reason::behind_own_name:
      return std::any_of(facts.hosts.begin(), facts.hosts.end(),
                         [&](const auto& own) { return own.is_self && own.preference <= host.preference; })
                 ? nullptr
                 : "behind_own_name is not so";
    case Reason::no_address: return host.addresses.empty() ? nullptr : "no_address is not so";
    case Reason::address_failed:
      return host.state == HostFacts::Addresses::failed ? nullptr : "address_failed is not so";
    case Reason::not_tied:
      return facts.message.requiretls && !facts.mx_secure && !under_enforce(facts) ? nullptr : "not_tied is not so";
    case Reason::tlsa_failed: return host.dane.state == DaneFacts::State::failed ? nullptr : "tlsa_failed is not so";
    case Reason::address_forbidden: break;
  }
  return host.state == HostFacts::Addresses::forbidden ? nullptr : "address_forbidden is not so";
}

inline const char* fault_of(const Facts& facts, const Plan& plan) {
  auto least = join(requirement_of(facts.route.security), facts.floor);
  if (under_enforce(facts)) least = join(least, {.encrypted = true, .pkix = true});
  if (plan.need != least) return "the need is not the join of what is demanded";
  if (plan.need.nothing() != plan.demanded_by.empty())
    return "a demand without its author, or an author without demand";
  if (plan.enforced() != under_enforce(facts)) return "enforced() is wrong";
  if (plan.refusal) {
    if (!plan.attempts.empty()) return "a refusal beside attempts";
    return fault_of_refusal(facts, *plan.refusal);
  }
  if (published_counts(facts) && facts.sts.state == StsFacts::State::lookup_failed)
    return "delivery although the policy is unknown";
  std::size_t tried = 0, out = 0;
  for (const auto& host : facts.hosts) {
    const bool is_tried = tried < plan.attempts.size() && plan.attempts[tried].demand.host == host.name;
    const char* fault = nullptr;
    if (is_tried) {
      fault = fault_of_attempt(facts, plan, host, plan.attempts[tried++]);
    } else if (out < plan.left_out.size() && plan.left_out[out].host == host.name) {
      fault = fault_of_left_out(facts, host, plan.left_out[out++]);
    } else {
      fault = "a host is neither tried nor left out, or out of order";
    }
    if (fault != nullptr) return fault;
  }
  if (tried != plan.attempts.size() || out != plan.left_out.size()) return "a host from nowhere";
  return nullptr;
}

/// Of a proof that was admitted for an attempt.
inline const char* fault_of(const Facts& facts, const Attempt& attempt, const Proof& proof,
                            std::chrono::system_clock::time_point now) {
  const auto& need = attempt.demand.need;
  if (proof.host != attempt.demand.host || proof.port != attempt.demand.port) return "another host was proven";
  const bool verified = proof.encrypted && proof.strong && !proof.resumed && proof.pkix == Check::passed &&
                        proof.anchors == facts.anchors && now < proof.not_after;
  if (under_enforce(facts) && !verified) return "enforce without verified TLS";
  if (need.pkix && !verified) return "pkix without a verified certificate";
  if (!need.nothing() && !(proof.encrypted && proof.strong)) return "a demand without strong TLS";
  if (need.dane && (proof.dane != Check::passed || proof.resumed)) return "dane without a matching record";
  if (need.requiretls && !proof.offers_requiretls) return "REQUIRETLS is not offered";
  return nullptr;
}

inline bool failed_for_a_demand(const HostOutcome& outcome) {
  using What = HostOutcome::What;
  const auto what = outcome.what == What::blocked ? outcome.remembered : outcome.what;
  return what == What::not_admitted || what == What::handshake_failed || what == What::no_starttls;
}

/// Of the verdict over all hosts.
inline const char* fault_of(const Plan& plan, std::span<const HostOutcome> outcomes, const smtp::Reply& reply) {
  using Reason = LeftOut::Reason;
  if (reply.kind() != 4 && reply.kind() != 5) return "neither a deferral nor a refusal";
  if (reply.code == 421) return "421 would end the client's connection";
  if (reply.enhanced.size() < 5 || reply.enhanced[0] != (reply.kind() == 4 ? '4' : '5'))
    return "enhanced code of another class";
  if (plan.refusal) return reply == *plan.refusal ? nullptr : "the plan's refusal is not the reply";

  const auto final = std::find_if(outcomes.begin(), outcomes.end(), [](const auto& outcome) {
    return outcome.what == HostOutcome::What::refused && outcome.reply.kind() == 5 &&
           outcome.stage >= smtp::Stage::mail;
  });
  if (final != outcomes.end())
    return reply == smtp::cleaned(final->reply) ? nullptr : "a final refusal is not passed on";
  if (reply.kind() == 5) {
    for (const auto& out : plan.left_out) {
      if (out.reason == Reason::not_in_policy) return "a policy failure refuses for good";
      if (out.reason == Reason::address_failed) return "a failed lookup refuses for good";
    }
    for (const auto& outcome : outcomes) {
      if (failed_for_a_demand(outcome)) return "a demand that was not met refuses for good";
      if (outcome.what != HostOutcome::What::refused || outcome.reply.kind() != 5)
        return "a host did not say 5xx itself";
    }
    if (outcomes.size() < plan.attempts.size()) return "refused for good although a host was not asked";
  }
  const bool failed = std::any_of(outcomes.begin(), outcomes.end(), failed_for_a_demand);
  if (failed && !plan.need.nothing()) {
    if (reply.code != 451 || !reply.enhanced.starts_with("4.7.")) return "a failed demand is not 451 4.7.x";
    if (!reply.text.starts_with(base::printable(plan.domain, 300) + " demands "))
      return "the words do not say who demands";
  }
  const bool verbatim =
      !outcomes.empty() && reply.kind() == 4 && std::any_of(outcomes.begin(), outcomes.end(), [&](const auto& outcome) {
        return outcome.stage >= smtp::Stage::mail && smtp::cleaned(outcome.reply) == reply;
      });
  if (verbatim) return nullptr;
  if (reply.text.size() > reply::text_limit) return "too long";
  if (!std::all_of(reply.text.begin(), reply.text.end(), base::is_printable)) return "not printable";
  if (plan.domain.size() < 100 && reply.text.find(plan.domain) == std::string::npos) return "the domain is not named";
  return nullptr;
}

}  // namespace policy::test
