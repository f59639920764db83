// For each demand the set of proofs that the gate lets pass, made once by asking the gate: what all of them have shown,
// and which set lies within which. So the plans of the whole space are compared by what they let pass, not by words.
#pragma once

#include <array>
#include <bitset>
#include <memory>

#include "policy/admit.hpp"
#include "tests/unit/policy/decision_space.hpp"
#include "tests/unit/policy/plan_invariants.hpp"

namespace policy::test {

struct AdmittedSets {
  /// What every proof that passes has shown.
  struct Shown {
    bool tls = true, certificate = true, match = true, certificate_or_match = true, requiretls = true;
    bool nobody = true;  ///< none passes
  };
  std::vector<Proof> proofs;
  std::array<std::bitset<6912>, demands> passes{};
  std::array<Shown, demands> shown{};
  std::array<std::array<bool, demands>, demands> within{};  ///< [a][b]: whatever a lets pass, b lets pass
  /// [a][b]: what a lets pass and b does not has matched the records: REQUIRETLS is met by DANE as well
  std::array<std::array<bool, demands>, demands> beyond_by_match{};
};

inline const AdmittedSets& admitted_sets() {
  static const auto made = [] {
    auto result = std::make_unique<AdmittedSets>();
    auto& sets = *result;
    sets.proofs = all_proofs();
    std::bitset<6912> matched;
    for (std::size_t n = 0; n < sets.proofs.size(); ++n) matched[n] = shows_match(sets.proofs[n], records().get());
    for (std::size_t number = 0; number < demands; ++number) {
      const auto demand = demand_at(number);
      auto& shown = sets.shown[number];
      for (std::size_t n = 0; n < sets.proofs.size(); ++n) {
        const auto& proof = sets.proofs[n];
        if (!std::holds_alternative<Permit>(admit(proof, demand, space_time))) continue;
        sets.passes[number][n] = true;
        const bool certificate = shows_certificate(proof, demand.anchors, space_time);
        shown.nobody = false;
        shown.tls = shown.tls && proof.encrypted && proof.strong;
        shown.certificate = shown.certificate && certificate;
        shown.match = shown.match && matched[n];
        shown.certificate_or_match = shown.certificate_or_match && (certificate || matched[n]);
        shown.requiretls = shown.requiretls && proof.offers_requiretls;
      }
    }
    for (std::size_t a = 0; a < demands; ++a) {
      for (std::size_t b = 0; b < demands; ++b) {
        const auto beyond = sets.passes[a] & ~sets.passes[b];
        sets.within[a][b] = beyond.none();
        sets.beyond_by_match[a][b] = (beyond & ~matched).none();
      }
    }
    return result;
  }();
  return *made;
}

}  // namespace policy::test
