// Which [[destination]] a recipient's domain has.
#include <algorithm>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/time_format.hpp"
#include "proxy/config/config.hpp"

namespace proxy {
namespace {

bool matches(const DestinationConfig& destination, std::string_view domain) {
  if (destination.domain == "*" || destination.domain == domain) return true;
  return destination.subdomains && base::is_subdomain(domain, destination.domain);
}

}  // namespace

const DestinationConfig* destination_for(const Config& config, std::string_view domain) {
  const auto found = std::find_if(config.destinations.begin(), config.destinations.end(),
                                  [&](const auto& destination) { return matches(destination, domain); });
  return found == config.destinations.end() ? nullptr : &*found;
}

std::vector<std::string> trust_anchors_of_next_hops(const Config& config) {
  std::vector<std::string> files;
  for (const auto& destination : config.destinations) {
    if (!destination.route.trust_anchors.empty()) files.push_back(destination.route.trust_anchors);
  }
  return files;
}

ExemptionCount exemptions_in_force(const Config& config, policy::sts::Time now) {
  ExemptionCount count;
  for (const auto& destination : config.destinations) {
    const bool over = destination.exempt_until && now >= *destination.exempt_until;
    if (destination.route.exempt && !over) ++count.configured;
  }
  if (!config.exemptions) return count;
  for (const auto& [domain, exemption] : *config.exemptions) {
    const auto* destination = destination_for(config, domain);
    const bool pinned = destination != nullptr && destination->pin;
    if (now < exemption.until && !pinned) ++count.commanded;
  }
  return count;
}

policy::Route route_for(const Config& config, std::string_view domain, policy::sts::Time now) {
  const auto* destination = destination_for(config, domain);
  policy::Route route;
  if (destination != nullptr) {
    route = destination->route;
    if (destination->exempt_until && now >= *destination->exempt_until) route.exempt = false;
  }
  // A pin is there to be applied: the command refuses such a domain, and a pin that came later wins.
  if (config.exemptions && !(destination != nullptr && destination->pin)) {
    const auto exemption = config.exemptions->find(domain);
    if (exemption != config.exemptions->end() && now < exemption->second.until) {
      route.exempt = true;
      route.reason = exemption->second.reason;
      route.configured_at = "exempt command, until " + base::rfc3339(exemption->second.until);
    }
  }
  if (route.host.empty()) route.port = config.lab.smtp_port;
  return route;
}

}  // namespace proxy
