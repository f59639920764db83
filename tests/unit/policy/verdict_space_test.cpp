// The verdict over two hosts that end in every way there is, under every kind of demand: no failure of a demand, a
// policy or a lookup becomes permanent, and REQUIRETLS refuses for good exactly where waiting changes nothing.
#include <array>
#include <catch2/catch.hpp>

#include "tests/unit/policy/decision_space.hpp"
#include "tests/unit/policy/verdict_invariants.hpp"

using namespace policy;
using namespace policy::test;
using What = HostOutcome::What;

namespace {

/// Every way in which one host can end that was tried.
std::vector<HostOutcome> ways_to_fail() {
  using smtp::Stage;
  const std::string name = "mx.example.com";
  std::vector<HostOutcome> all;
  for (const auto what :
       {What::unreachable, What::congested, What::lost, What::nonsense, What::no_starttls, What::handshake_failed,
        What::not_admitted, What::no_requiretls, What::out_of_time, What::not_authenticated})
    all.push_back(outcome(name, what));
  for (const auto stage : {Stage::greeting, Stage::ehlo_tls, Stage::mail}) {
    for (const auto& reply : {smtp::Reply{421, "4.3.2", "busy"}, smtp::Reply{450, "4.7.1", "later"},
                              smtp::Reply{554, "5.7.1", "never"}, smtp::Reply{550, "", "no"}})
      all.push_back(says(name, stage, reply));
  }
  const auto tried = all.size();
  for (std::size_t i = 0; i < tried; ++i) all.push_back(remembered(all[i]));
  return all;
}

constexpr std::array reasons{LeftOut::Reason::not_in_policy,   LeftOut::Reason::not_tied,
                             LeftOut::Reason::tlsa_failed,     LeftOut::Reason::own_name,
                             LeftOut::Reason::behind_own_name, LeftOut::Reason::no_address,
                             LeftOut::Reason::address_failed,  LeftOut::Reason::address_forbidden};

/// Who demands: every combination.
struct Demands {
  bool floor, enforce, requiretls, policy_unknown;
  std::array<bool, 2> dane;
};

Demands demands_at(unsigned bits) {
  return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, {(bits & 16) != 0, (bits & 32) != 0}};
}

Facts facts_of(const Demands& demands) {
  auto all = facts({host_at("mx1.example.com", 10, 0, demands.dane[0] ? 2 : 0),
                    host_at("mx2.example.com", 20, 0, demands.dane[1] ? 2 : 0)});
  all.mx_secure = true;
  if (demands.floor) all.floor = {.encrypted = true};
  if (demands.enforce) all.sts = published(sts::Mode::enforce, {"*.example.com"});
  if (demands.policy_unknown) all.sts.error = "the policy host answered 404";
  all.message.requiretls = demands.requiretls;
  return all;
}

}  // namespace

TEST_CASE("no failure of a demand or of a policy ever becomes permanent but REQUIRETLS alone",
          "[STS-37][STS-44][STS-54][SMTP-17][Q-4][T-1][RTLS-04][DANE-04][DANE-09]") {
  const auto ways = ways_to_fail();
  const auto all = ways.size() + reasons.size() + 1;  // the last: no such host
  std::size_t count = 0, broken = 0, permanent = 0, by_requiretls = 0;
  for (unsigned bits = 0; bits < 64; ++bits) {
    const auto whole = decide(facts_of(demands_at(bits)));
    REQUIRE(whole.attempts.size() == 2);
    for (std::size_t first = 0; first < all; ++first) {
      for (std::size_t second = 0; second < all; ++second) {
        auto plan = whole;
        plan.attempts.clear();
        std::vector<HostOutcome> outcomes;
        bool possible = true;
        for (std::size_t n = 0; n < 2; ++n) {
          const auto way = n == 0 ? first : second;
          const auto& name = whole.attempts[n].demand.host;
          if (way < ways.size()) {
            plan.attempts.push_back(whole.attempts[n]);
            outcomes.push_back(ways[way]);
            outcomes.back().host = name;
            // A host is asked for REQUIRETLS by a message alone that demands it.
            possible = possible && (counted(ways[way]) != What::no_requiretls || plan.message.requiretls);
          } else if (way < ways.size() + reasons.size()) {
            plan.left_out.push_back({name, 10, reasons[way - ways.size()], "words"});
            possible =
                possible && (plan.left_out.back().reason != LeftOut::Reason::not_tied || plan.message.requiretls);
          }
        }
        if (!possible) continue;
        ++count;
        const auto reply = conclude(plan, outcomes);
        permanent += reply.kind() == 5;
        by_requiretls += reply.enhanced == "5.7.30" || reply.enhanced == "5.7.10";
        const auto* fault = fault_of(plan, outcomes, reply);
        if (fault != nullptr && ++broken < 10)
          FAIL_CHECK(fault << " at " << bits << ": " << first << ", " << second << ": " << smtp::on_one_line(reply));
      }
    }
  }
  INFO(count << " verdicts, " << permanent << " permanent, " << by_requiretls << " by REQUIRETLS");
  CHECK(broken == 0);
  CHECK(count == verdict_points);
  CHECK(permanent > 0);
  CHECK(by_requiretls > 0);
}
