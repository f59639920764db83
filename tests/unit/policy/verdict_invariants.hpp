// What must hold of every verdict, said in another way than conclude says it: what may be refused for good, and what
// must stand in the words. Used over the whole finite space (verdict_space_test.cpp) and over random outcomes
// (tests/fuzz/plan_fuzz.cpp).
#pragma once

#include <algorithm>

#include "policy/outcome.hpp"
#include "policy/reply.hpp"
#include "protocol/base/text.hpp"

namespace policy::test {

inline HostOutcome::What counted(const HostOutcome& outcome) {
  return outcome.what == HostOutcome::What::blocked ? outcome.remembered : outcome.what;
}

/// A demand that one host did not meet, whoever demands it.
inline bool failed_for_a_demand(const HostOutcome& outcome) {
  using What = HostOutcome::What;
  const auto what = counted(outcome);
  return what == What::not_admitted || what == What::handshake_failed || what == What::no_starttls ||
         what == What::no_requiretls;
}

/// RTLS-04: it failed now, at nothing that anybody but the message demands.
inline bool fails_by_requiretls_alone(const Plan& plan, const HostOutcome& outcome) {
  if (!plan.message.requiretls || outcome.what == HostOutcome::What::blocked) return false;
  if (outcome.what == HostOutcome::What::no_requiretls) return true;
  return failed_for_a_demand(outcome) &&
         std::any_of(plan.attempts.begin(), plan.attempts.end(), [&](const auto& attempt) {
           return attempt.demand.host == outcome.host && attempt.without_requiretls == Requirement{};
         });
}

/// What a permanent refusal must not rest on.
inline const char* fault_of_permanence(const Plan& plan, std::span<const HostOutcome> outcomes,
                                       const smtp::Reply& reply) {
  using Reason = LeftOut::Reason;
  bool by_requiretls = false;
  for (const auto& out : plan.left_out) {
    if (out.reason == Reason::not_in_policy) return "a policy failure refuses for good";
    if (out.reason == Reason::address_failed) return "a failed lookup refuses for good";
    if (out.reason == Reason::tlsa_failed) return "a failed TLSA lookup refuses for good";
    if (out.reason == Reason::not_tied && !plan.sts.error.empty()) return "a policy that was not had refuses for good";
    by_requiretls = by_requiretls || out.reason == Reason::not_tied;
  }
  for (const auto& outcome : outcomes) {
    const bool said_so = outcome.what == HostOutcome::What::refused && outcome.reply.kind() == 5;
    const bool alone = fails_by_requiretls_alone(plan, outcome);
    by_requiretls = by_requiretls || alone;
    if (failed_for_a_demand(outcome) && !alone) return "a demand that was not met refuses for good";
    if (!said_so && !alone) return "a host did not say 5xx itself";
  }
  if (outcomes.size() < plan.attempts.size()) return "refused for good although a host was not asked";
  const bool code = reply.enhanced == "5.7.30" || reply.enhanced == "5.7.10";
  if (by_requiretls && !(reply.code == 550 && code)) return "REQUIRETLS fails for good, with another code";
  if (code && !by_requiretls) return "5.7.30 or 5.7.10 without REQUIRETLS as the reason";
  return nullptr;
}

/// Whether REQUIRETLS must refuse for good: every host fails definitely, one of them by it.
inline bool requiretls_must_refuse(const Plan& plan, std::span<const HostOutcome> outcomes) {
  bool by_requiretls = false;
  for (const auto& out : plan.left_out) {
    using Reason = LeftOut::Reason;
    if (out.reason == Reason::not_in_policy || out.reason == Reason::address_failed ||
        out.reason == Reason::tlsa_failed)
      return false;
    if (out.reason == Reason::not_tied && !plan.sts.error.empty()) return false;
    by_requiretls = by_requiretls || out.reason == Reason::not_tied;
  }
  for (const auto& outcome : outcomes) {
    const bool alone = fails_by_requiretls_alone(plan, outcome);
    if (!alone && !(outcome.what == HostOutcome::What::refused && outcome.reply.kind() == 5)) return false;
    by_requiretls = by_requiretls || alone;
  }
  return plan.message.requiretls && by_requiretls && outcomes.size() == plan.attempts.size();
}

inline const char* fault_of_words(const Plan& plan, std::span<const HostOutcome> outcomes, const smtp::Reply& reply) {
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

inline const char* fault_of(const Plan& plan, std::span<const HostOutcome> outcomes, const smtp::Reply& reply) {
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
    if (const auto* fault = fault_of_permanence(plan, outcomes, reply)) return fault;
  } else {
    if (requiretls_must_refuse(plan, outcomes)) return "no host can ever take it, and it waits";
    const bool failed = std::any_of(outcomes.begin(), outcomes.end(), failed_for_a_demand);
    if (failed && !plan.need.nothing()) {
      if (reply.code != 451 || !reply.enhanced.starts_with("4.7.")) return "a failed demand is not 451 4.7.x";
      if (!reply.text.starts_with(base::printable(plan.domain, 300) + " demands "))
        return "the words do not say who demands";
    }
  }
  return fault_of_words(plan, outcomes, reply);
}

}  // namespace policy::test
