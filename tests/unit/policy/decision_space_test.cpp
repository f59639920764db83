// The promise over the whole finite space that it depends on: every combination of what is published, configured,
// demanded, remembered and found for one host, not a sample; and what each plan lets pass (admitted_sets.hpp). That
// this is the whole, more hosts and other sources: decision_factors_test.cpp. docs/decision.md states the numbers.
#include <catch2/catch.hpp>

#include "tests/unit/policy/admitted_sets.hpp"

using namespace policy;
using namespace policy::test;

namespace {

/// What the comparisons need of a plan, in few octets.
struct Summary {
  bool tried = false;
  std::uint8_t need = 0;    ///< of the plan
  std::uint8_t demand = 0;  ///< its number, with `tried`
};

const char* fault_of_what_passes(const Facts& facts, const Attempt& attempt) {
  using Tlsa = DaneFacts::State;
  const auto& host = facts.hosts[0];
  const auto& shown = admitted_sets().shown[number_of(attempt.demand)];
  const auto& within = admitted_sets().within[number_of(attempt.demand)];
  const auto tlsa = tlsa_that_counts(facts, host);
  if (under_enforce(facts) && !shown.certificate) return "enforce lets a host pass without a certificate";
  if (under_enforce(facts) && !shown.tls) return "enforce lets plaintext pass";
  if (tlsa == Tlsa::usable && !shown.match) return "usable TLSA records, and a host passes without a match";
  if (tlsa == Tlsa::unusable && !shown.tls) return "unusable TLSA records, and plaintext passes";
  if (facts.message.requiretls && !(shown.certificate_or_match && shown.requiretls && shown.tls))
    return "REQUIRETLS, and a host passes that is not verified or does not offer it";
  // The floors by what they let pass, so that no way around the join goes unseen.
  const auto floors = bits_of(administrators(facts)) + (attempt.demand.association ? 32U : 0U);
  if (!within[floors]) return "below the administrator's floors";
  return nullptr;
}

struct Plans {
  std::vector<Summary> all = std::vector<Summary>(plan_points);
  std::size_t broken = 0;
};

/// The plan of every point, made and looked at once.
const Plans& plans() {
  static const auto made = [] {
    Plans result;
    for (std::size_t index = 0; index < plan_points; ++index) {
      const auto p = point_at(index);
      const auto facts = facts_at(p);
      const auto plan = decide(facts);
      const auto* fault = fault_of(facts, plan);
      auto& summary = result.all[index];
      summary.need = bits_of(plan.need);
      if (!plan.attempts.empty()) {
        summary.tried = true;
        summary.demand = static_cast<std::uint8_t>(number_of(plan.attempts[0].demand));
        if (fault == nullptr) fault = fault_of_what_passes(facts, plan.attempts[0]);
      }
      if (fault != nullptr && ++result.broken < 10) FAIL_CHECK(fault << " at " << words(p));
    }
    return result;
  }();
  return made;
}

/// From one value of a dimension to another: what is said to be no weaker.
struct Step {
  Dimension dimension;
  std::size_t from, to;
};
constexpr Step stronger[] = {
    {axis::floors, 0, 1},  // a higher floor
    {axis::floors, 1, 2},
    {axis::floors, 2, 3},
    {axis::security, 1, 2},  // a higher floor of the destination, or
                             // what is published for it
    {axis::security, 2, 3},
    {axis::security, 1, 0},
    {axis::published, 0, 1},  // a policy that cannot be known, that
                              // is not enforced, that is
    {axis::published, 0, 2},
    {axis::published, 0, 3},
    {axis::published, 0, 4},
    {axis::published, 2, 4},
    {axis::published, 3, 4},
    {axis::match, 0, 1},   // a host that the policy does not name
    {axis::exempt, 1, 0},  // no way down
    {axis::message, 2, 0},
    {axis::message, 2, 1},
    {axis::message, 0, 1},  // REQUIRETLS
    {axis::memory, 0, 1},   // what is remembered, and then insisted on
    {axis::memory, 1, 2},
    {axis::memory, 2, 3},
    {axis::tlsa, 0, 1},  // TLSA records
    {axis::tlsa, 1, 2},
    {axis::tlsa, 2, 3},
};

/// RTLS-03: an enforced policy is a demand, and it also names the domain's hosts for a message with REQUIRETLS.
bool ties(const Point& to) {
  return to[axis::message] == 1 && to[axis::secure] == 0 && to[axis::published] == 4 && to[axis::match] == 0 &&
         to[axis::exempt] == 0;
}

/// RFC 8689 §4.2.1: "verified" is met by DANE too; usable records are a second way to meet that one demand, and no
/// other.
bool is_met_by_match(const Point& p, const Step& step) {
  auto to = p;
  to[step.dimension] = step.to;
  return (to[axis::message] == 1 || to[axis::floors] == 3) && to[axis::tlsa] == 2;
}

}  // namespace

TEST_CASE("every plan of the whole space keeps the promise and so does what it lets pass",
          "[STS-32][STS-35][STS-38][STS-39][STS-44][STS-45][STS-56][DANE-04][DANE-06][DANE-16][DANE-17][DANE-21]"
          "[RTLS-02][RTLS-03][RTLS-06]") {
  const auto& all = plans().all;
  std::size_t tried = 0;
  for (const auto& summary : all) tried += summary.tried;
  INFO(all.size() << " plans, " << tried << " of them try the host");
  CHECK(plans().broken == 0);
  CHECK(plan_points == strides[dimensions - 1] * extents[dimensions - 1]);
  CHECK(tried == plans_that_try);
}

TEST_CASE("a demand that is added never weakens a plan", "[STS-32][STS-44][STS-45][DANE-04][DANE-06][RTLS-06]") {
  const auto& all = plans().all;
  const auto& sets = admitted_sets();
  std::size_t pairs = 0, tied = 0, by_match = 0, broken = 0;
  const auto complain = [&](const char* what, const Point& from, const Step& step) {
    if (++broken >= 10) return;
    FAIL_CHECK(what << " from " << words(from) << "where dimension " << step.dimension << " becomes " << step.to);
  };
  for (std::size_t index = 0; index < all.size(); ++index) {
    const auto p = point_at(index);
    const auto& weak = all[index];
    for (const auto& step : stronger) {
      if (p[step.dimension] != step.from) continue;
      ++pairs;
      const auto& strong = all[index + (step.to - step.from) * strides[step.dimension]];
      if (!covers(need_at(strong.need), need_at(weak.need))) complain("the need becomes weaker", p, step);
      if (!strong.tried) continue;
      if (!weak.tried) {
        auto to = p;
        to[step.dimension] = step.to;
        ++tied;
        if (!ties(to)) complain("a further host is tried", p, step);
        continue;
      }
      if (!covers(need_at(strong.demand % 32), need_at(weak.demand % 32))) complain("less is demanded", p, step);
      if (sets.within[strong.demand][weak.demand]) continue;
      ++by_match;
      if (!is_met_by_match(p, step) || !sets.beyond_by_match[strong.demand][weak.demand])
        complain("more passes", p, step);
    }
  }
  INFO(pairs << " pairs; in " << tied << " a policy ties a host; in " << by_match << " DANE verifies one");
  CHECK(broken == 0);
  CHECK(pairs == pairs_of_order);
  CHECK(tied == hosts_tied_by_a_policy);
  CHECK(by_match == hosts_verified_by_dane);
}

TEST_CASE("what is remembered and not insisted on changes nothing", "[T-5]") {
  const auto& all = plans().all;
  std::size_t differ = 0;
  for (std::size_t index = 0; index < all.size(); ++index) {
    if (point_at(index)[axis::memory] != 0) continue;
    const auto& other = all[index + strides[axis::memory]];
    differ += other.tried != all[index].tried || other.need != all[index].need || other.demand != all[index].demand;
  }
  CHECK(differ == 0);
}
