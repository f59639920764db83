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
  else if (demand.need.dane)
    parts.emplace_back("TLS 1.2 or later");
  else if (demand.need.verified)
    parts.push_back("TLS 1.2 or later, a host that is verified as " + demand.host);
  else if (!demand.need.nothing())
    parts.emplace_back("TLS 1.2 or later, with any certificate");
  if (demand.need.dane) {
    const bool pinned = demand.association && demand.association->pinned;
    parts.push_back(pinned ? "the public key that is pinned for it"
                           : "a match of its TLSA records" +
                                 (demand.association ? " at " + demand.association->base_domain : std::string()));
  }
  if (demand.need.requiretls) parts.push_back("REQUIRETLS");
  return parts.empty() ? "nothing" : joined(parts, ", ");
}

std::string how(const Plan& plan, const Attempt& attempt) {
  const auto& need = attempt.demand.need;
  // DANE-20: behind an insecure MX record TLSA records verify a host, and nobody knows whose it is.
  if (need.dane && !plan.destination_verified(attempt)) return "over TLS that is verified for the host alone";
  if (need.pkix || need.dane || need.verified) return "over verified TLS";
  return need.nothing() ? "over TLS where offered, verified or not," : "over TLS";
}

/// "over verified TLS to mx1.example.com or mx2.example.com, else over TLS to mx3.example.com"
std::string ways(const Plan& plan) {
  std::string text, last;
  for (const auto& attempt : plan.attempts) {
    const auto this_way = how(plan, attempt);
    text += this_way == last ? " or " : (text.empty() ? "" : ", else ") + this_way + " to ";
    text += attempt.demand.host;
    last = this_way;
  }
  return text;
}

/// ", stored, fetched 2026-..., expires ..."
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
  if (plan.message.tls_required_no) return "policy: not applied, the message says TLS-Required: No";
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
  const bool nowhere = plan.refusal || plan.attempts.empty();
  return sentence(plan, nowhere ? conclude(plan, {}) : smtp::Reply{250, "2.0.0", ""});
}

std::string sentence(const Plan& plan, const smtp::Reply& verdict) {
  const auto mail = "Mail for " + plan.domain;
  if (!verdict.positive()) {
    return mail + (verdict.kind() == 5 ? " would be refused: " : " would wait: ") + base::printable(verdict.text, 500) +
           (verdict.text.ends_with('.') ? "" : ".");
  }
  if (plan.strongest().nothing()) {
    std::vector<std::string> names;
    for (const auto& attempt : plan.attempts) names.push_back(attempt.demand.host);
    return mail + " goes to " + joined(names, " or ") + ", over TLS where offered, verified or not.";
  }
  return mail + " goes " + ways(plan) + ", or waits.";
}

}  // namespace policy
