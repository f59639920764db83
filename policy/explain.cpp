// A plan in words, from its values alone.
#include "policy/explain.hpp"

#include "policy/outcome.hpp"
#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"

namespace policy {

namespace {

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const auto& part : parts) {
    if (!text.empty()) text += between;
    text += part;
  }
  return text;
}

std::string what_must_be_proven(const Demand& demand) {
  std::vector<std::string> parts;
  if (demand.need.pkix)
    parts.push_back("TLS 1.2 or later, a valid certificate for " + demand.host);
  else if (!demand.need.nothing())
    parts.push_back("TLS 1.2 or later, with any certificate");
  if (demand.need.dane) parts.push_back("a matching TLSA record");
  if (demand.need.requiretls) parts.push_back("REQUIRETLS");
  return parts.empty() ? "nothing" : joined(parts, ", ");
}

std::string hosts_of(const Plan& plan) {
  std::vector<std::string> names;
  for (const auto& attempt : plan.attempts) names.push_back(attempt.demand.host);
  return joined(names, " or ");
}

std::string where_from(const StsFacts& sts, std::chrono::system_clock::time_point now) {
  using Source = StsFacts::Source;
  if (sts.source == Source::pin) return ", pinned in the configuration";
  if (sts.source == Source::preload) return ", preloaded, until the domain's own is fetched";
  return (sts.source == Source::fetched ? ", just fetched" : ", stored, fetched " + base::rfc3339(sts.fetched)) +
         (sts.expires <= now ? ", for this message only" : ", expires " + base::rfc3339(sts.expires));
}

}  // namespace

std::string policy_line(const Plan& plan, std::chrono::system_clock::time_point now) {
  const auto& sts = plan.sts;
  const std::string error = sts.error.empty() ? "" : " (" + base::printable(sts.error, 300) + ")";
  if (plan.route.exempt) return "policy: not applied, the domain is exempt: " + base::printable(plan.route.reason, 200);
  if (sts.state == StsFacts::State::lookup_failed) return "policy: unknown" + error;
  if (sts.state == StsFacts::State::no_policy) return "policy: none" + error;
  return "policy: MTA-STS " + std::string(sts::words(sts.policy.mode)) + ", id " + sts.id + where_from(sts, now) +
         ", mx " + (sts.policy.mx.empty() ? "none" : base::printable(joined(sts.policy.mx, ", "), 300)) + error;
}

std::string attempt_line(const Attempt& attempt) {
  return std::to_string(attempt.preference) + ' ' + attempt.demand.host + ':' + std::to_string(attempt.demand.port) +
         (attempt.implicit_tls ? " with TLS from the start" : "") + " (" + joined(attempt.addresses, ", ") +
         ") must prove: " + what_must_be_proven(attempt.demand) +
         (attempt.outside_policy ? "; testing: its name is not in the policy" : "");
}

std::string left_out_line(const LeftOut& left_out) {
  return std::to_string(left_out.preference) + ' ' + left_out.host + " left out: " + left_out.words;
}

std::string sentence(const Plan& plan) {
  const auto mail = "Mail for " + plan.domain;
  if (plan.refusal || plan.attempts.empty()) {
    const auto reply = conclude(plan, {});
    return mail + (reply.kind() == 5 ? " would be refused: " : " would wait: ") + reply.text +
           (reply.text.ends_with('.') ? "" : ".");
  }
  const auto hosts = hosts_of(plan);
  if (plan.need.nothing()) return mail + " goes to " + hosts + ", over TLS where offered, verified or not.";
  const std::string how = plan.need.pkix || plan.need.dane ? "verified TLS" : "TLS";
  return mail + " goes over " + how + " to " + hosts + ", or waits.";
}

}  // namespace policy
