// Why the space of one host (decision_space_test.cpp) is the whole: hosts of a plan do not change each other, a policy
// counts the same wherever it was had from, and an MX set without hosts is decided by itself.
#include <catch2/catch.hpp>

#include "tests/unit/policy/decision_space.hpp"
#include "tests/unit/policy/plan_invariants.hpp"

using namespace policy;
using namespace policy::test;

namespace {

/// What is wrong with a plan of two hosts beside the plans of each alone.
const char* fault_of_both(const Facts& both) {
  const auto plan = decide(both);
  if (const auto* fault = fault_of(both, plan)) return fault;
  std::vector<std::string> tried;
  for (const auto& host : both.hosts) {
    auto one = both;
    one.hosts = {host};
    const bool behind = &host != &both.hosts.front() && both.hosts.front().is_self;
    for (const auto& attempt : decide(one).attempts) {
      if (behind) continue;
      const auto at = tried.size();
      tried.push_back(attempt.demand.host);
      if (at < plan.attempts.size() && number_of(plan.attempts[at].demand) != number_of(attempt.demand))
        return "another demand beside another host";
    }
  }
  return names(plan.attempts) == tried ? nullptr : "other hosts than each alone, or in another order";
}

}  // namespace

TEST_CASE("hosts of a plan change each other only where one is the relay itself", "[DANE-14][STS-35][SMTP-12]") {
  std::size_t count = 0, broken = 0;
  for (std::size_t index = 0; index < plan_points; ++index) {
    const auto p = point_at(index);
    // Nothing, or everything, of what is the same for all hosts.
    if (p[axis::match] != 0 || p[axis::hosts] != 0 || p[axis::memory] != 0 || p[axis::security] != 0) continue;
    if (p[axis::floors] % 3 != 0 || p[axis::address] == 4) continue;
    for (std::size_t matches = 0; matches < 4; ++matches) {
      for (std::size_t other = 0; other < extents[axis::tlsa]; ++other) {
        for (const std::size_t other_address : {0, 5}) {
          ++count;
          auto both = facts_at(p);
          both.hosts.push_back(host_at("mx2.example.net", 20, other_address, other));
          both.sts.policy.mx = {"none.such.test"};
          if ((matches & 1) != 0) both.sts.policy.mx.emplace_back("mx1.example.com");
          if ((matches & 2) != 0) both.sts.policy.mx.emplace_back("mx2.example.net");
          const auto* fault = fault_of_both(both);
          if (fault != nullptr && ++broken < 10)
            FAIL_CHECK(fault << " at " << words(p) << "matches=" << matches << " other tlsa=" << other);
        }
      }
    }
  }
  CHECK(broken == 0);
  CHECK(count == two_host_plans);
}

TEST_CASE("where there is no host to try the plan says so and the MX set alone makes it permanent",
          "[STS-37][SMTP-14][SMTP-15][DANE-15]") {
  using MxSet = Facts::MxSet;
  std::size_t count = 0, broken = 0;
  for (const auto set : {MxSet::null_mx, MxSet::nonexistent, MxSet::failed, MxSet::found}) {
    for (std::size_t index = 0; index < plan_points; ++index) {
      const auto p = point_at(index);
      if (p[axis::match] != 0 || p[axis::hosts] != 0 || p[axis::tlsa] != 0 || p[axis::address] != 0) continue;
      ++count;
      auto facts = facts_at(p);
      facts.mx_set = set;
      if (set == MxSet::found) facts.hosts.clear();
      const auto plan = decide(facts);
      const auto* fault = fault_of(facts, plan);
      if (fault == nullptr && !plan.refusal) fault = "no refusal";
      if (fault != nullptr && ++broken < 10) FAIL_CHECK(fault << " at " << words(p));
    }
  }
  CHECK(broken == 0);
  CHECK(count == plan_points_without_hosts);
}

TEST_CASE("a policy counts the same wherever it was had from", "[STS-48]") {
  using Source = StsFacts::Source;
  std::size_t count = 0, broken = 0;
  for (std::size_t index = 0; index < plan_points; ++index) {
    const auto p = point_at(index);
    if (p[axis::published] < 2 || p[axis::security] != 0 || p[axis::floors] != 0 || p[axis::memory] != 0) continue;
    if (p[axis::address] != 0) continue;
    auto facts = facts_at(p);
    const auto stored = decide(facts);
    for (const auto source : {Source::fetched, Source::stored, Source::pin, Source::preload}) {
      ++count;
      facts.sts.source = source;
      const auto plan = decide(facts);
      const auto* fault = fault_of(facts, plan);
      if (names(plan.attempts) != names(stored.attempts) || plan.need != stored.need) fault = "another plan";
      if (published_counts(facts) && plan.sts.source != source) fault = "the source does not stand in the plan";
      if (fault != nullptr && ++broken < 10) FAIL_CHECK(fault << " at " << words(p));
    }
  }
  CHECK(broken == 0);
  CHECK(count == source_points);
}
