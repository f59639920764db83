// What must hold of every plan and of every proof that is admitted, said a second time and in another way than the code
// says it. Used over the whole finite space (*_space_test.cpp) and over random facts (tests/fuzz/plan_fuzz.cpp). Each
// function returns what is broken, or nullptr. Of verdicts: verdict_invariants.hpp.
#pragma once

#include <algorithm>

#include "policy/decision.hpp"

namespace policy::test {

/// The two ways down: the administrator's exemption, and the message's own word (which REQUIRETLS makes void).
inline bool given_up(const Facts& facts) {
  return facts.route.exempt || (facts.message.tls_required_no && !facts.message.requiretls);
}

/// STS-32, STS-56: whether what was published as MTA-STS counts.
inline bool published_counts(const Facts& facts) {
  if (facts.is_literal || given_up(facts)) return false;
  if (facts.mx_set == Facts::MxSet::configured) return facts.route.security == Security::published;
  return true;
}

inline bool under_mode(const Facts& facts, sts::Mode mode) {
  return published_counts(facts) && facts.sts.state == StsFacts::State::policy && facts.sts.policy.mode == mode;
}
inline bool under_enforce(const Facts& facts) {
  return under_mode(facts, sts::Mode::enforce);
}

/// The state of the host's TLSA records as far as it counts (DANE-16, DANE-17).
inline DaneFacts::State tlsa_that_counts(const Facts& facts, const HostFacts& host) {
  return facts.is_literal || given_up(facts) ? DaneFacts::State::not_applicable : host.dane.state;
}

inline bool covers(const Requirement& strong, const Requirement& weak) {
  return strong.encrypted >= weak.encrypted && strong.pkix >= weak.pkix && strong.dane >= weak.dane &&
         strong.requiretls >= weak.requiretls && strong.verified >= weak.verified;
}

/// What the administrator demands: nothing takes that away, but for the memory of an exempt domain.
inline Requirement administrators(const Facts& facts) {
  auto least = join(requirement_of(facts.route.security), facts.floor);
  if (facts.memory.insists && !facts.route.exempt) least = join(least, facts.memory.proven);
  return least;
}

/// RTLS-03: a configured host, a secure MX record, or an enforced policy (those outside it are left out for that).
inline bool is_tied(const Facts& facts) {
  return facts.mx_set == Facts::MxSet::configured || facts.mx_secure || under_enforce(facts);
}

inline const char* fault_of_refusal(const Facts& facts, const smtp::Reply& refusal) {
  using MxSet = Facts::MxSet;
  const bool definite = facts.mx_set == MxSet::null_mx || facts.mx_set == MxSet::nonexistent || facts.hosts.empty();
  const bool no_record = published_counts(facts) && facts.sts.state == StsFacts::State::lookup_failed;
  if (facts.mx_set == MxSet::failed && refusal.kind() != 4) return "a failed MX lookup refuses for good";
  if (refusal.kind() == 5 && !definite) return "refused for good without a definite reason";
  if (no_record && refusal.kind() == 5 && facts.mx_set != MxSet::null_mx && facts.mx_set != MxSet::nonexistent)
    return "an unknown policy refuses for good";
  if (!no_record && !definite && facts.mx_set != MxSet::failed) return "refused although there are hosts to try";
  return nullptr;
}

/// Whether the attempt demands what each source demands, and not more.
inline const char* fault_of_need(const Facts& facts, const HostFacts& host, const Attempt& attempt) {
  using Tlsa = DaneFacts::State;
  const auto tlsa = tlsa_that_counts(facts, host);
  const auto& need = attempt.demand.need;
  auto without = administrators(facts);
  if (under_enforce(facts)) without.encrypted = without.pkix = true;
  if (tlsa == Tlsa::usable) without.encrypted = without.dane = true;
  if (tlsa == Tlsa::unusable) without.encrypted = true;
  if (attempt.without_requiretls != without) return "not the join of policy, records and floors";
  if (!facts.message.requiretls && need != without) return "another demand than policy, records and floors make";
  if (facts.message.requiretls && need != join(without, {.encrypted = true, .requiretls = true, .verified = true}))
    return "REQUIRETLS adds TLS, verification and REQUIRETLS";
  if (attempt.demand.association != (tlsa == Tlsa::usable ? host.dane.association : nullptr))
    return "other TLSA records than the host's usable ones";
  if (attempt.dane_mandatory != (tlsa == Tlsa::usable || tlsa == Tlsa::unusable)) return "dane_mandatory is wrong";
  return nullptr;
}

inline const char* fault_of_attempt(const Facts& facts, const Plan& plan, const HostFacts& host,
                                    const Attempt& attempt) {
  if (const auto* fault = fault_of_need(facts, host, attempt)) return fault;
  if (!covers(attempt.demand.need, plan.need)) return "an attempt demands less than the plan";
  if (attempt.demand.port != facts.route.port || attempt.implicit_tls != facts.route.implicit_tls)
    return "another port or kind of TLS than the route's";
  if (attempt.demand.anchors != facts.anchors) return "other trust anchors than those in force";
  if (host.state != HostFacts::Addresses::found || attempt.addresses != host.addresses || host.addresses.empty())
    return "an address that was not found";
  for (const auto& other : facts.hosts) {
    if (other.is_self && other.preference <= host.preference) return "a loop: not preferred to the relay itself";
  }
  if (under_enforce(facts) && !sts::allows(facts.sts.policy, host.name)) return "a host outside an enforced policy";
  if (tlsa_that_counts(facts, host) == DaneFacts::State::failed) return "a host whose TLSA lookup failed";
  if (facts.message.requiretls && !is_tied(facts)) return "REQUIRETLS to a host that nothing ties to the domain";
  const bool testing = under_mode(facts, sts::Mode::testing);
  if (attempt.if_enforced.has_value() != testing) return "testing is not reported, or without testing";
  if (attempt.outside_policy != (testing && !sts::allows(facts.sts.policy, host.name)))
    return "outside_policy is wrong";
  const bool proves = attempt.demand.need.pkix || attempt.demand.need.dane || attempt.demand.need.verified;
  const bool vouched = under_enforce(facts) || facts.mx_secure || !facts.route.host.empty();
  if (plan.destination_verified(attempt) != (proves && vouched)) return "a destination is called verified that is not";
  return nullptr;
}

inline const char* fault_of_left_out(const Facts& facts, const HostFacts& host, const LeftOut& out) {
  using Reason = LeftOut::Reason;
  if (out.words.empty()) return "left out without words";
  switch (out.reason) {
    case Reason::not_in_policy:
      return under_enforce(facts) && !sts::allows(facts.sts.policy, host.name) ? nullptr : "not_in_policy is not so";
    case Reason::own_name: return host.is_self ? nullptr : "own_name is not so";
    case Reason::behind_own_name:
      return std::any_of(facts.hosts.begin(), facts.hosts.end(),
                         [&](const auto& own) { return own.is_self && own.preference <= host.preference; })
                 ? nullptr
                 : "behind_own_name is not so";
    case Reason::no_address: return host.addresses.empty() ? nullptr : "no_address is not so";
    case Reason::address_failed:
      return host.state == HostFacts::Addresses::failed ? nullptr : "address_failed is not so";
    case Reason::not_tied: return facts.message.requiretls && !is_tied(facts) ? nullptr : "not_tied is not so";
    case Reason::tlsa_failed:
      return tlsa_that_counts(facts, host) == DaneFacts::State::failed ? nullptr : "tlsa_failed is not so";
    case Reason::address_forbidden: break;
  }
  return host.state == HostFacts::Addresses::forbidden ? nullptr : "address_forbidden is not so";
}

/// The plan shows what it was made of, above all where something published does not count.
inline const char* fault_of_what_it_says(const Facts& facts, const Plan& plan) {
  if (plan.route.exempt != facts.route.exempt || plan.route.reason != facts.route.reason)
    return "the exemption does not stand in the plan";
  if (plan.message.tls_required_no != (facts.message.tls_required_no && !facts.message.requiretls))
    return "TLS-Required: No does not stand in the plan as it counts";
  if (plan.message.requiretls != facts.message.requiretls) return "REQUIRETLS does not stand in the plan";
  if (plan.memory != facts.memory || plan.mx_secure != facts.mx_secure) return "the plan was made of something else";
  if (!published_counts(facts) && plan.sts.state != StsFacts::State::no_policy)
    return "a policy that does not count stands in the plan";
  if (published_counts(facts) && (plan.sts.state != facts.sts.state || plan.sts.id != facts.sts.id))
    return "the policy that counts does not stand in the plan";
  if (plan.enforced() != under_enforce(facts)) return "enforced() is wrong";
  if (plan.need.nothing() != plan.demanded_by.empty())
    return "a demand without its author, or an author without demand";
  return nullptr;
}

inline const char* fault_of(const Facts& facts, const Plan& plan) {
  auto least = administrators(facts);
  if (under_enforce(facts)) least = join(least, {.encrypted = true, .pkix = true});
  if (facts.message.requiretls) least = join(least, {.encrypted = true, .requiretls = true, .verified = true});
  if (plan.need != least) return "the need is not the join of what is demanded";
  if (const auto* fault = fault_of_what_it_says(facts, plan)) return fault;
  if (plan.refusal) {
    if (!plan.attempts.empty() || !plan.left_out.empty()) return "a refusal beside hosts";
    return fault_of_refusal(facts, *plan.refusal);
  }
  if (published_counts(facts) && facts.sts.state == StsFacts::State::lookup_failed)
    return "delivery although the policy is unknown";
  std::size_t tried = 0, out = 0;
  for (const auto& host : facts.hosts) {
    const bool is_tried = tried < plan.attempts.size() && plan.attempts[tried].demand.host == host.name;
    const char* fault = nullptr;
    if (is_tried) {
      fault = fault_of_attempt(facts, plan, host, plan.attempts[tried++]);
    } else if (out < plan.left_out.size() && plan.left_out[out].host == host.name) {
      fault = fault_of_left_out(facts, host, plan.left_out[out++]);
    } else {
      fault = "a host is neither tried nor left out, or out of order";
    }
    if (fault != nullptr) return fault;
  }
  if (tried != plan.attempts.size() || out != plan.left_out.size()) return "a host from nowhere";
  return nullptr;
}

// ---- of proofs

/// A certificate that was checked now, by the anchors that count, and has not run out.
inline bool shows_certificate(const Proof& proof, std::uint64_t anchors, std::chrono::system_clock::time_point now) {
  return proof.encrypted && proof.strong && !proof.resumed && proof.pkix == Check::passed && proof.anchors == anchors &&
         now < proof.not_after;
}

/// A match of these very records.
inline bool shows_match(const Proof& proof, const dane::Association* records) {
  return proof.encrypted && proof.strong && !proof.resumed && proof.dane == Check::passed && records != nullptr &&
         proof.association != nullptr && *proof.association == *records;
}

/// Whether a proof meets a demand: admit has to say the same.
inline bool is_enough(const Proof& proof, const Demand& demand, std::chrono::system_clock::time_point now) {
  const auto& need = demand.need;
  const bool certificate = shows_certificate(proof, demand.anchors, now);
  const bool match = shows_match(proof, demand.association.get());
  return proof.host == demand.host && proof.port == demand.port &&
         (need.nothing() || (proof.encrypted && proof.strong)) && (!need.pkix || certificate) &&
         (!need.dane || match) && (!need.verified || certificate || match) &&
         (!need.requiretls || proof.offers_requiretls);
}

/// Of a proof that was admitted for an attempt.
inline const char* fault_of(const Facts& facts, const HostFacts& host, const Attempt& attempt, const Proof& proof,
                            std::chrono::system_clock::time_point now) {
  if (!is_enough(proof, attempt.demand, now)) return "a proof that is not enough";
  const bool certificate = shows_certificate(proof, facts.anchors, now);
  const bool match = shows_match(proof, host.dane.association.get());
  if (under_enforce(facts) && !certificate) return "enforce without a certificate";
  const auto tlsa = tlsa_that_counts(facts, host);
  if (tlsa == DaneFacts::State::usable && !match) return "usable TLSA records without a match";
  if (tlsa == DaneFacts::State::unusable && !proof.encrypted) return "plaintext beside unusable TLSA records";
  if (facts.message.requiretls && !((certificate || match) && proof.offers_requiretls))
    return "REQUIRETLS to a host that is not verified or does not offer it";
  if (administrators(facts).pkix && !certificate) return "below the administrator's floor";
  return nullptr;
}

}  // namespace policy::test
