// The verdict over all hosts when none took the message. What a demand or a policy kept from happening is never
// permanent (STS-37): 5xx comes only from the MX set itself or out of the mouth of each host.
#include <algorithm>

#include "policy/outcome.hpp"
#include "policy/reply.hpp"
#include "protocol/base/text.hpp"

namespace policy {

namespace {

using What = HostOutcome::What;
using Reason = LeftOut::Reason;

std::string demanded(const Requirement& need) {
  const std::string tls = need.pkix || need.dane || need.verified ? "verified TLS" : "TLS";
  return tls + (need.requiretls ? " and REQUIRETLS" : "");
}

// ---- the words

std::string words_of(const HostOutcome& outcome) {
  const auto words = outcome.words.starts_with(outcome.host) ? outcome.words : outcome.host + ": " + outcome.words;
  return words + (outcome.what == What::blocked ? " (a moment ago)" : "");
}

/// `head`, then host by host what happened. Where that is too long, each host keeps an equal share, so that a talkative
/// one does not hide the others.
std::string with_each_host(std::string head, const Plan& plan, std::span<const HostOutcome> outcomes) {
  constexpr std::size_t least_share = 60;
  std::vector<std::string> parts;
  for (const auto& outcome : outcomes) parts.push_back(words_of(outcome));
  for (const auto& host : plan.left_out) parts.push_back(host.host + ": " + host.words);
  if (parts.empty()) parts.emplace_back("none was tried");

  std::size_t total = head.size();
  for (const auto& part : parts) total += part.size() + 2;
  std::size_t share = total;
  if (total > reply::text_limit) {
    const std::size_t room = reply::text_limit - std::min(head.size(), reply::text_limit);
    share = std::max(least_share, room / parts.size() - std::min<std::size_t>(2, room / parts.size()));
  }
  const char* between = ": ";
  for (const auto& part : parts) {
    head += between + base::printable(part, share);
    between = "; ";
  }
  return reply::bounded(std::move(head));
}

/// Who demands it; DANE speaks for single hosts.
std::string by_whom(const Plan& plan) {
  std::string by = plan.demanded_by;
  const bool dane = std::any_of(plan.attempts.begin(), plan.attempts.end(),
                                [](const auto& attempt) { return attempt.dane_mandatory; });
  if (dane) by += by.empty() ? "DANE" : "; DANE";
  return by;
}

// ---- for good

bool says_no_for_good(const HostOutcome& outcome) {
  return outcome.what == What::refused && outcome.reply.kind() == 5;
}

bool some_may_change(const Plan& plan) {
  return std::any_of(plan.left_out.begin(), plan.left_out.end(), [&](const auto& host) {
    // STS-37: a policy that could not be learnt now may tie the host once it can.
    if (host.reason == Reason::not_tied) return !plan.sts.error.empty();
    return host.reason == Reason::not_in_policy || host.reason == Reason::address_failed ||
           host.reason == Reason::tlsa_failed;
  });
}

/// RTLS-04: no host can take a message with REQUIRETLS, each for a reason that waiting does not change.
std::optional<smtp::Reply> requiretls_fails(const Plan& plan, std::span<const HostOutcome> outcomes) {
  if (!plan.message.requiretls || some_may_change(plan)) return std::nullopt;
  // What is remembered of a host was not seen for this message: that waits, as everywhere.
  if (std::any_of(outcomes.begin(), outcomes.end(), [](const auto& one) { return one.what == What::blocked; })) {
    return std::nullopt;
  }
  bool without_it = std::any_of(plan.left_out.begin(), plan.left_out.end(),
                                [](const auto& host) { return host.reason == Reason::not_tied; });
  bool fails = without_it;
  for (const auto& outcome : outcomes) {
    if (fails_requiretls_alone(plan, outcome)) {
      fails = true;
      without_it = without_it || what_counts(plan, outcome) == What::no_requiretls;
    } else if (!says_no_for_good(outcome)) {
      return std::nullopt;  // it may yet be reached, or take it
    }
  }
  const bool all_heard = std::all_of(plan.attempts.begin(), plan.attempts.end(), [&](const auto& attempt) {
    return std::any_of(outcomes.begin(), outcomes.end(),
                       [&](const auto& outcome) { return outcome.host == attempt.demand.host; });
  });
  if (!fails || !all_heard) return std::nullopt;
  // RFC 8689 §4.2.1: 5.7.30 where support is lacking, 5.7.10 where TLS itself cannot be had.
  return smtp::Reply{
      550, without_it ? "5.7.30" : "5.7.10",
      with_each_host("the message demands REQUIRETLS, and no host of " + plan.domain + " qualifies", plan, outcomes)};
}

/// Q-4, SMTP-17: each host of the plan itself said 5xx, and none was left out for what may change. A host that is
/// remembered said nothing about this message.
bool all_say_no_for_good(const Plan& plan, std::span<const HostOutcome> outcomes) {
  if (outcomes.empty() || some_may_change(plan)) return false;
  if (!std::all_of(outcomes.begin(), outcomes.end(), says_no_for_good)) return false;
  return std::all_of(plan.attempts.begin(), plan.attempts.end(), [&](const auto& attempt) {
    return std::any_of(outcomes.begin(), outcomes.end(),
                       [&](const auto& outcome) { return outcome.host == attempt.demand.host; });
  });
}

/// There is no host to try, and every reason is definite.
std::optional<smtp::Reply> nowhere_to_go(const Plan& plan) {
  if (!plan.attempts.empty() || plan.left_out.empty()) return std::nullopt;
  if (some_may_change(plan)) return std::nullopt;
  const bool own = std::any_of(plan.left_out.begin(), plan.left_out.end(),
                               [](const auto& host) { return host.reason == Reason::own_name; });
  if (own)
    return smtp::Reply{554, "5.4.6", with_each_host(plan.domain + ": mail for it would come back here", plan, {})};
  return smtp::Reply{554, "5.4.4", with_each_host(plan.domain + " has no usable mail host", plan, {})};
}

// ---- for now: the weightiest of what happened gives the code. A demand that was not met comes first, then what a host
// itself said, then the failure of the host that came furthest; 4.4.1 and 4.7.0 remain where all are alike.

struct Weighed {
  int weight;
  int code;
  std::string enhanced;
};

Weighed weigh(What what, const HostOutcome& outcome) {
  switch (what) {
    case What::not_admitted:
    case What::handshake_failed: return {90, 451, "4.7.5"};
    case What::no_requiretls: return {85, 451, "4.7.0"};
    case What::no_starttls: return {80, 451, "4.7.4"};
    case What::not_authenticated: return {75, 451, "4.7.0"};
    case What::refused: {
      const auto said = smtp::cleaned(outcome.reply);
      if (said.code == 421) return {70, 451, "4.4.2"};
      if (said.kind() == 4) return {70, said.code, said.enhanced};
      return {10, 451, "4.4.1"};  // its 5xx would be permanent, but another host keeps the verdict open
    }
    case What::nonsense: return {60, 451, "4.5.0"};
    case What::congested: return {50, 451, "4.4.5"};
    case What::lost: return {40, 451, "4.4.2"};
    case What::out_of_time:
    case What::unreachable:
    case What::blocked: break;
  }
  return {20, 451, "4.4.1"};
}

Weighed weigh(const LeftOut& host) {
  switch (host.reason) {
    case Reason::address_failed:
    case Reason::tlsa_failed: return {30, 451, "4.4.3"};
    case Reason::not_tied: return {16, 451, "4.7.0"};
    case Reason::not_in_policy: return {15, 451, "4.7.0"};
    case Reason::own_name:
    case Reason::behind_own_name:
    case Reason::no_address:
    case Reason::address_forbidden: break;
  }
  return {5, 451, "4.4.4"};  // definite, but not the only one
}

}  // namespace

smtp::Reply conclude(const Plan& plan, std::span<const HostOutcome> outcomes) {
  if (plan.refusal) return *plan.refusal;
  const auto last_word = std::find_if_not(outcomes.begin(), outcomes.end(), next_host_may_be_tried);
  if (last_word != outcomes.end()) return smtp::cleaned(last_word->reply);  // SMTP-43, Q-1
  if (auto reply = requiretls_fails(plan, outcomes)) return *reply;
  if (outcomes.empty()) {
    if (auto reply = nowhere_to_go(plan)) return *reply;
  }
  if (all_say_no_for_good(plan, outcomes)) {
    const auto said = smtp::cleaned(outcomes.back().reply);
    return {said.code, said.enhanced,
            reply::bounded("no host of " + plan.domain + " takes this message: " + words_of(outcomes.back()))};
  }

  Weighed worst{0, 451, "4.4.1"};
  const HostOutcome* by = nullptr;
  bool demand = false;
  for (const auto& outcome : outcomes) {
    const auto what = what_counts(plan, outcome);
    demand = demand || is_demand(what);
    auto weighed = weigh(what, outcome);
    if (weighed.weight < worst.weight) continue;  // of equals the last one speaks
    worst = std::move(weighed);
    by = &outcome;
  }
  for (const auto& host : plan.left_out) {
    demand = demand || host.reason == Reason::not_in_policy || host.reason == Reason::not_tied;
    auto weighed = weigh(host);
    if (weighed.weight <= worst.weight) continue;
    worst = std::move(weighed);
    by = nullptr;
  }

  if (const auto need = plan.strongest(); demand && !need.nothing()) {
    const auto whose_demand = by_whom(plan);
    const std::string whose = whose_demand.empty() ? "" : " (" + whose_demand + ")";
    const auto head = plan.domain + " demands " + demanded(need) + whose;
    return {worst.code, worst.enhanced, with_each_host(head, plan, outcomes)};
  }
  // SMTP-43: what a host says to MAIL is the reply, as it came
  if (by != nullptr && by->what == What::refused && by->reply.kind() == 4 && by->reply.code != 421 &&
      by->stage >= smtp::Stage::mail) {
    return smtp::cleaned(by->reply);
  }
  return {worst.code, worst.enhanced,
          with_each_host("no host of " + plan.domain + " takes this message now", plan, outcomes)};
}

}  // namespace policy
