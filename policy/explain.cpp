#include "policy/explain.hpp"

#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"

namespace policy {

std::string policy_line(const Plan& plan, std::chrono::system_clock::time_point now) {
  const auto& sts = plan.sts;
  const std::string error = sts.error.empty() ? "" : " (" + base::printable(sts.error, 300) + ")";
  if (plan.route.exempt) return "policy: not applied, the domain is exempt: " + base::printable(plan.route.reason, 200);
  if (sts.state == StsFacts::State::lookup_failed) return "policy: unknown" + error;
  if (sts.state == StsFacts::State::no_policy) return "policy: none" + error;
  std::string patterns;
  for (const auto& pattern : sts.policy.mx) patterns += (patterns.empty() ? "" : ", ") + pattern;
  const char* source = sts.source == StsFacts::Source::fetched ? "fetched now" : "stored";
  return "policy: MTA-STS " + std::string(sts::words(sts.policy.mode)) + ", id " + sts.id + ", " + source +
         ", fetched " + base::rfc3339(sts.fetched) +
         (sts.expires <= now ? ", for this message only" : ", expires " + base::rfc3339(sts.expires)) + ", mx " +
         base::printable(patterns, 300) + error;
}

std::string attempt_line(const Attempt& attempt) {
  std::string addresses;
  for (const auto& address : attempt.addresses) addresses += (addresses.empty() ? "" : ", ") + address;
  const auto& need = attempt.demand.need;
  std::string must = "nothing";
  if (need.pkix)
    must = "TLS 1.2 or later, a valid certificate for " + attempt.demand.host;
  else if (need.encrypted)
    must = "TLS";
  if (need.dane) must += ", a matching TLSA record";
  if (need.requiretls) must += ", REQUIRETLS";
  return std::to_string(attempt.preference) + ' ' + attempt.demand.host + ':' + std::to_string(attempt.demand.port) +
         (attempt.implicit_tls ? " (TLS from the start)" : "") + " (" + addresses + ") must prove: " + must +
         (attempt.outside_policy ? "; testing: its name is not in the policy" : "");
}

std::string left_out_line(const LeftOut& left_out) {
  return std::to_string(left_out.preference) + ' ' + left_out.host + " left out: " + left_out.words;
}

}  // namespace policy
