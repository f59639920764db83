// What a TLS-Required: No header could change (RFC 8689). Waives nothing itself: that is the decision's, for a message
// whose header was read.
#include <algorithm>

#include "proxy/outbound/delivery.hpp"

namespace proxy {

// RTLS-06: whether what was published kept the message from a host that could be had without it.
bool Delivery::header_could_help(policy::Facts facts, const std::vector<policy::HostOutcome>& outcomes) const {
  facts.message.tls_required_no = true;
  const auto without = policy::decide(facts);
  if (without.refusal) return false;
  const auto of_host = [](const std::string& host) {
    return [&host](const auto& attempt) { return attempt.demand.host == host; };
  };
  for (const auto& attempt : without.attempts) {
    const auto& host = attempt.demand.host;
    const auto planned = std::find_if(plan_.attempts.begin(), plan_.attempts.end(), of_host(host));
    if (planned == plan_.attempts.end()) return true;
    if (planned->demand.need == attempt.demand.need) continue;
    for (const auto& outcome : outcomes) {
      if (outcome.host == host && policy::is_demand(policy::what_counts(plan_, outcome))) return true;
    }
  }
  return false;
}

smtp::Reply Delivery::keep_deferral() {
  settle(*waivable_deferral_);
  return *verdict_;
}

}  // namespace proxy
