// What happened at one host, in words, and what follows from it there. The verdict over all hosts: conclude.cpp.
#include "policy/outcome.hpp"

#include <algorithm>

#include "policy/reply.hpp"
#include "protocol/base/text.hpp"

namespace policy {

using What = HostOutcome::What;

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
      // SMTP-32: a 535 is about this relay's password, not about the message.
      if (failure.stage == smtp::Stage::auth && failure.reply.kind() == 5) outcome.what = What::not_authenticated;
      break;
    case smtp::Cause::no_starttls:
      outcome.what = What::no_starttls;
      outcome.words = said.empty() ? "STARTTLS is not offered" : "STARTTLS was refused: " + said;
      break;
    case smtp::Cause::no_auth:
      outcome.what = What::not_authenticated;
      outcome.words = "authentication failed: " + failure.text + (said.empty() ? "" : " (it said " + said + ')');
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

HostOutcome outcome_of(const std::string& host, const NotAdmitted& refusal) {
  const bool offered = refusal.reason != NotAdmitted::Reason::no_requiretls;
  return {.host = host,
          .what = offered ? What::not_admitted : What::no_requiretls,
          .stage = smtp::Stage::handshake,
          .words = base::printable(refusal.words, 300)};
}

bool is_demand(What what) {
  return what == What::not_admitted || what == What::handshake_failed || what == What::no_starttls ||
         what == What::no_requiretls;
}

namespace {

const Attempt* attempt_at(const Plan& plan, const std::string& host) {
  const auto found = std::find_if(plan.attempts.begin(), plan.attempts.end(),
                                  [&](const auto& attempt) { return attempt.demand.host == host; });
  return found == plan.attempts.end() ? nullptr : &*found;
}

}  // namespace

bool fails_requiretls_alone(const Plan& plan, const HostOutcome& outcome) {
  if (!plan.message.requiretls) return false;
  const auto what = what_counts(plan, outcome);
  if (what == What::no_requiretls) return true;
  // STS-37: what a policy, DANE or the administrator demands as well is waited for.
  const auto* attempt = attempt_at(plan, outcome.host);
  return is_demand(what) && attempt != nullptr && attempt->without_requiretls.nothing();
}

What what_counts(const Plan& plan, const HostOutcome& outcome) {
  if (outcome.what != What::blocked) return outcome.what;
  const auto* attempt = attempt_at(plan, outcome.host);
  const auto& need = attempt != nullptr ? attempt->demand.need : plan.need;
  // SMTP-67: where nothing is demanded, the memory of a demand that failed is no reason.
  const bool counts = outcome.remembered != What::blocked && !(is_demand(outcome.remembered) && need.nothing());
  return counts ? outcome.remembered : What::unreachable;
}

bool policy_stands_in_the_way(const Plan& plan, std::span<const HostOutcome> outcomes) {
  // One that was fetched for this very message is as fresh as it can be.
  const bool may_be_old = plan.sts.source == StsFacts::Source::stored || plan.sts.source == StsFacts::Source::preload;
  if (!plan.enforced() || !may_be_old) return false;
  return std::any_of(plan.left_out.begin(), plan.left_out.end(),
                     [](const auto& host) { return host.reason == LeftOut::Reason::not_in_policy; }) ||
         std::any_of(outcomes.begin(), outcomes.end(),
                     [&](const auto& outcome) { return is_demand(what_counts(plan, outcome)); });
}

smtp::Reply passed_on(const std::string& host, smtp::Stage stage, const smtp::Reply& from_mx) {
  const auto said = [&](const char* what) {
    return reply::bounded(host + what + std::string(smtp::words(stage)) + ": " + smtp::on_one_line(from_mx));
  };
  // SMTP-66: its 421 ends its connection, not our client's.
  if (from_mx.code == 421) return {451, "4.4.2", said(" said at ")};
  if (from_mx.kind() == 4 || from_mx.kind() == 5) return smtp::cleaned(from_mx);
  // A yes counts only where it is due: in the middle of a message it accepts nothing.
  const bool due = stage == smtp::Stage::rcpt || stage == smtp::Stage::final_dot;
  if (from_mx.kind() == 2 && due) return smtp::cleaned(from_mx);
  return {451, "4.5.0", said(" gave an answer that fits nothing at ")};
}

smtp::Reply rcpt_passed_on(const std::string& host, const smtp::Reply& from_mx, bool some_accepted) {
  auto reply = passed_on(host, smtp::Stage::rcpt, from_mx);
  if (!some_accepted) return reply;
  // RFC 5321 §4.5.3.1.10, RFC 1870 §6.4: 552 once meant that there are too many, or that a mailbox or the message is.
  const bool is_count = reply.code == 552 && reply.enhanced != "5.2.2" && reply.enhanced != "5.3.4";
  if (is_count || (from_mx.code == 452 && from_mx.enhanced.empty())) {
    reply.code = 452;
    reply.enhanced = "4.5.3";
  }
  return reply;
}

smtp::Reply after_failure(const std::string& host, const smtp::Failure& failure) {
  const auto outcome = outcome_of(host, failure);
  if (outcome.what == What::refused) return passed_on(host, failure.stage, failure.reply);
  std::string text = outcome.host + ": " + outcome.words;
  if (failure.stage == smtp::Stage::final_dot) {
    // the host may have taken it; that belongs to the front, where no limit cuts it off.
    text = outcome.host + ": the message may have been delivered: " + outcome.words;
  }
  return {451, outcome.what == What::nonsense ? "4.5.0" : "4.4.2", reply::bounded(std::move(text))};
}

}  // namespace policy
