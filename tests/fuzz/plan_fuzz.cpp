// Facts, outcomes and proofs made of the input: the invariants of plans and verdicts hold for any number of hosts in
// any state, and the same facts give the same plan.
// covers: STS-32 STS-35 STS-37 STS-44 STS-45 STS-57 SMTP-12 SMTP-17 DANE-04 DANE-06 RTLS-03 RTLS-04
#include <array>
#include <cstdint>
#include <string>

#include "policy/explain.hpp"
#include "tests/fuzz/must.hpp"
#include "tests/unit/policy/plan_invariants.hpp"
#include "tests/unit/policy/verdict_invariants.hpp"

using namespace policy;

namespace {

/// Small choices, one octet each; zeros when the input is used up.
class Choices {
 public:
  Choices(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  unsigned below(unsigned bound) { return size_ == 0 ? 0 : (--size_, *data_++) % bound; }
  bool yes() { return below(2) == 1; }
  template <class E>
  E one(unsigned count) {
    return static_cast<E>(below(count));
  }
  /// Up to 40 octets as they come.
  std::string text() {
    std::string result;
    for (unsigned left = below(40); left > 0 && size_ > 0; --left) result += static_cast<char>(below(256));
    return result;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

Requirement requirement(Choices& choices) {
  return {choices.yes(), choices.yes(), choices.yes(), choices.yes(), choices.yes()};
}

/// One of a few record sets, or none; equal ones are different objects.
std::shared_ptr<const dane::Association> records(Choices& choices) {
  const auto which = choices.below(4);
  if (which == 0) return nullptr;
  dane::Association one{"h1.example.com", {}, {{3, 1, 1, std::string(32, static_cast<char>('a' + which))}}};
  return std::make_shared<const dane::Association>(std::move(one));
}

DaneFacts dane_from(Choices& choices) {
  DaneFacts dane;
  dane.state = choices.one<DaneFacts::State>(4);
  if (dane.state == DaneFacts::State::usable) dane.association = records(choices);
  dane.words = choices.text();
  return dane;
}

Facts facts_from(Choices& choices) {
  Facts facts;
  facts.domain = "example.com";
  facts.is_literal = choices.below(8) == 1;
  facts.route.security = choices.one<Security>(4);
  facts.route.exempt = choices.below(4) == 1;
  facts.route.implicit_tls = choices.yes();
  facts.route.configured_at = choices.yes() ? "relay.toml:31" : "";
  if (choices.yes()) facts.floor = requirement(choices);
  facts.message = {.requiretls = choices.below(4) == 1, .tls_required_no = choices.below(4) == 1};
  if (choices.yes()) facts.memory = {requirement(choices), "2026-10-01", choices.yes()};
  facts.mx_secure = choices.yes();
  facts.mx_set = choices.one<Facts::MxSet>(6);
  facts.mx_words = choices.text();
  facts.anchors = choices.below(3);
  facts.sts.state = choices.one<StsFacts::State>(3);
  facts.sts.source = choices.one<StsFacts::Source>(5);
  facts.sts.id = "20260101";
  facts.sts.error = choices.text();
  facts.sts.policy.mode = choices.one<sts::Mode>(3);
  constexpr std::array patterns{"*.example.com", "h1.example.com", "h2.example.com", "*.test"};
  for (unsigned n = choices.below(4); n > 0; --n) facts.sts.policy.mx.emplace_back(patterns[choices.below(4)]);
  unsigned preference = 0;
  for (unsigned n = choices.below(6); n > 0; --n) {
    HostFacts host;
    host.name = "h" + std::to_string(n) + (choices.yes() ? ".example.com" : ".example.net");
    preference += choices.below(3);
    host.preference = static_cast<std::uint16_t>(preference);
    host.state = choices.one<HostFacts::Addresses>(4);
    if (host.state == HostFacts::Addresses::found && choices.below(8) != 1) host.addresses = {"192.0.2.1"};
    host.words = choices.text();
    host.is_self = choices.below(6) == 1;
    if (choices.yes()) host.dane = dane_from(choices);
    facts.hosts.push_back(host);
  }
  return facts;
}

Proof proof_from(Choices& choices, const Demand& demand) {
  Proof proof;
  proof.host = choices.below(8) == 1 ? "other.example.com" : demand.host;
  proof.port = choices.below(8) == 1 ? static_cast<std::uint16_t>(465) : demand.port;
  proof.encrypted = choices.yes();
  proof.strong = choices.yes();
  proof.resumed = choices.yes();
  proof.pkix = choices.one<Check>(3);
  proof.dane = choices.one<Check>(3);
  proof.anchors = choices.below(3);
  proof.not_after = std::chrono::system_clock::time_point(std::chrono::seconds(choices.below(3)));
  proof.offers_requiretls = choices.yes();
  proof.association = choices.yes() ? demand.association : records(choices);
  return proof;
}

HostOutcome outcome_from(Choices& choices, const std::string& host, bool requiretls) {
  smtp::Failure failure;
  failure.cause = choices.one<smtp::Cause>(8);
  failure.stage = choices.one<smtp::Stage>(8);
  failure.reply.code = static_cast<int>(choices.below(2) * 100 + 400 + choices.below(100));
  failure.reply.enhanced = choices.yes() ? "4.7.1" : choices.text();
  failure.reply.text = choices.text();
  failure.text = choices.text();
  auto outcome = outcome_of(host, failure);
  const auto other = choices.below(14);
  if (other < 12) outcome.what = static_cast<HostOutcome::What>(other);
  if (outcome.what == HostOutcome::What::blocked) outcome.remembered = choices.one<HostOutcome::What>(12);
  // A host is asked for REQUIRETLS only by a message that demands it.
  if (!requiretls && outcome.what == HostOutcome::What::no_requiretls) outcome.what = HostOutcome::What::lost;
  if (!requiretls && outcome.remembered == HostOutcome::What::no_requiretls)
    outcome.remembered = HostOutcome::What::lost;
  return outcome;
}

void check(const char* fault) {
  if (fault != nullptr) std::fprintf(stderr, "%s\n", fault);
  MUST(fault == nullptr);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choices choices(data, size);
  const auto facts = facts_from(choices);
  const auto plan = decide(facts);
  check(test::fault_of(facts, plan));

  const std::chrono::system_clock::time_point now{std::chrono::seconds(1)};
  std::vector<HostOutcome> outcomes;
  for (const auto& attempt : plan.attempts) {
    const auto proof = proof_from(choices, attempt.demand);
    const auto admitted = admit(proof, attempt.demand, now);
    const auto host = std::find_if(facts.hosts.begin(), facts.hosts.end(),
                                   [&](const auto& one) { return one.name == attempt.demand.host; });
    MUST(std::holds_alternative<Permit>(admitted) == test::is_enough(proof, attempt.demand, now));
    if (std::holds_alternative<Permit>(admitted)) check(test::fault_of(facts, *host, attempt, proof, now));
    if (choices.below(8) == 1) break;  // the client's time is over
    outcomes.push_back(outcome_from(choices, attempt.demand.host, plan.message.requiretls));
    if (!next_host_may_be_tried(outcomes.back())) break;
  }
  const auto reply = conclude(plan, outcomes);
  check(test::fault_of(plan, outcomes, reply));
  MUST(conclude(decide(facts), outcomes) == reply);
  MUST(!policy_stands_in_the_way(plan, outcomes) || plan.enforced());
  MUST(sentence(plan).starts_with("Mail for example.com "));
  MUST(!policy_line(plan, now).empty());
  return 0;
}
