// Pins, the switch, preloads: in this order.
#include "proxy/sts/overridden_policies.hpp"

namespace proxy {

namespace {

using policy::StsFacts;
using FactsPtr = std::shared_ptr<const StsFacts>;

// Such a policy has no expiry; nobody compares or prints this one.
constexpr auto never = std::chrono::system_clock::time_point::max();

FactsPtr facts_of(const std::string& domain, const policy::sts::Policy& policy, StsFacts::Source source,
                  const char* id) {
  auto facts = std::make_shared<StsFacts>();
  facts->state = StsFacts::State::policy;
  facts->source = source;
  facts->policy_domain = domain;
  facts->id = id;
  facts->policy = policy;
  facts->expires = never;
  return facts;
}

/// What stands above all that is published, or null.
FactsPtr above(const Config& config, const std::string& domain) {
  const auto* destination = destination_for(config, domain);
  if (destination != nullptr && destination->pin)
    return facts_of(domain, *destination->pin, StsFacts::Source::pin, "pin");
  if (config.mta_sts.enabled) return nullptr;
  auto off = std::make_shared<StsFacts>();
  off->policy_domain = domain;
  off->error = "MTA-STS is switched off: [mta_sts] enabled = false";
  return off;
}

/// What stands in for a policy that is not there (STS-53).
FactsPtr below(const Config& config, const std::string& domain, FactsPtr published) {
  const auto& preloaded = config.mta_sts.preloaded;
  if (published->state == StsFacts::State::policy || !preloaded) return published;
  const auto found = preloaded->find(domain);
  if (found == preloaded->end()) return published;
  auto facts = std::make_shared<StsFacts>(*facts_of(domain, found->second, StsFacts::Source::preload, "preload"));
  facts->error = published->error;
  return facts;
}

}  // namespace

boost::asio::awaitable<FactsPtr> OverriddenPolicies::ask(std::string domain) {
  const auto config = configuration_();
  if (auto facts = above(*config, domain)) co_return facts;
  auto published = co_await published_.ask(domain);
  co_return below(*config, domain, std::move(published));
}

boost::asio::awaitable<FactsPtr> OverriddenPolicies::ask_before_deferral(std::string domain) {
  const auto config = configuration_();
  if (auto facts = above(*config, domain)) co_return facts;
  auto published = co_await published_.ask_before_deferral(domain);
  co_return below(*config, domain, std::move(published));
}

}  // namespace proxy
