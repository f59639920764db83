// Which [[destination]] a recipient's domain has.
#include <algorithm>

#include "protocol/base/domain_name.hpp"
#include "proxy/config/config.hpp"

namespace proxy {
namespace {

bool matches(const DestinationConfig& destination, std::string_view domain) {
  if (destination.domain == "*" || destination.domain == domain) return true;
  return destination.subdomains && base::is_subdomain(domain, destination.domain);
}

}  // namespace

policy::Route route_for(const Config& config, std::string_view domain) {
  const auto found = std::find_if(config.destinations.begin(), config.destinations.end(),
                                  [&](const auto& destination) { return matches(destination, domain); });
  policy::Route route;
  if (found != config.destinations.end()) route = found->route;
  if (route.host.empty()) route.port = config.lab.smtp_port;
  return route;
}

}  // namespace proxy
