// Gathers what a decision looks at: the route, the MX set, addresses, the policy. Asks everything that can be asked at
// the same time at the same time. Decides nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "policy/facts.hpp"
#include "proxy/outbound/environment.hpp"

namespace proxy {

/// The recipients' domain: canonical, or an address literal with its brackets.
struct Target {
  std::string domain;
  bool is_literal = false;
};

/// `sts`: a policy just learnt, used instead of asking for it. `floor`: of the listener and [delivery], joined.
awaitable<policy::Facts> gather(Environment& environment, Target target, policy::Requirement floor,
                                std::shared_ptr<const policy::StsFacts> sts = nullptr);

/// The domain whose policy counts for this route: the recipient's, or the configured host's with `published`; empty:
/// none is asked.
std::string policy_domain(const policy::Route& route, const Target& target);

}  // namespace proxy
