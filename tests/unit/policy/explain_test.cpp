// A plan in words.
#include "policy/explain.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/policy/facts_builder.hpp"

using namespace policy;
using namespace policy::test;

namespace {

const std::chrono::system_clock::time_point now{std::chrono::seconds(1'795'593'600)};  // 2026-11-25T08:00:00Z

Plan planned(sts::Mode mode) {
  auto all = facts({host("mx1.example.com", 10), host("mx2.example.net", 20)}, mode, {"*.example.com"});
  all.sts.fetched = now - std::chrono::hours(1);
  all.sts.expires = now + std::chrono::hours(24);
  all.hosts[0].addresses.emplace_back("2001:db8::1");
  return decide(all);
}

}  // namespace

TEST_CASE("a plan under enforce in words", "[OPS-16][STS-48]") {
  const auto plan = planned(sts::Mode::enforce);
  CHECK(policy_line(plan, now) ==
        "policy: MTA-STS enforce, id 20260101, stored, fetched 2026-11-25T07:00:00Z, expires 2026-11-26T08:00:00Z, "
        "mx *.example.com");
  CHECK(attempt_line(plan.attempts[0]) ==
        "10 mx1.example.com:25 (192.0.2.1, 2001:db8::1) must prove: TLS 1.2 or later, a valid certificate for "
        "mx1.example.com");
  CHECK(left_out_line(plan.left_out[0]) ==
        "20 mx2.example.net left out: its name is not in the MTA-STS policy 20260101");
  CHECK(sentence(plan) == "Mail for example.com goes over verified TLS to mx1.example.com, or waits.");
}

TEST_CASE("a plan in mode testing in words", "[OPS-16][STS-38]") {
  const auto plan = planned(sts::Mode::testing);
  CHECK_THAT(policy_line(plan, now), Catch::StartsWith("policy: MTA-STS testing, id 20260101, "));
  CHECK(attempt_line(plan.attempts[1]) ==
        "20 mx2.example.net:25 (192.0.2.1) must prove: nothing; testing: its name is not in the policy");
  CHECK(sentence(plan) ==
        "Mail for example.com goes to mx1.example.com or mx2.example.net, over TLS where offered, verified or not.");
}

TEST_CASE("where the policy came from and how long it counts", "[OPS-16][STS-60]") {
  auto plan = planned(sts::Mode::enforce);
  plan.sts.source = StsFacts::Source::fetched;
  plan.sts.expires = now;
  plan.sts.policy.mx.clear();
  plan.sts.error = "the refresh failed\x1b";
  CHECK(policy_line(plan, now) ==
        "policy: MTA-STS enforce, id 20260101, just fetched, for this message only, mx none (the refresh failed\\x1b)");
  plan.sts = {};
  CHECK(policy_line(plan, now) == "policy: none");
  plan.sts.error = "no record";
  CHECK(policy_line(plan, now) == "policy: none (no record)");
  plan.sts.state = StsFacts::State::lookup_failed;
  plan.sts.error = "SERVFAIL";
  CHECK(policy_line(plan, now) == "policy: unknown (SERVFAIL)");
  plan.route.exempt = true;
  plan.route.reason = "ticket 4711";
  CHECK(policy_line(plan, now) == "policy: not applied, the domain is exempt: ticket 4711");
}

TEST_CASE("what must be proven in words") {
  Attempt attempt;
  attempt.demand = {"hop.example", 465, {.encrypted = true}, 0, nullptr};
  attempt.addresses = {"192.0.2.1"};
  attempt.implicit_tls = true;
  CHECK(attempt_line(attempt) ==
        "0 hop.example:465 with TLS from the start (192.0.2.1) must prove: TLS 1.2 or later, with any certificate");
  attempt.demand.need = {.encrypted = true, .pkix = true, .dane = true, .requiretls = true};
  CHECK_THAT(attempt_line(attempt),
             Catch::EndsWith("a valid certificate for hop.example, a match of its TLSA records, REQUIRETLS"));
}

TEST_CASE("the closing sentence says what would happen", "[OPS-16]") {
  auto floor = facts({host("mx1.example.com")});
  floor.floor = {.encrypted = true};
  CHECK(sentence(decide(floor)) == "Mail for example.com goes over TLS to mx1.example.com, or waits.");
  CHECK(sentence(decide(facts({host("mx1.example.com")}, sts::Mode::enforce, {"other.test"}))) ==
        "Mail for example.com would wait: example.com demands verified TLS (MTA-STS enforce, policy 20260101): "
        "mx1.example.com: its name is not in the MTA-STS policy 20260101.");
  auto null_mx = facts({});
  null_mx.mx_set = Facts::MxSet::null_mx;
  CHECK(sentence(decide(null_mx)) == "Mail for example.com would be refused: example.com takes no mail (null MX).");
  auto failed = facts({});
  failed.mx_set = Facts::MxSet::failed;
  failed.mx_words = "SERVFAIL";
  CHECK(sentence(decide(failed)) ==
        "Mail for example.com would wait: example.com: its mail hosts cannot be looked up: SERVFAIL.");
}

TEST_CASE("what was tried is told by the same sentence as the plan", "[OPS-16]") {
  const auto plan = planned(sts::Mode::enforce);
  CHECK(sentence(plan, {250, "2.0.0", ""}) == sentence(plan));
  const std::vector<HostOutcome> failed{outcome("mx1.example.com", HostOutcome::What::no_starttls, "no STARTTLS")};
  CHECK(sentence(plan, conclude(plan, failed)) ==
        "Mail for example.com would wait: example.com demands verified TLS (MTA-STS enforce, policy 20260101): "
        "mx1.example.com: no STARTTLS; mx2.example.net: its name is not in the MTA-STS policy 20260101.");
  CHECK(sentence(plan, {550, "5.7.1", "blocked\x1b"}) == "Mail for example.com would be refused: blocked\\x1b.");
}

TEST_CASE("a plan with TLSA records and with the message's own words in lines", "[OPS-16][DANE-09][RTLS-06]") {
  auto all = facts({host("mx1.example.com", 10), host("mx2.example.com", 20), host("mx3.example.com", 30)});
  all.hosts[0].dane = {DaneFacts::State::usable,
                       std::make_shared<const dane::Association>(
                           dane::Association{"base.example.com", {}, {{3, 1, 1, std::string(32, 'k')}}}),
                       ""};
  all.hosts[1].dane.state = DaneFacts::State::unusable;
  all.mx_secure = true;
  auto plan = decide(all);
  CHECK_THAT(attempt_line(plan.attempts[0]),
             Catch::EndsWith("must prove: TLS 1.2 or later, a match of its TLSA records at base.example.com"));
  CHECK_THAT(attempt_line(plan.attempts[1]), Catch::EndsWith("must prove: TLS 1.2 or later, with any certificate"));
  CHECK(
      sentence(plan) ==
      "Mail for example.com goes over verified TLS to mx1.example.com, else over TLS to mx2.example.com, else over TLS "
      "where offered, verified or not, to mx3.example.com, or waits.");
  all.message.tls_required_no = true;
  plan = decide(all);
  CHECK(policy_line(plan, now) == "policy: not applied, the message says TLS-Required: No");
  all.message = {.requiretls = true, .tls_required_no = false};
  all.mx_secure = true;
  CHECK_THAT(attempt_line(decide(all).attempts[2]),
             Catch::EndsWith("TLS 1.2 or later, a host that is verified as mx3.example.com, REQUIRETLS"));
  auto policed = planned(sts::Mode::enforce);
  policed.sts.source = StsFacts::Source::pin;
  CHECK(policy_line(policed, now) ==
        "policy: MTA-STS enforce, id 20260101, pinned in the configuration, mx *.example.com");
  policed.sts.source = StsFacts::Source::preload;
  CHECK(policy_line(policed, now) ==
        "policy: MTA-STS enforce, id 20260101, preloaded, until the domain's own is fetched, mx *.example.com");
}

TEST_CASE("a host that TLSA records verify behind an insecure MX record is not called the domain's",
          "[DANE-20][DANE-13]") {
  auto given = facts({host("mx1.example.com")});
  given.hosts[0].dane.state = DaneFacts::State::usable;
  given.hosts[0].dane.association = std::make_shared<const dane::Association>(
      dane::association("mx1.example.com", {}, {{3, 1, 1, std::string(32, 'k')}}));
  CHECK(sentence(decide(given)) ==
        "Mail for example.com goes over TLS that is verified for the host alone to mx1.example.com, or waits.");
  given.mx_secure = true;
  CHECK(sentence(decide(given)) == "Mail for example.com goes over verified TLS to mx1.example.com, or waits.");
}
