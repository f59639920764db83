// What a delivery says of itself: the delivery record, and what a policy in mode testing would have refused.
#include "policy/explain.hpp"
#include "proxy/outbound/delivery.hpp"

namespace proxy {

void Delivery::settle(smtp::Reply verdict) {
  record(verdict, verdict.text);
  verdict_ = std::move(verdict);
}

void Delivery::lost(const smtp::Failure& failure) {
  settle(policy::after_failure(attempt_->demand.host, failure));
}

// STS-38: what enforce would have refused is said, and changes nothing.
void Delivery::report_testing(const policy::Attempt& attempt, const policy::Proof& proof,
                              const std::string& refusal) const {
  if (!attempt.if_enforced) return;
  auto enforced = attempt.demand;
  enforced.need = policy::join(enforced.need, *attempt.if_enforced);
  auto admitted = policy::admit(proof, enforced, std::chrono::system_clock::now());
  const auto* failure = std::get_if<policy::NotAdmitted>(&admitted);
  if (failure == nullptr && !attempt.outside_policy) return;
  std::string words;
  if (attempt.outside_policy) words = "its name is not in the policy";
  if (failure != nullptr) {
    if (!words.empty()) words += "; ";
    words += refusal.empty() ? failure->words : refusal;
  }
  metrics::all.outbound.testing_failures.add();
  log::Event(log::Level::warn, "policy_testing")
      .add("id", message_->id)
      .add("domain", target_.domain)
      .add("mx", attempt.demand.host)
      .add("policy", "testing")
      .add("policy_id", plan_.sts.id)
      .add("reason", words);
}

void Delivery::count(metrics::Result result, const policy::Proof& proof) const {
  using metrics::PolicyMode;
  using metrics::ProofKind;
  using policy::sts::Mode;
  auto mode = PolicyMode::none;
  if (plan_.sts.state == policy::StsFacts::State::policy) {
    if (plan_.sts.policy.mode == Mode::testing) mode = PolicyMode::testing;
    if (plan_.sts.policy.mode == Mode::enforce) mode = PolicyMode::enforce;
  }
  metrics::all.outbound.messages[mode][result].add();
  if (result != metrics::Result::delivered) return;
  const auto shown = words(proof);
  auto kind = ProofKind::none;
  for (const auto one : {ProofKind::encrypted, ProofKind::pkix, ProofKind::dane}) {
    if (shown == metrics::word(one)) kind = one;
  }
  metrics::all.outbound.deliveries[kind].add();
}

// One line for an attempt that ends a recipient group: the contract's delivery record.
void Delivery::record(const smtp::Reply& verdict, const std::string& reason) {
  if (!recorded_ && verdict.positive() && connection_)
    observe(policy::memory::level_of(connection_->proof(), std::chrono::system_clock::now()),
            metrics::Weaker::delivered);
  if (recorded_) return;
  recorded_ = true;
  const auto& sts = plan_.sts;
  const bool has_policy = sts.state == policy::StsFacts::State::policy;
  const policy::Proof none;
  const auto& proof = connection_ ? connection_->proof() : none;
  auto result = metrics::Result::refused;
  if (verdict.kind() == 2) result = metrics::Result::delivered;
  if (verdict.kind() == 4) result = metrics::Result::deferred;
  count(result, proof);
  if (!log::enabled(log::Level::info)) return;
  log::Event event(verdict.kind() == 2 ? log::Level::info : log::Level::warn, "delivery");
  event.add("id", message_->id)
      .add("domain", target_.domain)
      .add("mx", attempt_ ? attempt_->demand.host : std::string())
      .add("address", connection_ ? connection_->bucket().address : std::string())
      .add("tls", proof.tls)
      .add("cipher", proof.cipher)
      .add("proof", words(proof))
      .add("need", words(attempt_ != nullptr ? attempt_->demand.need : plan_.strongest()))
      .add("memory", words(plan_.memory.proven))
      .add("policy", has_policy ? policy::sts::words(sts.policy.mode) : std::string_view("none"))
      .add("policy_id", sts.id)
      .add("result", metrics::word(result))
      .add("code", verdict.code)
      .add("enhanced", verdict.enhanced)
      // DANE-20: a host behind an insecure MX record is proven to be itself, not to be the domain's.
      .add("destination", attempt_ != nullptr && plan_.destination_verified(*attempt_) ? "verified" : "unverified")
      .add("recipients", static_cast<std::int64_t>(envelope_.recipients.size()))
      .add("client", message_->client)
      .add("reason", reason);
  if (plan_.route.exempt) event.add("exempt", plan_.route.reason + " (" + plan_.route.configured_at + ')');
}

}  // namespace proxy
