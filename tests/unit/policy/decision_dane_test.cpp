// What TLSA records do to a plan, row by row: host by host, beside policies and never instead of them.
#include <catch2/catch.hpp>

#include "policy/outcome.hpp"
#include "tests/unit/policy/facts_builder.hpp"

using namespace policy;
using namespace policy::test;
using Names = std::vector<std::string>;
using Reason = LeftOut::Reason;
using Tlsa = DaneFacts::State;

namespace {

constexpr Requirement nothing, encrypted{.encrypted = true}, match{.encrypted = true, .dane = true},
    both{.encrypted = true, .pkix = true, .dane = true}, pkix{.encrypted = true, .pkix = true};

HostFacts with_tlsa(HostFacts one, Tlsa state) {
  one.dane.state = state;
  if (state == Tlsa::usable) {
    one.dane.association =
        std::make_shared<const dane::Association>(dane::Association{one.name, {}, {{3, 1, 1, std::string(32, 'k')}}});
  }
  if (state == Tlsa::failed) one.dane.words = "TLSA lookup failed: SERVFAIL";
  return one;
}

Facts one(Tlsa state) {
  auto result = facts({with_tlsa(host("mx1.example.com"), state)});
  result.mx_secure = true;
  return result;
}

}  // namespace

TEST_CASE("the state of a host's TLSA records decides what it must prove", "[DANE-06][DANE-09][DANE-21]") {
  struct {
    Tlsa state;
    Requirement need;
    bool mandatory;
  } const cases[] = {
      {Tlsa::not_applicable, nothing, false},
      {Tlsa::unusable, encrypted, true},
      {Tlsa::usable, match, true},
  };
  for (const auto& [state, need, mandatory] : cases) {
    const auto facts = one(state);
    const auto plan = decide(facts);
    REQUIRE(plan.attempts.size() == 1);
    CHECK(plan.need == nothing);  // it is the host's demand, not the domain's
    CHECK(plan.attempts[0].demand.need == need);
    CHECK(plan.attempts[0].demand.association == facts.hosts[0].dane.association);
    CHECK(plan.attempts[0].dane_mandatory == mandatory);
    CHECK(plan.strongest() == need);
  }
}

TEST_CASE("a host whose TLSA lookup failed is left out and the next one is used", "[DANE-04]") {
  auto two = facts({with_tlsa(host("mx1.example.com", 10), Tlsa::failed), host("mx2.example.com", 20)});
  auto plan = decide(two);
  CHECK(names(plan.attempts) == Names{"mx2.example.com"});
  REQUIRE(plan.left_out.size() == 1);
  CHECK(plan.left_out[0].reason == Reason::tlsa_failed);
  CHECK(plan.left_out[0].words == "TLSA lookup failed: SERVFAIL");
  two.hosts.pop_back();
  const auto alone = decide(two);
  CHECK(alone.attempts.empty());
  CHECK(conclude(alone, {}).code == 451);
  CHECK(conclude(alone, {}).enhanced == "4.4.3");
}

TEST_CASE("no policy makes up for a TLSA lookup that failed or for records that do not match",
          "[STS-44][DANE-04][DANE-09]") {
  for (const auto mode : {sts::Mode::none, sts::Mode::testing, sts::Mode::enforce}) {
    auto facts = one(Tlsa::failed);
    facts.sts = published(mode, {"*.example.com"});
    CHECK(decide(facts).attempts.empty());
    facts.hosts[0] = with_tlsa(facts.hosts[0], Tlsa::usable);
    const auto plan = decide(facts);
    REQUIRE(plan.attempts.size() == 1);
    CHECK(plan.attempts[0].demand.need.dane);
  }
}

TEST_CASE("under enforce TLSA records add to the certificate and vouch for no host outside the policy", "[STS-45]") {
  for (const auto& [state, need] :
       {std::pair{Tlsa::usable, both}, std::pair{Tlsa::unusable, pkix}, std::pair{Tlsa::not_applicable, pkix}}) {
    auto facts = one(state);
    facts.sts = published(sts::Mode::enforce, {"*.example.com"});
    CHECK(decide(facts).attempts[0].demand.need == need);
    facts.sts.policy.mx = {"other.example.com"};
    const auto outside = decide(facts);
    CHECK(outside.attempts.empty());
    CHECK(outside.left_out[0].reason == Reason::not_in_policy);
  }
}

TEST_CASE("unusable TLSA records demand TLS beside whatever else is demanded", "[DANE-05][DANE-06]") {
  auto facts = one(Tlsa::unusable);
  CHECK(decide(facts).attempts[0].demand.need == encrypted);
  CHECK_FALSE(decide(facts).attempts[0].demand.association);
  facts.floor = pkix;
  CHECK(decide(facts).attempts[0].demand.need == pkix);
  const HostOutcome stripped[] = {outcome("mx1.example.com", HostOutcome::What::no_starttls)};
  const auto reply = conclude(decide(one(Tlsa::unusable)), stripped);
  CHECK(reply.enhanced == "4.7.4");
  CHECK_THAT(reply.text, Catch::StartsWith("example.com demands TLS (DANE): mx1.example.com: "));
}

TEST_CASE("preference goes before security", "[DANE-14]") {
  const auto plan = decide(facts({host("mx1.example.com", 10), with_tlsa(host("mx2.example.com", 20), Tlsa::usable),
                                  with_tlsa(host("mx3.example.com", 30), Tlsa::unusable)}));
  CHECK(names(plan.attempts) == Names{"mx1.example.com", "mx2.example.com", "mx3.example.com"});
  CHECK(plan.attempts[0].demand.need == nothing);
  CHECK(plan.attempts[1].demand.need == match);
  CHECK(plan.attempts[2].demand.need == encrypted);
}

TEST_CASE("behind an insecure MX record TLSA records count and the destination stays unverified",
          "[DANE-13][DANE-20]") {
  auto facts = one(Tlsa::usable);
  auto plan = decide(facts);
  CHECK(plan.destination_verified(plan.attempts[0]));
  facts.mx_secure = false;
  plan = decide(facts);
  CHECK(plan.attempts[0].demand.need == match);
  CHECK_FALSE(plan.destination_verified(plan.attempts[0]));
  facts.sts = published(sts::Mode::enforce, {"*.example.com"});  // the policy names it
  plan = decide(facts);
  CHECK(plan.destination_verified(plan.attempts[0]));
  facts.sts = {};
  facts.message.requiretls = true;
  CHECK(decide(facts).attempts.empty());
}

TEST_CASE("no TLSA records count for an address literal", "[DANE-16]") {
  auto literal = facts({with_tlsa(host("[192.0.2.1]"), Tlsa::usable)});
  literal.is_literal = true;
  CHECK(decide(literal).attempts[0].demand.need == nothing);
  literal.hosts[0] = with_tlsa(literal.hosts[0], Tlsa::failed);
  CHECK(decide(literal).attempts.size() == 1);
}

TEST_CASE("a configured host and a domain without MX follow the TLSA records of that name", "[DANE-17]") {
  auto own = one(Tlsa::usable);
  own.mx_set = Facts::MxSet::implicit;
  CHECK(decide(own).attempts[0].demand.need == match);
  own.mx_set = Facts::MxSet::configured;
  own.route.host = "mx1.example.com";
  for (const auto security : {Security::published, Security::may}) {
    own.route.security = security;
    CHECK(decide(own).attempts[0].demand.need == match);
  }
  own.route.security = Security::verify;
  CHECK(decide(own).attempts[0].demand.need == both);
}

TEST_CASE("the exemption and TLS-Required: No take TLSA records away and no floor", "[RTLS-06][STS-44]") {
  for (const auto state : {Tlsa::usable, Tlsa::unusable, Tlsa::failed}) {
    for (const bool exempt : {true, false}) {
      auto facts = one(state);
      facts.route.exempt = exempt;
      facts.message.tls_required_no = !exempt;
      REQUIRE(decide(facts).attempts.size() == 1);
      CHECK(decide(facts).attempts[0].demand.need == nothing);
      CHECK_FALSE(decide(facts).attempts[0].demand.association);
      facts.floor = pkix;
      CHECK(decide(facts).attempts[0].demand.need == pkix);
    }
  }
}
