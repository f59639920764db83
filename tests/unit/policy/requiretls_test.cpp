// REQUIRETLS and TLS-Required: No (RFC 8689): what ties a host to the domain, what it must prove, and when the message
// is refused for good.
#include <catch2/catch.hpp>
#include <optional>

#include "tests/unit/policy/facts_builder.hpp"

using namespace policy;
using namespace policy::test;
using Names = std::vector<std::string>;
using Reason = LeftOut::Reason;
using What = HostOutcome::What;
using sts::Mode;

namespace {

const std::string mx1 = "mx1.example.com", mx2 = "mx2.example.com";
constexpr Requirement requiretls{.encrypted = true, .requiretls = true, .verified = true};

Facts asking(std::vector<HostFacts> hosts) {
  auto result = facts(std::move(hosts));
  result.message.requiretls = true;
  result.mx_secure = true;
  return result;
}

std::string code(const Plan& plan, const std::vector<HostOutcome>& outcomes) {
  const auto reply = conclude(plan, outcomes);
  return std::to_string(reply.code) + ' ' + reply.enhanced;
}

}  // namespace

TEST_CASE("a message with REQUIRETLS goes only to hosts that are tied to the domain", "[RTLS-03][DANE-13]") {
  struct {
    const char* what;
    bool secure;
    std::optional<Mode> mode;
    bool configured, exempt, tied;
  } const cases[] = {
      {"neither", false, {}, false, false, false},
      {"a secure MX record", true, {}, false, false, true},
      {"an enforced policy", false, Mode::enforce, false, false, true},
      {"both", true, Mode::enforce, false, false, true},
      {"a policy in mode testing", false, Mode::testing, false, false, false},
      {"a policy in mode none", false, Mode::none, false, false, false},
      {"an enforced policy that is not applied", false, Mode::enforce, false, true, false},
      {"a configured host", false, {}, true, false, true},
  };
  for (const auto& [what, secure, mode, configured, exempt, tied] : cases) {
    CAPTURE(what);
    auto all = asking({host(mx1)});
    all.mx_secure = secure;
    if (mode) all.sts = published(*mode, {mx1});
    if (configured) {
      all.mx_set = Facts::MxSet::configured;
      all.route.host = mx1;
    }
    all.route.exempt = exempt;
    const auto plan = decide(all);
    CHECK(plan.attempts.size() == (tied ? 1 : 0));
    if (!tied) {
      REQUIRE(plan.left_out.size() == 1);
      CHECK(plan.left_out[0].reason == Reason::not_tied);
      CHECK(code(plan, {}) == "550 5.7.30");
    }
  }
}

TEST_CASE("REQUIRETLS adds to what else is demanded and takes nothing away", "[RTLS-02]") {
  auto all = asking({host(mx1)});
  auto plan = decide(all);
  CHECK(plan.need == requiretls);
  CHECK(plan.attempts[0].demand.need == requiretls);
  CHECK(plan.attempts[0].without_requiretls.nothing());
  CHECK(plan.demanded_by == "REQUIRETLS of the message");
  all.sts = published(Mode::enforce, {mx1});
  plan = decide(all);
  CHECK(plan.need == join(requiretls, {.pkix = true}));
  CHECK(plan.demanded_by == "MTA-STS enforce, policy 20260101; REQUIRETLS of the message");
  CHECK(plan.attempts[0].without_requiretls == Requirement{.encrypted = true, .pkix = true});
  all.sts.policy.mx = {mx2};
  CHECK(decide(all).left_out[0].reason == Reason::not_in_policy);
}

TEST_CASE("TLS-Required: No takes away what is published and nothing else", "[RTLS-06][RTLS-09]") {
  auto all = facts({host(mx1), host("mx9.example.net", 20)}, Mode::enforce, {mx1});
  all.message.tls_required_no = true;
  auto plan = decide(all);
  CHECK(names(plan.attempts) == Names{mx1, "mx9.example.net"});
  CHECK(plan.need.nothing());
  CHECK(plan.message.tls_required_no);  // it stands in the plan
  CHECK(plan.sts.state == StsFacts::State::no_policy);
  all.sts.state = StsFacts::State::lookup_failed;
  CHECK_FALSE(decide(all).refusal);
  all.floor = {.encrypted = true};
  all.route.security = Security::verify;
  CHECK(decide(all).need == Requirement{.encrypted = true, .pkix = true});
  all.memory = {{.encrypted = true, .dane = true}, "2026-10-01", true};  // so does what the administrator insists on
  CHECK(decide(all).need.dane);
  all = facts({host(mx1)}, Mode::enforce, {mx2});
  all.message = {.requiretls = true, .tls_required_no = true};  // beside REQUIRETLS it is void
  plan = decide(all);
  CHECK(plan.attempts.empty());
  CHECK_FALSE(plan.message.tls_required_no);
}

TEST_CASE("which failures under REQUIRETLS are for good", "[RTLS-04][STS-37]") {
  const auto lacks = outcome(mx1, What::no_requiretls), bad = outcome(mx1, What::not_admitted),
             stripped = outcome(mx1, What::no_starttls), broken = outcome(mx1, What::handshake_failed),
             gone = outcome(mx1, What::unreachable), lost = outcome(mx1, What::lost);
  const auto never = says(mx1, smtp::Stage::greeting, {554, "5.7.1", "no"});
  const auto later = says(mx1, smtp::Stage::mail, {450, "4.7.1", "greylisted"});
  struct {
    const char* what;
    HostOutcome outcome;
    const char *alone, *beside_enforce;
  } const cases[] = {
      {"does not offer it", lacks, "550 5.7.30", "550 5.7.30"},
      {"offers no STARTTLS", stripped, "550 5.7.10", "451 4.7.4"},
      {"the handshake fails", broken, "550 5.7.10", "451 4.7.5"},
      {"is not verified", bad, "550 5.7.10", "451 4.7.5"},
      {"is not reached", gone, "451 4.4.1", "451 4.4.1"},
      {"is lost", lost, "451 4.4.2", "451 4.4.2"},
      {"says 4xx", later, "450 4.7.1", "450 4.7.1"},
      {"says 5xx", never, "554 5.7.1", "554 5.7.1"},
      {"is remembered not to offer it", remembered(lacks), "451 4.7.0", "451 4.7.0"},
      {"is remembered not to be verified", remembered(bad), "451 4.7.5", "451 4.7.5"},
  };
  auto all = asking({host(mx1)});
  const auto alone = decide(all);
  all.sts = published(Mode::enforce, {mx1});
  const auto beside_enforce = decide(all);
  for (const auto& [what, outcome, code_alone, code_beside] : cases) {
    CAPTURE(what);
    CHECK(code(alone, {outcome}) == code_alone);
    CHECK(code(beside_enforce, {outcome}) == code_beside);
  }
}

TEST_CASE("REQUIRETLS refuses for good only when every host fails for good", "[RTLS-04]") {
  auto all = asking({host(mx1), host(mx2, 20)});
  const auto plan = decide(all);
  const auto lacks = outcome(mx1, What::no_requiretls);
  const auto at2 = [](HostOutcome one) {
    one.host = mx2;
    return one;
  };
  CHECK(code(plan, {lacks, at2(lacks)}) == "550 5.7.30");
  CHECK(code(plan, {outcome(mx1, What::not_admitted), outcome(mx2, What::no_starttls)}) == "550 5.7.10");
  CHECK(code(plan, {outcome(mx1, What::not_admitted), at2(lacks)}) == "550 5.7.30");
  CHECK(code(plan, {lacks, says(mx2, smtp::Stage::greeting, {554, "5.7.1", "no"})}) == "550 5.7.30");
  CHECK(code(plan, {lacks, outcome(mx2, What::unreachable)}) == "451 4.7.0");
  CHECK(code(plan, {lacks, at2(remembered(lacks))}) == "451 4.7.0");
  CHECK(code(plan, {lacks}) == "451 4.7.0");  // the other one was not asked
  CHECK(conclude(plan, std::vector{lacks, at2(lacks)}).text ==
        "the message demands REQUIRETLS, and no host of example.com qualifies: mx1.example.com: words; "
        "mx2.example.com: words");
  all.hosts[1].dane = {.state = DaneFacts::State::failed, .association = nullptr, .words = "SERVFAIL"};
  CHECK(code(decide(all), {lacks}) == "451 4.7.0");
  all.hosts[1] = host(mx2, 20, HostFacts::Addresses::none, "no such host");
  CHECK(code(decide(all), {lacks}) == "550 5.7.30");
}

TEST_CASE("a policy that could not be learnt does not make REQUIRETLS fail for good", "[RTLS-04][STS-37]") {
  auto all = asking({host(mx1)});
  all.mx_secure = false;
  CHECK(code(decide(all), {}) == "550 5.7.30");
  all.sts.error = "the policy host answered 503";
  const auto reply = conclude(decide(all), {});
  CHECK(reply.code == 451);
  CHECK(reply.enhanced == "4.7.0");
  CHECK_THAT(reply.text,
             Catch::StartsWith("example.com demands verified TLS and REQUIRETLS (REQUIRETLS of the message"));
}

TEST_CASE("what is remembered demands only where the administrator insists", "[SMTP-56]") {
  auto all = facts({host(mx1)});
  all.memory = {{.encrypted = true, .pkix = true}, "2026-10-01", false};
  CHECK(decide(all).need.nothing());
  CHECK(decide(all).memory == all.memory);
  all.memory.insists = true;
  CHECK(decide(all).need == all.memory.proven);
  CHECK(decide(all).demanded_by == "proven since 2026-10-01, which this relay remembers");
  const std::vector<HostOutcome> stripped{outcome(mx1, What::no_starttls, "STARTTLS is not offered")};
  CHECK(conclude(decide(all), stripped) ==
        smtp::Reply{451, "4.7.4",
                    "example.com demands verified TLS (proven since 2026-10-01, which this relay remembers): "
                    "mx1.example.com: STARTTLS is not offered"});
  all.route.exempt = true;
  CHECK(decide(all).need.nothing());
}
