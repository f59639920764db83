// From facts to a plan: the rows one by one. The whole space at once: decision_space_test.cpp.
#include "policy/decision.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/policy/facts_builder.hpp"

using namespace policy;
using namespace policy::test;
using sts::Mode;
using Addresses = HostFacts::Addresses;
using Names = std::vector<std::string>;
using Reason = LeftOut::Reason;

namespace {

constexpr Requirement nothing, encrypted{.encrypted = true}, verified{.encrypted = true, .pkix = true};

Facts three(Mode mode, Names mx) {
  return facts({host("mx1.example.com", 10), host("mx2.example.net", 20), host("mx3.example.com", 30)}, mode,
               std::move(mx));
}

Facts routed(Security security) {
  auto result = facts({host("hop.example", 0)});
  result.mx_set = Facts::MxSet::configured;
  result.route.host = "hop.example";
  result.route.port = 587;
  result.route.security = security;
  result.route.configured_at = "relay.toml:31";
  return result;
}

}  // namespace

TEST_CASE("without a policy every host may be tried in order and nothing is demanded", "[SMTP-56][STS-61]") {
  auto all = three(Mode::none, {});
  all.sts = {};
  all.sts.error = "the policy host answered 404";
  const auto plan = decide(all);
  CHECK(names(plan.attempts) == Names{"mx1.example.com", "mx2.example.net", "mx3.example.com"});
  CHECK(plan.need == nothing);
  CHECK(plan.demanded_by.empty());
  CHECK_FALSE(plan.refusal);
  CHECK_FALSE(plan.enforced());
  CHECK(plan.attempts[1].preference == 20);
  CHECK(plan.attempts[1].demand.port == 25);
  CHECK(plan.attempts[1].demand.anchors == 7);
  all.anchors = 8;  // new trust anchors: the next plan asks for a proof by these
  CHECK(decide(all).attempts[1].demand.anchors == 8);
  CHECK(plan.attempts[1].addresses == Names{"192.0.2.1"});
}

TEST_CASE("enforce leaves out the hosts outside the policy and demands verified TLS of the others",
          "[STS-35][STS-48]") {
  const auto plan = decide(three(Mode::enforce, {"*.example.com"}));
  CHECK(names(plan.attempts) == Names{"mx1.example.com", "mx3.example.com"});
  for (const auto& attempt : plan.attempts) CHECK(attempt.demand.need == verified);
  REQUIRE(plan.left_out.size() == 1);
  CHECK(plan.left_out[0].host == "mx2.example.net");
  CHECK(plan.left_out[0].preference == 20);
  CHECK(plan.left_out[0].reason == Reason::not_in_policy);
  CHECK(plan.left_out[0].words == "its name is not in the MTA-STS policy 20260101");
  CHECK(plan.demanded_by == "MTA-STS enforce, policy 20260101");
  CHECK(plan.enforced());
}

TEST_CASE("enforce with no host in the policy tries none", "[STS-35][STS-37][M-1]") {
  auto plan = decide(three(Mode::enforce, {"none.such.test"}));
  CHECK(plan.attempts.empty());
  CHECK(plan.left_out.size() == 3);
  CHECK_FALSE(plan.refusal);
  plan = decide(facts({host("example-com.h-v1.mx.provider.example")}, Mode::enforce, {"*.mx.provider.example"}));
  CHECK(plan.attempts.empty());
}

TEST_CASE("under enforce the identity to prove is the MX host and never the pattern", "[STS-34][STS-40][M-2]") {
  const auto plan = decide(facts({host("a.example.net")}, Mode::enforce, {"*.example.net"}));
  REQUIRE(plan.attempts.size() == 1);
  CHECK(plan.attempts[0].demand.host == "a.example.net");
}

TEST_CASE("testing leaves no host out and demands nothing and says what enforce would have", "[STS-38][C-3]") {
  const auto plan = decide(facts({host("mx9.other.example")}, Mode::testing, {"mx1.example.net"}));
  REQUIRE(plan.attempts.size() == 1);
  CHECK(plan.attempts[0].demand.need == nothing);
  CHECK(plan.attempts[0].if_enforced == verified);
  CHECK(plan.attempts[0].outside_policy);
  CHECK(plan.demanded_by.empty());
  CHECK_FALSE(plan.enforced());
  const auto inside = decide(facts({host("mx1.example.net")}, Mode::testing, {"mx1.example.net"}));
  CHECK_FALSE(inside.attempts[0].outside_policy);
}

TEST_CASE("mode none is as if no policy existed", "[STS-39]") {
  const auto plan = decide(facts({host("mx9.other.example")}, Mode::none, {"mx1.example.net"}));
  REQUIRE(plan.attempts.size() == 1);
  CHECK(plan.attempts[0].demand.need == nothing);
  CHECK_FALSE(plan.attempts[0].if_enforced);
  CHECK_FALSE(plan.attempts[0].outside_policy);
}

TEST_CASE("the implicit MX must match the policy as well", "[STS-43]") {
  auto own = facts({host("example.com", 0)}, Mode::enforce, {"example.com"});
  own.mx_set = Facts::MxSet::implicit;
  CHECK(names(decide(own).attempts) == Names{"example.com"});
  own.sts.policy.mx = {"mx.example.com"};
  const auto plan = decide(own);
  CHECK(plan.attempts.empty());
  CHECK(plan.left_out[0].reason == Reason::not_in_policy);
}

TEST_CASE("domains with the same MX are judged each by its own policy", "[STS-64][L-1]") {
  auto strict = facts({host("big.example")}, Mode::enforce, {"none.such.test"});
  strict.domain = "v.example";
  auto lax = facts({host("big.example")});
  lax.domain = "w.example";
  for (int order = 0; order < 2; ++order) {
    const auto v = decide(strict), w = decide(lax), v_again = decide(strict);
    CHECK(v.attempts.empty());
    CHECK(v_again.attempts.empty());
    CHECK(names(w.attempts) == Names{"big.example"});
    CHECK(w.need == nothing);
  }
}

TEST_CASE("a record that cannot be looked up defers", "[STS-07]") {
  auto unknown = three(Mode::enforce, {"*.example.com"});
  unknown.sts = {};
  unknown.sts.state = StsFacts::State::lookup_failed;
  unknown.sts.error = "SERVFAIL";
  const auto plan = decide(unknown);
  CHECK(plan.attempts.empty());
  REQUIRE(plan.refusal);
  CHECK(plan.refusal->code == 451);
  CHECK(plan.refusal->enhanced == "4.4.3");
  CHECK_THAT(plan.refusal->text, Catch::StartsWith("example.com: ") && Catch::Contains("SERVFAIL"));
  unknown.route.exempt = true;
  CHECK(decide(unknown).attempts.size() == 3);
  auto hop = routed(Security::verify);
  hop.sts = unknown.sts;
  CHECK(decide(hop).attempts.size() == 1);
  hop.route.security = Security::published;
  CHECK(decide(hop).refusal);
}

TEST_CASE("an MX set without hosts is refused or deferred", "[SMTP-14][SMTP-15]") {
  using MxSet = Facts::MxSet;
  struct {
    MxSet mx_set;
    int code;
    const char* enhanced;
  } const cases[] = {
      {MxSet::null_mx, 556, "5.1.10"},
      {MxSet::nonexistent, 550, "5.1.2"},
      {MxSet::failed, 451, "4.4.3"},
      {MxSet::found, 554, "5.4.4"},  // only `.` among others
  };
  for (const auto& [mx_set, code, enhanced] : cases) {
    auto none = facts({});
    none.mx_set = mx_set;
    none.mx_words = "MX lookup failed: SERVFAIL";
    const auto plan = decide(none);
    REQUIRE(plan.refusal);
    CHECK(plan.refusal->code == code);
    CHECK(plan.refusal->enhanced == enhanced);
    CHECK_THAT(plan.refusal->text, Catch::StartsWith("example.com"));
    CHECK((code != 451 || plan.refusal->text.find("SERVFAIL") != std::string::npos));
    // An address of the domain is no way around it.
    none.hosts = {host("example.com")};
    if (mx_set != MxSet::found) CHECK(decide(none).attempts.empty());
  }
}

TEST_CASE("a host without an address is left out and the others are used", "[SMTP-14][D-5][N-2]") {
  const auto plan =
      decide(facts({host("gone.example.net", 10, Addresses::none, "no such host"),
                    host("127.0.0.1", 11, Addresses::none, "no such host"), host("mx2.example.net", 20),
                    host("mx3.example.net", 30, Addresses::failed, "SERVFAIL"),
                    host("mx4.example.net", 40, Addresses::forbidden, "its address 127.0.0.1 is loopback"),
                    host("mx5.example.net", 50, Addresses::failed)}));
  CHECK(names(plan.attempts) == Names{"mx2.example.net"});
  REQUIRE(plan.left_out.size() == 5);
  CHECK(plan.left_out[0].reason == Reason::no_address);
  CHECK(plan.left_out[0].words == "no such host");
  CHECK(plan.left_out[1].host == "127.0.0.1");
  CHECK(plan.left_out[2].reason == Reason::address_failed);
  CHECK(plan.left_out[3].reason == Reason::address_forbidden);
  for (const auto& out : plan.left_out) CHECK_FALSE(out.words.empty());
}

TEST_CASE("a host that was found without any address is left out", "[SMTP-14]") {
  const auto plan = decide(facts({host("mx1.example.com", 10, Addresses::found), host("mx2.example.com", 20)}));
  CHECK(names(plan.attempts) == Names{"mx2.example.com"});
  REQUIRE(plan.left_out.size() == 1);
  CHECK(plan.left_out[0].reason == Reason::no_address);
  CHECK(plan.left_out[0].words == "no address");
}

TEST_CASE("odd MX names with an address are tried as names and never vouched for as addresses", "[SMTP-16]") {
  auto odd = facts({host("mx_1.example.com", 10), host("127.0.0.1", 20)});
  CHECK(names(decide(odd).attempts) == Names{"mx_1.example.com", "127.0.0.1"});
  CHECK(decide(odd).attempts[1].addresses == Names{"192.0.2.1"});  // what DNS said, not what the name looks like
  odd.sts = published(Mode::enforce, {"*.example.com", "127.0.0.1", "*.0.0.1"});
  const auto plan = decide(odd);
  CHECK(names(plan.attempts) == Names{"mx_1.example.com"});
  REQUIRE(plan.left_out.size() == 1);
  CHECK(plan.left_out[0].reason == Reason::not_in_policy);
}

TEST_CASE("the relay itself and what is not better than it is cut off", "[SMTP-12]") {
  struct {
    std::vector<HostFacts> hosts;
    Names tried;
    std::vector<Reason> left_out;
  } const cases[] = {
      {{self("relay.example", 10), host("mx1.example.com", 20)}, {}, {Reason::own_name, Reason::behind_own_name}},
      {{host("mx1.example.com", 10), self("relay.example", 20), host("mx2.example.com", 30)},
       {"mx1.example.com"},
       {Reason::own_name, Reason::behind_own_name}},
      {{host("mx1.example.com", 10), host("mx2.example.com", 20), self("relay.example", 20)},
       {"mx1.example.com"},
       {Reason::behind_own_name, Reason::own_name}},
      {{host("mx1.example.com", 10), self("relay.example", 65535)}, {"mx1.example.com"}, {Reason::own_name}},
      {{self("relay.example", 0), self("relay2.example", 10)}, {}, {Reason::own_name, Reason::own_name}},
  };
  for (const auto& [hosts, tried, left_out] : cases) {
    const auto plan = decide(facts(hosts));
    CHECK(names(plan.attempts) == tried);
    std::vector<Reason> reasons;
    for (const auto& out : plan.left_out) reasons.push_back(out.reason);
    CHECK(reasons == left_out);
  }
}

TEST_CASE("the own-name cut works on the whole list and not on what the policy leaves", "[STS-57]") {
  auto plan =
      decide(facts({self("relay.example", 10), host("mx1.example.com", 20)}, Mode::enforce, {"mx1.example.com"}));
  CHECK(plan.attempts.empty());
  CHECK(plan.left_out[0].reason == Reason::own_name);
  CHECK(plan.left_out[1].reason == Reason::behind_own_name);
  plan = decide(facts({host("mx1.example.com", 10), self("relay.example", 20), host("mx2.example.com", 30)},
                      Mode::enforce, {"mx2.example.com"}));
  CHECK(plan.attempts.empty());
  CHECK(plan.left_out[0].reason == Reason::not_in_policy);
  CHECK(plan.left_out[2].reason == Reason::behind_own_name);
}

TEST_CASE("an address literal has no policy", "[STS-56]") {
  auto literal = facts({host("[192.0.2.1]", 0)}, Mode::enforce, {"mx1.example.com"});
  literal.domain = "[192.0.2.1]";
  literal.is_literal = true;
  auto plan = decide(literal);
  CHECK(names(plan.attempts) == Names{"[192.0.2.1]"});
  CHECK(plan.need == nothing);
  CHECK(plan.sts.state == StsFacts::State::no_policy);
  literal.sts.state = StsFacts::State::lookup_failed;
  CHECK_FALSE(decide(literal).refusal);
  literal.floor = encrypted;
  CHECK(decide(literal).need == encrypted);
}

TEST_CASE("with a configured host the recipient's policy neither demands nor vouches", "[STS-32][H-1]") {
  for (const auto& patterns : {Names{"mx1.example.com"}, Names{"hop.example"}}) {
    auto hop = routed(Security::verify);
    hop.sts = published(Mode::enforce, patterns);
    const auto plan = decide(hop);
    CHECK(names(plan.attempts) == Names{"hop.example"});
    CHECK(plan.need == verified);
    CHECK(plan.demanded_by == "configuration relay.toml:31");
    CHECK(plan.attempts[0].demand.port == 587);
    CHECK_FALSE(plan.attempts[0].implicit_tls);
    hop.route.implicit_tls = true;
    CHECK(decide(hop).attempts[0].implicit_tls);
    CHECK_FALSE(plan.enforced());
    hop.route.security = Security::may;
    CHECK(decide(hop).need == nothing);
  }
}

TEST_CASE("with security published a configured host follows what its own name publishes", "[STS-32][H-1]") {
  auto hop = routed(Security::published);
  CHECK(decide(hop).need == nothing);
  hop.sts = published(Mode::enforce, {"hop.example"});
  auto plan = decide(hop);
  CHECK(names(plan.attempts) == Names{"hop.example"});
  CHECK(plan.need == verified);
  CHECK(plan.demanded_by == "MTA-STS enforce, policy 20260101");
  hop.sts = published(Mode::enforce, {"other.example"});
  plan = decide(hop);
  CHECK(plan.attempts.empty());
  CHECK(plan.left_out[0].reason == Reason::not_in_policy);
}

TEST_CASE("an exemption takes away what is published and no more") {
  auto exempt = three(Mode::enforce, {"none.such.test"});
  exempt.route.exempt = true;
  exempt.route.reason = "ticket 4711";
  exempt.route.configured_at = "relay.toml:31";
  auto plan = decide(exempt);
  CHECK(plan.attempts.size() == 3);
  CHECK(plan.need == nothing);
  CHECK_FALSE(plan.enforced());
  exempt.route.security = Security::verify;
  plan = decide(exempt);
  CHECK(plan.need == verified);
  CHECK(plan.demanded_by == "configuration relay.toml:31");
  exempt.route.security = Security::may;
  exempt.floor = encrypted;
  plan = decide(exempt);
  CHECK(plan.need == encrypted);
  CHECK(plan.demanded_by == "delivery security of this relay");
}

TEST_CASE("floors are joined with what is published and each is named") {
  auto all = three(Mode::enforce, {"*.example.com"});
  all.floor = encrypted;
  all.route.security = Security::verify;
  const auto plan = decide(all);
  CHECK(plan.need == verified);
  CHECK(plan.demanded_by == "MTA-STS enforce, policy 20260101; configuration; delivery security of this relay");
  all.floor = {.dane = true, .requiretls = true};  // what the policy does not ask for is not lost beside it
  CHECK(decide(all).need == Requirement{true, true, true, true});
  auto weak = three(Mode::testing, {"*.example.com"});
  weak.floor = encrypted;
  weak.route.security = Security::may;
  CHECK(decide(weak).need == encrypted);
  CHECK(decide(weak).attempts[0].if_enforced == verified);
}
