// Public keys that the configuration pins for a next hop: demanded whatever anybody publishes or a message says.
#include <catch2/catch.hpp>

#include "policy/decision.hpp"

using namespace policy;

namespace {

const std::string key(32, 'k'), other_key(32, 'o');

Facts configured() {
  Facts facts;
  facts.domain = "corp.test";
  facts.mx_set = Facts::MxSet::configured;
  facts.route.host = "a.test";
  facts.route.further_hosts = {"b.test"};
  facts.route.pinned_keys = {key};
  facts.route.security = Security::encrypt;
  facts.route.configured_at = "relay.toml:3";
  facts.hosts.push_back({.name = "a.test", .addresses = {"192.0.2.1"}});
  facts.hosts.push_back({.name = "b.test", .preference = 1, .addresses = {"192.0.2.2"}});
  return facts;
}

Proof proof_of(const Attempt& attempt) {
  Proof proof;
  proof.host = attempt.demand.host;
  proof.port = attempt.demand.port;
  proof.encrypted = proof.strong = true;
  return proof;
}

bool admitted(const Proof& proof, const Attempt& attempt) {
  return std::holds_alternative<Permit>(admit(proof, attempt.demand, std::chrono::system_clock::now()));
}

}  // namespace

TEST_CASE("a pinned key is demanded of every configured host", "[SMTP-34]") {
  auto facts = configured();
  // None of these takes it away.
  facts.message.tls_required_no = GENERATE(true, false);
  facts.route.exempt = GENERATE(true, false);
  facts.hosts[0].dane.state = GENERATE(DaneFacts::State::not_applicable, DaneFacts::State::unusable);
  const auto plan = decide(facts);
  REQUIRE(plan.attempts.size() == 2);
  CHECK(plan.demanded_by.find("relay.toml:3") != std::string::npos);
  for (const auto& attempt : plan.attempts) {
    CHECK(attempt.demand.need.encrypted);
    CHECK(attempt.demand.need.dane);
    REQUIRE(attempt.demand.association);
    CHECK(*attempt.demand.association == dane::pinned(attempt.demand.host, facts.route.pinned_keys));
  }
}

TEST_CASE("only a match of the key in force admits", "[SMTP-34]") {
  const auto facts = configured();
  const auto attempt = decide(facts).attempts[0];
  auto proof = proof_of(attempt);
  CHECK_FALSE(admitted(proof, attempt));
  proof.pkix = Check::passed;  // a good certificate is another matter
  proof.not_after = std::chrono::system_clock::now() + std::chrono::hours(1);
  CHECK_FALSE(admitted(proof, attempt));
  proof.association = attempt.demand.association;
  proof.dane = Check::failed;
  CHECK_FALSE(admitted(proof, attempt));
  proof.dane = Check::passed;
  CHECK(admitted(proof, attempt));
  const std::vector<std::string> others{other_key};
  proof.association = std::make_shared<const dane::Association>(dane::pinned("a.test", others));
  CHECK_FALSE(admitted(proof, attempt));
}
