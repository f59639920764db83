// The reply when no host took the message: the contract's table, who wins where hosts fail differently, and the words.
#include <catch2/catch.hpp>

#include "policy/reply.hpp"
#include "tests/unit/policy/facts_builder.hpp"

using namespace policy;
using namespace policy::test;
using Catch::Contains;
using Catch::StartsWith;
using smtp::Stage;
using What = HostOutcome::What;
using Addresses = HostFacts::Addresses;

namespace {

const std::string mx1 = "mx1.example.com", mx2 = "mx2.example.com";

Plan plan_of(sts::Mode mode, std::vector<std::string> patterns = {"*.example.com"}) {
  return decide(facts({host(mx1, 10), host(mx2, 20)}, mode, std::move(patterns)));
}

/// "451 4.7.5"
std::string code(const Plan& plan, const std::vector<HostOutcome>& outcomes) {
  const auto reply = conclude(plan, outcomes);
  CHECK(reply.text.size() <= reply::text_limit);
  return std::to_string(reply.code) + ' ' + reply.enhanced;
}

std::string text(const Plan& plan, const std::vector<HostOutcome>& outcomes) {
  return conclude(plan, outcomes).text;
}

const auto busy = says(mx1, Stage::greeting, {421, "4.3.2", "busy"});
const auto never = says(mx1, Stage::greeting, {554, "5.7.1", "we do not want you"});
const auto later = says(mx1, Stage::mail, {450, "4.7.1", "greylisted"});

HostOutcome at(const std::string& name, HostOutcome outcome) {
  outcome.host = name;
  return outcome;
}

}  // namespace

TEST_CASE("a deferral says who demands what and by whose demand and which host and what happened", "[STS-37][STS-48]") {
  const auto plan = decide(facts({host(mx1)}, sts::Mode::enforce, {mx1}));
  const std::vector<HostOutcome> expired{outcome(mx1, What::not_admitted, "certificate expired 2026-10-01")};
  const auto reply = conclude(plan, expired);
  CHECK(reply == smtp::Reply{451, "4.7.5",
                             "example.com demands verified TLS (MTA-STS enforce, policy 20260101): mx1.example.com: "
                             "certificate expired 2026-10-01"});
  const std::vector<HostOutcome> from_memory{remembered(expired[0])};
  CHECK(conclude(plan, from_memory).enhanced == "4.7.5");
  CHECK(conclude(plan, from_memory).text == reply.text + " (a moment ago)");
}

TEST_CASE("what happened at the only host gives the code", "[STS-37][SMTP-17][SMTP-43][SMTP-66][T-1]") {
  const auto strict = decide(facts({host(mx1)}, sts::Mode::enforce, {mx1}));
  const auto lax = decide(facts({host(mx1)}));
  struct {
    HostOutcome outcome;
    const char *lax, *strict;
  } const cases[] = {
      {outcome(mx1, What::unreachable), "451 4.4.1", "451 4.4.1"},
      {outcome(mx1, What::out_of_time), "451 4.4.1", "451 4.4.1"},
      {outcome(mx1, What::congested), "451 4.4.5", "451 4.4.5"},
      {outcome(mx1, What::lost), "451 4.4.2", "451 4.4.2"},
      {outcome(mx1, What::nonsense), "451 4.5.0", "451 4.5.0"},
      {outcome(mx1, What::no_starttls), "451 4.7.4", "451 4.7.4"},
      {outcome(mx1, What::handshake_failed), "451 4.7.5", "451 4.7.5"},
      {outcome(mx1, What::not_admitted), "451 4.7.5", "451 4.7.5"},
      {outcome(mx1, What::not_authenticated), "451 4.7.0", "451 4.7.0"},
      {remembered(outcome(mx1, What::not_authenticated)), "451 4.7.0", "451 4.7.0"},
      {busy, "451 4.4.2", "451 4.4.2"},
      {never, "554 5.7.1", "554 5.7.1"},
      {later, "450 4.7.1", "450 4.7.1"},
      {says(mx1, Stage::greeting, {450, "4.3.2", "slow down"}), "450 4.3.2", "450 4.3.2"},
      {says(mx1, Stage::ehlo, {554, "", "no"}), "554 5.0.0", "554 5.0.0"},
      {says(mx1, Stage::mail, {550, "5.7.1", "blocked"}), "550 5.7.1", "550 5.7.1"},
      {says(mx1, Stage::mail, {421, "4.3.2", "busy"}), "451 4.4.2", "451 4.4.2"},
      {remembered(outcome(mx1, What::unreachable)), "451 4.4.1", "451 4.4.1"},
      {remembered(outcome(mx1, What::lost)), "451 4.4.2", "451 4.4.2"},
      {remembered(outcome(mx1, What::nonsense)), "451 4.5.0", "451 4.5.0"},
      {remembered(busy), "451 4.4.2", "451 4.4.2"},
      {remembered(never), "451 4.4.1", "451 4.4.1"},  // it said nothing about this message
      {remembered(outcome(mx1, What::not_admitted)), "451 4.4.1", "451 4.7.5"},
      {remembered(outcome(mx1, What::no_starttls)), "451 4.4.1", "451 4.7.4"},
  };
  for (const auto& [outcome, for_lax, for_strict] : cases) {
    CAPTURE(outcome.words, static_cast<int>(outcome.what), static_cast<int>(outcome.remembered));
    CHECK(code(lax, {outcome}) == for_lax);
    CHECK(code(strict, {outcome}) == for_strict);
  }
}

TEST_CASE("where hosts fail differently a demand wins and then what a host said", "[STS-37][SMTP-17][Q-4]") {
  const auto strict = plan_of(sts::Mode::enforce);
  const auto stripped = outcome(mx1, What::no_starttls), expired = outcome(mx2, What::not_admitted);
  CHECK(code(strict, {stripped, expired}) == "451 4.7.5");
  CHECK(code(strict, {stripped, at(mx2, busy)}) == "451 4.7.4");
  CHECK(code(strict, {stripped, at(mx2, never)}) == "451 4.7.4");
  CHECK(code(strict, {never, expired}) == "451 4.7.5");
  CHECK(code(strict, {later, expired}) == "451 4.7.5");
  CHECK(code(strict, {outcome(mx1, What::unreachable), expired}) == "451 4.7.5");
  CHECK(code(strict, {busy, at(mx2, never)}) == "451 4.4.2");
  CHECK(code(strict, {never, at(mx2, busy)}) == "451 4.4.2");
  CHECK(code(strict, {later, outcome(mx2, What::unreachable)}) == "450 4.7.1");
  CHECK(code(strict, {busy, at(mx2, later)}) == "450 4.7.1");
  CHECK(code(strict, {outcome(mx1, What::unreachable), outcome(mx2, What::lost)}) == "451 4.4.2");
  CHECK(code(strict, {outcome(mx1, What::unreachable), at(mx2, never)}) == "451 4.4.1");
  CHECK(code(strict, {outcome(mx1, What::unreachable), outcome(mx2, What::unreachable)}) == "451 4.4.1");
}

TEST_CASE("only when each host itself said so is the verdict permanent", "[SMTP-17][Q-4]") {
  const auto plan = plan_of(sts::Mode::none);
  const auto last = at(mx2, says(mx2, Stage::ehlo, {550, "5.7.0", "nor do we"}));
  CHECK(
      conclude(plan, std::vector{never, last}) ==
      smtp::Reply{550, "5.7.0",
                  "no host of example.com takes this message: mx2.example.com: it said at EHLO: 550 5.7.0 nor do we"});
  CHECK(code(plan, {never}) == "451 4.4.1");  // the second was not asked
  const auto with_gone = decide(facts({host(mx1), host(mx2, 20, Addresses::none)}));
  CHECK(code(with_gone, {never}) == "554 5.7.1");
  const auto with_failed = decide(facts({host(mx1), host(mx2, 20, Addresses::failed)}));
  CHECK(code(with_failed, {never}) == "451 4.4.3");
  const auto with_self = decide(facts({host(mx1), self("relay.example", 20)}));
  CHECK(code(with_self, {never}) == "554 5.7.1");
  const auto outside = decide(facts({host(mx1), host("mx2.example.net", 20)}, sts::Mode::enforce, {mx1}));
  CHECK(code(outside, {never}) == "451 4.7.0");
}

TEST_CASE("a 5xx to MAIL passes as it came whatever happened before", "[SMTP-17][SMTP-43][Q-1]") {
  const auto blocked = says(mx2, Stage::mail, {550, "5.7.1", "blocked by our list"});
  const auto strict = plan_of(sts::Mode::enforce);
  for (const auto& before : {outcome(mx1, What::not_admitted), outcome(mx1, What::unreachable), busy, later}) {
    CHECK(conclude(strict, std::vector{before, blocked}) == smtp::Reply{550, "5.7.1", "blocked by our list"});
  }
}

TEST_CASE("a 4xx to MAIL is the reply as it came", "[SMTP-43]") {
  const auto plan = plan_of(sts::Mode::none);
  CHECK(conclude(plan, std::vector{outcome(mx1, What::unreachable), at(mx2, later)}) ==
        smtp::Reply{450, "4.7.1", "greylisted"});
  CHECK_THAT(text(plan, {busy, outcome(mx2, What::unreachable, "connection refused")}),
             StartsWith("no host of example.com takes this message now: ") &&
                 Contains("mx1.example.com: it said at greeting: 421 4.3.2 busy") &&
                 Contains("mx2.example.com: connection refused"));
}

TEST_CASE("hosts outside the policy alone are 4.7.0 and each is named", "[STS-35][STS-37][M-1]") {
  const auto plan = plan_of(sts::Mode::enforce, {"none.such.test"});
  const auto reply = conclude(plan, {});
  CHECK(reply.code == 451);
  CHECK(reply.enhanced == "4.7.0");
  CHECK(reply.text ==
        "example.com demands verified TLS (MTA-STS enforce, policy 20260101): "
        "mx1.example.com: its name is not in the MTA-STS policy 20260101; "
        "mx2.example.com: its name is not in the MTA-STS policy 20260101");
  const auto one = decide(facts({host("mx9.example.net", 5), host(mx1)}, sts::Mode::enforce, {mx1}));
  CHECK(code(one, {outcome(mx1, What::unreachable)}) == "451 4.4.1");
  CHECK_THAT(text(one, {outcome(mx1, What::unreachable)}),
             StartsWith("example.com demands verified TLS") && Contains("mx9.example.net: its name is not in the"));
}

TEST_CASE("hosts without addresses are refused where every answer is definite", "[SMTP-14][N-2]") {
  const auto gone = host(mx1, 10, Addresses::none, "no such host");
  CHECK(conclude(decide(facts({gone, host("127.0.0.1", 20, Addresses::none, "no such host")})), {}) ==
        smtp::Reply{554, "5.4.4",
                    "example.com has no usable mail host: mx1.example.com: no such host; 127.0.0.1: no such host"});
  CHECK(code(decide(facts({gone, host(mx2, 20, Addresses::failed, "SERVFAIL")})), {}) == "451 4.4.3");
  CHECK(code(decide(facts({gone, host(mx2, 20, Addresses::forbidden)})), {}) == "554 5.4.4");
  const auto unmatched = decide(facts({gone, host("mx2.example.net", 20)}, sts::Mode::enforce, {mx1}));
  CHECK(code(unmatched, {}) == "451 4.7.0");
}

TEST_CASE("mail that would come back here is refused unless another reason is temporary", "[SMTP-12][STS-57]") {
  const auto loop = decide(facts({self("relay.example", 10), host(mx1, 20)}));
  CHECK(code(loop, {}) == "554 5.4.6");
  CHECK_THAT(text(loop, {}), StartsWith("example.com: mail for it would come back here: relay.example: "));
  CHECK(code(decide(facts({host(mx1, 5, Addresses::none), self("relay.example", 10)})), {}) == "554 5.4.6");
  CHECK(code(decide(facts({host(mx1, 5, Addresses::failed), self("relay.example", 10)})), {}) == "451 4.4.3");
  const auto ruled_out =
      decide(facts({host(mx1, 5), self("relay.example", 10), host(mx2, 20)}, sts::Mode::enforce, {mx2}));
  CHECK(code(ruled_out, {}) == "451 4.7.0");
  const auto better = decide(facts({host(mx1, 5), self("relay.example", 10)}));
  CHECK(code(better, {outcome(mx1, What::unreachable)}) == "451 4.4.1");
}

TEST_CASE("a refusal of the plan is the verdict", "[SMTP-15]") {
  auto null_mx = facts({});
  null_mx.mx_set = Facts::MxSet::null_mx;
  CHECK(code(decide(null_mx), {}) == "556 5.1.10");
}

TEST_CASE("a floor is named as the one who demands", "[STS-37]") {
  auto floor = facts({host(mx1)});
  floor.floor = {.encrypted = true};
  const std::vector<HostOutcome> stripped{outcome(mx1, What::no_starttls, "STARTTLS is not offered")};
  CHECK(text(decide(floor), stripped) ==
        "example.com demands TLS (delivery security of this relay): mx1.example.com: STARTTLS is not offered");
  floor.route.security = Security::verify;
  floor.route.configured_at = "relay.toml:31";
  CHECK_THAT(text(decide(floor), stripped),
             StartsWith("example.com demands verified TLS (configuration relay.toml:31; delivery security"));
}

TEST_CASE("where nothing is demanded no demand is named whatever failed", "[STS-37]") {
  // TLS from the start can fail where nobody asked for proof.
  auto hop = facts({host(mx1)});
  hop.route.implicit_tls = true;
  const std::vector<HostOutcome> failed{outcome(mx1, What::handshake_failed, "TLS handshake failed")};
  CHECK(code(decide(hop), failed) == "451 4.7.5");
  CHECK(text(decide(hop), failed) ==
        "no host of example.com takes this message now: mx1.example.com: TLS handshake failed");
}

TEST_CASE("a talkative host does not hide the others", "[STS-37][STS-50]") {
  auto four = facts({host(mx1), host(mx2, 20), host("mx3.example.com", 30), host("mx4.example.com", 40)},
                    sts::Mode::enforce, {"*.example.com"});
  four.domain = "example.com";
  std::vector<HostOutcome> outcomes;
  for (const auto& one : four.hosts)
    outcomes.push_back(outcome(one.name, What::not_admitted, std::string(300, 'x') + "\x1b"));
  const auto reply = conclude(decide(four), outcomes);
  CHECK(reply.text.size() <= reply::text_limit);
  for (const auto& one : four.hosts) CHECK_THAT(reply.text, Contains(one.name + ": x"));
  for (const char c : reply.text) CHECK((c >= 0x20 && c < 0x7f));
}
