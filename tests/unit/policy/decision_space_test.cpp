// The promise over the whole finite space that it depends on: every combination of what is published, configured,
// demanded, found and proven, not a sample. docs/decision.md states the numbers that are checked here.
#include <array>
#include <catch2/catch.hpp>
#include <sstream>

#include "tests/unit/policy/facts_builder.hpp"
#include "tests/unit/policy/plan_invariants.hpp"

using namespace policy;
using namespace policy::test;
using sts::Mode;
using What = HostOutcome::What;

namespace {

const std::chrono::system_clock::time_point now{std::chrono::seconds(1'800'000'000)};

/// One point of the space, as small numbers: what each means is in facts_of.
struct Point {
  unsigned published;  ///< 0 nothing, 1 the record cannot be looked up, 2 none, 3 testing, 4 enforce
  unsigned match;      ///< bit n: host n is in the policy
  unsigned route;      ///< 0 MX, 1 implicit MX, 2 literal, 3 configured host
  unsigned security;   ///< 0 published, 1 may, 2 encrypt, 3 verify
  unsigned exempt;     ///< 0, 1
  unsigned floor;      ///< 0 nothing, 1 encrypted, 2 pkix, 3 all that can be demanded
  unsigned own;        ///< 0 no host is the relay itself, 1 the first, 2 the second
  unsigned addresses;  ///< of the first host: 0 found, 1 none, 2 failed, 3 forbidden
};
constexpr Point extents{5, 4, 4, 4, 2, 4, 3, 4};

std::string words(const Point& p) {
  std::ostringstream text;
  text << "published=" << p.published << " match=" << p.match << " route=" << p.route << " security=" << p.security
       << " exempt=" << p.exempt << " floor=" << p.floor << " own=" << p.own << " addresses=" << p.addresses;
  return text.str();
}

template <class Visit>
std::size_t for_each_point(Visit visit) {
  std::size_t count = 0;
  Point p{};
  for (p.published = 0; p.published < extents.published; ++p.published)
    for (p.match = 0; p.match < extents.match; ++p.match)
      for (p.route = 0; p.route < extents.route; ++p.route)
        for (p.security = 0; p.security < extents.security; ++p.security)
          for (p.exempt = 0; p.exempt < extents.exempt; ++p.exempt)
            for (p.floor = 0; p.floor < extents.floor; ++p.floor)
              for (p.own = 0; p.own < extents.own; ++p.own)
                for (p.addresses = 0; p.addresses < extents.addresses; ++p.addresses, ++count) visit(p);
  return count;
}

Facts facts_of(const Point& p) {
  using MxSet = Facts::MxSet;
  using Addresses = HostFacts::Addresses;
  constexpr std::array states{Addresses::found, Addresses::none, Addresses::failed, Addresses::forbidden};
  constexpr std::array securities{Security::published, Security::may, Security::encrypt, Security::verify};
  constexpr std::array routes{MxSet::found, MxSet::implicit, MxSet::found, MxSet::configured};
  constexpr std::array floors{Requirement{}, Requirement{.encrypted = true},
                              Requirement{.encrypted = true, .pkix = true}, Requirement{true, true, true, true}};

  Facts facts = test::facts({host("mx1.example.com", 10), host("mx2.example.com", 20)});
  if (states[p.addresses] != Addresses::found)
    facts.hosts[0] = host("mx1.example.com", 10, states[p.addresses], "words");
  if (p.own != 0) facts.hosts[p.own - 1].is_self = true;
  facts.mx_set = routes[p.route];
  facts.is_literal = p.route == 2;
  facts.route.host = p.route == 3 ? "mx1.example.com" : "";
  facts.route.security = securities[p.security];
  facts.route.exempt = p.exempt == 1;
  facts.floor = floors[p.floor];
  if (p.published == 1) facts.sts.state = StsFacts::State::lookup_failed;
  if (p.published >= 2) {
    facts.sts = test::published(p.published == 2 ? Mode::none : p.published == 3 ? Mode::testing : Mode::enforce, {});
    if (p.match & 1) facts.sts.policy.mx.emplace_back("mx1.example.com");
    if (p.match & 2) facts.sts.policy.mx.emplace_back("mx2.example.com");
    if (p.match == 0) facts.sts.policy.mx.emplace_back("none.such.test");
  }
  return facts;
}

/// Every proof that differs in a field which may matter.
std::vector<Proof> proofs() {
  std::vector<Proof> all;
  for (unsigned bits = 0; bits < 128; ++bits) {
    for (const auto pkix : {Check::not_tried, Check::passed, Check::failed}) {
      Proof proof;
      proof.host = "mx1.example.com";
      proof.port = 25;
      proof.encrypted = (bits & 1) != 0;
      proof.strong = (bits & 2) != 0;
      proof.resumed = (bits & 4) != 0;
      proof.anchors = (bits & 8) != 0 ? 7 : 6;
      proof.not_after = (bits & 16) != 0 ? now + std::chrono::hours(1) : now;
      proof.dane = (bits & 32) != 0 ? Check::passed : Check::not_tried;
      proof.offers_requiretls = (bits & 64) != 0;
      proof.pkix = pkix;
      all.push_back(proof);
    }
  }
  return all;
}

/// Whether every connection that the stronger plan lets through is let through by the weaker one as well.
const char* fault_of_order(const Plan& stronger, const Plan& weaker) {
  if (!covers(stronger.need, weaker.need)) return "a demand was added and the need became weaker";
  for (const auto& attempt : stronger.attempts) {
    const auto tried = names(weaker.attempts);
    if (std::find(tried.begin(), tried.end(), attempt.demand.host) == tried.end())
      return "a demand was added and a further host is tried";
  }
  return nullptr;
}

}  // namespace

TEST_CASE("every plan of the whole space keeps the promise", "[STS-32][STS-35][STS-38][STS-39][STS-56]") {
  std::size_t broken = 0;
  const auto count = for_each_point([&](const Point& p) {
    const auto facts = facts_of(p);
    const auto* fault = fault_of(facts, decide(facts));
    if (fault != nullptr && ++broken < 10) FAIL_CHECK(fault << " at " << words(p));
  });
  CHECK(broken == 0);
  CHECK(count == 30720);
}

TEST_CASE("nothing is admitted that proves less than any plan of the space demands", "[STS-36][STS-37][SMTP-56]") {
  const auto all_proofs = proofs();
  std::size_t judged = 0, admitted = 0, broken = 0;
  for_each_point([&](const Point& p) {
    if (p.own != 0 || p.addresses > 1) return;  // they only say which hosts are tried: the case above
    const auto facts = facts_of(p);
    for (const auto& attempt : decide(facts).attempts) {
      for (auto proof : all_proofs) {
        ++judged;
        proof.host = attempt.demand.host;
        auto result = admit(proof, attempt.demand, now);
        if (auto* refused = std::get_if<NotAdmitted>(&result)) {
          if (refused->words.empty()) ++broken;
          // Exact as well: where nothing is demanded nothing is refused, and a full proof always passes.
          const bool full = proof.encrypted && proof.strong && !proof.resumed && proof.anchors == 7 &&
                            proof.not_after > now && proof.pkix == Check::passed && proof.dane == Check::passed &&
                            proof.offers_requiretls;
          if ((full || attempt.demand.need.nothing()) && ++broken < 10) FAIL_CHECK("refused at " << words(p));
          continue;
        }
        ++admitted;
        const auto* fault = fault_of(facts, attempt, proof, now);
        if (fault != nullptr && ++broken < 10) FAIL_CHECK(fault << " at " << words(p));
      }
    }
  });
  CHECK(broken == 0);
  CHECK(judged == 2700288);
  CHECK(admitted > 0);
}

TEST_CASE("a demand that is added never weakens and the exemption alone takes away", "[STS-32]") {
  std::size_t compared = 0, broken = 0;
  for_each_point([&](const Point& p) {
    const auto plan = decide(facts_of(p));
    const auto compare = [&](Point stronger) {
      ++compared;
      const auto* fault = fault_of_order(decide(facts_of(stronger)), plan);
      if (fault != nullptr && ++broken < 10) FAIL_CHECK(fault << " from " << words(p) << " to " << words(stronger));
    };
    auto more = p;
    if (p.floor + 1 < extents.floor) {
      ++more.floor;
      compare(more);
    }
    more = p;
    if (p.security >= 1 && p.security + 1 < extents.security) {
      ++more.security;
      compare(more);
    }
    more = p;
    if (p.published == 0 || p.published == 2 || p.published == 3) {  // to enforce
      more.published = 4;
      compare(more);
    }
    more = p;
    if (p.exempt == 1) {
      more.exempt = 0;
      compare(more);
    }
    // What a change of the policy, of its patterns or of the exemption does to a configured host: nothing.
    if (p.route == 3 && p.security != 0) {
      more = p;
      more.published = (p.published + 1) % extents.published;
      more.match = (p.match + 1) % extents.match;
      const auto other = decide(facts_of(more));
      if ((other.need != plan.need || names(other.attempts) != names(plan.attempts)) && ++broken < 10)
        FAIL_CHECK("a configured host follows the recipient's policy at " << words(p));
    }
  });
  CHECK(broken == 0);
  CHECK(compared == 72192);
}

namespace {

/// Every way in which one host can end: tried with each outcome, or left out for each reason.
std::vector<HostOutcome> ways_to_fail() {
  using smtp::Stage;
  const std::string name = "mx.example.com";
  std::vector<HostOutcome> all;
  for (const auto what : {What::unreachable, What::congested, What::lost, What::nonsense, What::no_starttls,
                          What::handshake_failed, What::not_admitted, What::out_of_time})
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

constexpr std::array reasons{LeftOut::Reason::not_in_policy,   LeftOut::Reason::own_name,
                             LeftOut::Reason::behind_own_name, LeftOut::Reason::no_address,
                             LeftOut::Reason::address_failed,  LeftOut::Reason::address_forbidden};

void add_host(Plan& plan, std::vector<HostOutcome>& outcomes, const std::vector<HostOutcome>& ways, std::size_t way,
              std::string name) {
  if (way < ways.size()) {
    Attempt attempt;
    attempt.demand = {name, 25, plan.need, 7, nullptr};
    plan.attempts.push_back(attempt);
    outcomes.push_back(ways[way]);
    outcomes.back().host = std::move(name);
  } else if (way < ways.size() + reasons.size()) {
    plan.left_out.push_back({std::move(name), 10, reasons[way - ways.size()], "words"});
  }
}

}  // namespace

TEST_CASE("no failure of a demand or of a policy ever becomes permanent", "[STS-37][STS-54][SMTP-17][Q-4][T-1]") {
  const auto ways = ways_to_fail();
  std::size_t count = 0, broken = 0, permanent = 0;
  for (const auto mode : {Mode::none, Mode::enforce}) {
    for (const auto floor : {Requirement{}, Requirement{.encrypted = true}}) {
      auto base = facts({host("mx1.example.com")}, mode, {"mx1.example.com"});
      base.floor = floor;
      auto plan = decide(base);
      plan.attempts.clear();
      const auto all = ways.size() + reasons.size() + 1;  // the last: no such host
      for (std::size_t first = 0; first < all; ++first) {
        for (std::size_t second = 0; second < all; ++second, ++count) {
          auto one = plan;
          std::vector<HostOutcome> outcomes;
          add_host(one, outcomes, ways, first, "mx1.example.com");
          add_host(one, outcomes, ways, second, "mx2.example.com");
          const auto reply = conclude(one, outcomes);
          permanent += reply.kind() == 5;
          const auto* fault = fault_of(one, outcomes, reply);
          if (fault != nullptr && ++broken < 10)
            FAIL_CHECK(fault << " at " << first << ", " << second << ": " << smtp::on_one_line(reply));
        }
      }
    }
  }
  CHECK(broken == 0);
  CHECK(count == 8836);
  CHECK(permanent > 0);
}
