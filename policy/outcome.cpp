#include "policy/outcome.hpp"

#include <algorithm>

#include "policy/reply.hpp"
#include "protocol/base/text.hpp"

namespace policy {

namespace {

using What = HostOutcome::What;
using Reason = LeftOut::Reason;

std::string demanded(const Plan& plan) {
  if (plan.need.pkix || plan.need.dane) return "verified TLS";
  return plan.need.requiretls ? "REQUIRETLS" : "TLS";
}

What what_it_was(const HostOutcome& outcome) {
  return outcome.what == What::blocked ? outcome.remembered : outcome.what;
}

std::string words_of(const HostOutcome& outcome) {
  return outcome.host + ": " + outcome.words + (outcome.what == What::blocked ? " (a moment ago)" : "");
}

std::string each_host(const Plan& plan, std::span<const HostOutcome> outcomes) {
  std::string text;
  for (const auto& outcome : outcomes) text += (text.empty() ? "" : "; ") + words_of(outcome);
  for (const auto& host : plan.left_out) text += (text.empty() ? "" : "; ") + host.host + ": " + host.words;
  return text;
}

// What a failure means for the reply, the weightiest first: a demand that is not met comes before all that merely went
// wrong.
struct Kind {
  int weight;
  const char* enhanced;
};
Kind kind_of(What what, const smtp::Reply& said) {
  switch (what) {
    case What::not_admitted:
    case What::handshake_failed: return {90, "4.7.5"};
    case What::no_starttls: return {85, "4.7.4"};
    case What::refused: return said.code == 421 ? Kind{40, "4.4.2"} : Kind{50, "4.0.0"};
    case What::nonsense: return {30, "4.5.0"};
    case What::congested: return {28, "4.4.5"};
    case What::lost: return {26, "4.4.2"};
    case What::out_of_time:
    case What::unreachable:
    case What::blocked: break;
  }
  return {20, "4.4.1"};
}
Kind kind_of(Reason reason) {
  switch (reason) {
    case Reason::not_in_policy: return {60, "4.7.0"};
    case Reason::address_failed: return {22, "4.4.3"};
    case Reason::address_forbidden: return {10, "4.4.4"};
    case Reason::own_name:
    case Reason::behind_own_name:
    case Reason::no_address: break;
  }
  return {0, "4.4.4"};
}

bool is_demand(What what) {
  return what == What::not_admitted || what == What::handshake_failed || what == What::no_starttls;
}

bool permanent(const HostOutcome& outcome) {
  return what_it_was(outcome) == What::refused && outcome.reply.kind() == 5;
}

/// Nothing was tried, and every reason is definite.
std::optional<smtp::Reply> nowhere(const Plan& plan) {
  bool own = false, no_address = false, temporary = false;
  for (const auto& host : plan.left_out) {
    own = own || host.reason == Reason::own_name || host.reason == Reason::behind_own_name;
    no_address = no_address || host.reason == Reason::no_address || host.reason == Reason::address_forbidden;
    temporary = temporary || host.reason == Reason::address_failed || host.reason == Reason::not_in_policy;
  }
  if (temporary) return std::nullopt;
  if (own)
    return smtp::Reply{554, "5.4.6",
                       reply::bounded(plan.domain + ": its mail would come back here: " + each_host(plan, {}))};
  if (no_address)
    return smtp::Reply{554, "5.4.4", reply::bounded(plan.domain + " has no usable mail host: " + each_host(plan, {}))};
  return std::nullopt;
}

}  // namespace

HostOutcome outcome_of(const std::string& host, const smtp::Failure& failure) {
  HostOutcome outcome{.host = host, .stage = failure.stage, .reply = failure.reply};
  const std::string at(smtp::words(failure.stage));
  const std::string said = failure.reply.code != 0 ? smtp::on_one_line(failure.reply) : std::string();
  switch (failure.cause) {
    case smtp::Cause::lost:
      outcome.what = What::lost;
      outcome.words = "connection lost at " + at;
      break;
    case smtp::Cause::timed_out:
      outcome.what = What::lost;
      outcome.words = "no answer in time at " + at;
      break;
    case smtp::Cause::nonsense:
      outcome.what = What::nonsense;
      outcome.words = "no proper SMTP reply at " + at + ": " + (said.empty() ? failure.text : said);
      break;
    case smtp::Cause::injected:
      outcome.what = What::nonsense;
      outcome.words = "plaintext was injected behind its answer to STARTTLS";
      break;
    case smtp::Cause::refused:
      outcome.what = What::refused;
      outcome.words = "it said at " + at + ": " + said;
      break;
    case smtp::Cause::no_starttls:
      outcome.what = What::no_starttls;
      outcome.words = said.empty() ? "STARTTLS is not offered" : "STARTTLS was refused: " + said;
      break;
    case smtp::Cause::handshake:
      outcome.what = What::handshake_failed;
      outcome.words = "TLS handshake failed" + (failure.text.empty() ? std::string() : ": " + failure.text);
      break;
  }
  outcome.words = base::printable(outcome.words, 300);
  return outcome;
}

bool next_host_may_be_tried(const HostOutcome& outcome) {
  // RFC 5321 §4.2.1: a 5xx to MAIL is the domain's word; before MAIL it is only this host's.
  return !(outcome.what == What::refused && outcome.stage >= smtp::Stage::mail && outcome.reply.kind() == 5);
}

smtp::Reply conclude(const Plan& plan, std::span<const HostOutcome> outcomes) {
  if (plan.refusal) return *plan.refusal;
  if (!outcomes.empty() && !next_host_may_be_tried(outcomes.back())) return smtp::cleaned(outcomes.back().reply);
  if (outcomes.empty()) {
    if (auto reply = nowhere(plan)) return *reply;
  }
  const bool temporarily_left_out = std::any_of(plan.left_out.begin(), plan.left_out.end(), [](const auto& host) {
    return host.reason == Reason::not_in_policy || host.reason == Reason::address_failed;
  });
  // permanent only when each host itself said so.
  if (!outcomes.empty() && !temporarily_left_out && std::all_of(outcomes.begin(), outcomes.end(), permanent)) {
    return smtp::cleaned(outcomes.back().reply);
  }

  Kind kind{-1, "4.4.1"};
  const HostOutcome* said = nullptr;
  bool by_demand = false;
  for (const auto& outcome : outcomes) {
    const auto was = what_it_was(outcome);
    const auto its = kind_of(was, outcome.reply);
    by_demand = by_demand || is_demand(was);
    if (its.weight >= kind.weight) kind = its;
    if (was == What::refused && outcome.reply.kind() == 4) said = &outcome;
  }
  for (const auto& host : plan.left_out) {
    const auto its = kind_of(host.reason);
    by_demand = by_demand || host.reason == Reason::not_in_policy;
    if (its.weight > kind.weight) kind = its;
  }
  const std::string hosts = each_host(plan, outcomes);
  if (by_demand && !plan.need.nothing()) {
    const std::string by = plan.demanded_by.empty() ? "" : " (" + plan.demanded_by + ")";
    return {451, kind.enhanced, reply::bounded(plan.domain + " demands " + demanded(plan) + by + ": " + hosts)};
  }
  if (said != nullptr && said->reply.code != 421 && said->what == What::refused) return smtp::cleaned(said->reply);
  const std::string enhanced = kind.weight == 50 ? "4.4.0" : kind.enhanced;
  return {451, enhanced, reply::bounded(plan.domain + ": no host took the message: " + hosts)};
}

bool policy_stands_in_the_way(const Plan& plan, std::span<const HostOutcome> outcomes) {
  // One that was fetched for this very message is as fresh as it can be.
  if (!plan.enforced() || plan.sts.source != StsFacts::Source::stored) return false;
  return std::any_of(plan.left_out.begin(), plan.left_out.end(),
                     [](const auto& host) { return host.reason == Reason::not_in_policy; }) ||
         std::any_of(outcomes.begin(), outcomes.end(),
                     [](const auto& outcome) { return is_demand(what_it_was(outcome)); });
}

smtp::Reply passed_on(const std::string& host, smtp::Stage stage, const smtp::Reply& from_mx) {
  const std::string at(smtp::words(stage));
  // SMTP-66: its 421 ends its connection, not our client's.
  if (from_mx.code == 421)
    return {451, "4.4.2", reply::bounded(host + " said at " + at + ": " + smtp::on_one_line(from_mx))};
  const bool positive = from_mx.kind() == 2 && stage != smtp::Stage::data;
  if (positive || from_mx.kind() == 4 || from_mx.kind() == 5) return smtp::cleaned(from_mx);
  return {451, "4.5.0",
          reply::bounded(host + " gave an answer that fits nothing at " + at + ": " + smtp::on_one_line(from_mx))};
}

smtp::Reply after_failure(const std::string& host, const smtp::Failure& failure) {
  const auto outcome = outcome_of(host, failure);
  std::string text = outcome.host + ": " + outcome.words;
  if (failure.stage == smtp::Stage::final_dot) text += "; the message may have been delivered";
  return {451, outcome.what == What::nonsense ? "4.5.0" : "4.4.2", reply::bounded(std::move(text))};
}

}  // namespace policy
