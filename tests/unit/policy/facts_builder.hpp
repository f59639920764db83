// Facts, plans and outcomes in one line each, for the tests of the decision and of what follows from it.
#pragma once

#include "policy/decision.hpp"
#include "policy/outcome.hpp"

namespace policy::test {

inline HostFacts host(std::string name, std::uint16_t preference = 10) {
  return {.name = std::move(name), .preference = preference, .addresses = {"192.0.2.1"}};
}

inline HostFacts host(std::string name, std::uint16_t preference, HostFacts::Addresses state, std::string words = {}) {
  return {.name = std::move(name), .preference = preference, .state = state, .words = std::move(words)};
}

inline HostFacts self(std::string name, std::uint16_t preference) {
  auto result = host(std::move(name), preference);
  result.is_self = true;
  return result;
}

inline Facts facts(std::vector<HostFacts> hosts) {
  Facts result;
  result.domain = "example.com";
  result.hosts = std::move(hosts);
  result.anchors = 7;
  return result;
}

inline StsFacts published(sts::Mode mode, std::vector<std::string> mx) {
  StsFacts result;
  result.state = StsFacts::State::policy;
  result.source = StsFacts::Source::stored;
  result.policy_domain = "example.com";
  result.id = "20260101";
  result.policy = {mode, std::move(mx), 86400};
  return result;
}

inline Facts facts(std::vector<HostFacts> hosts, sts::Mode mode, std::vector<std::string> mx) {
  auto result = facts(std::move(hosts));
  result.sts = published(mode, std::move(mx));
  return result;
}

inline std::vector<std::string> names(const std::vector<Attempt>& attempts) {
  std::vector<std::string> result;
  for (const auto& attempt : attempts) result.push_back(attempt.demand.host);
  return result;
}

inline HostOutcome outcome(std::string name, HostOutcome::What what, std::string words = "words") {
  return {.host = std::move(name), .what = what, .words = std::move(words)};
}

/// A host that says no.
inline HostOutcome says(std::string name, smtp::Stage stage, smtp::Reply reply) {
  smtp::Failure failure{.cause = smtp::Cause::refused, .stage = stage, .reply = std::move(reply), .text = {}};
  return outcome_of(name, failure);
}

/// The same, from memory.
inline HostOutcome remembered(HostOutcome failed) {
  failed.remembered = failed.what;
  failed.what = HostOutcome::What::blocked;
  return failed;
}

}  // namespace policy::test
