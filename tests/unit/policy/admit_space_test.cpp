// The gate over its whole finite space: each proof against each demand, exactly; and which demand lets through what.
// The decision's space (decision_space_test.cpp) is joined to it by the number of each attempt's demand.
#include <catch2/catch.hpp>

#include "tests/unit/policy/admitted_sets.hpp"

using namespace policy;
using namespace policy::test;

TEST_CASE("nothing is admitted that proves less than is demanded and nothing is refused that proves it",
          "[STS-36][STS-49][SMTP-56][RTLS-02][DANE-09]") {
  const auto& proofs = admitted_sets().proofs;
  CHECK(proofs.size() == 6912);
  std::size_t judged = 0, admitted = 0, broken = 0;
  for (std::size_t number = 0; number < demands; ++number) {
    const auto demand = demand_at(number);
    for (const auto& proof : proofs) {
      ++judged;
      const auto result = admit(proof, demand, space_time);
      const auto* refused = std::get_if<NotAdmitted>(&result);
      admitted += refused == nullptr;
      const bool right = (refused == nullptr) == is_enough(proof, demand, space_time);
      const bool said = refused == nullptr || !refused->words.empty();
      if ((!right || !said) && ++broken < 10)
        FAIL_CHECK((refused != nullptr ? "refused: " + refused->words : "admitted") << " for demand " << number);
    }
  }
  INFO(judged << " judgements, " << admitted << " of them let the message pass");
  CHECK(broken == 0);
  CHECK(judged == judgements);
  CHECK(admitted > 0);
}

TEST_CASE("a demand that grows lets no proof pass that it did not let pass before", "[STS-32]") {
  const auto& sets = admitted_sets();
  std::size_t pairs = 0, broken = 0;
  for (std::size_t weaker = 0; weaker < demands; ++weaker) {
    for (std::size_t stronger = 0; stronger < demands; ++stronger) {
      const bool same_records = weaker / 32 == stronger / 32;
      if (!same_records || !covers(need_at(stronger % 32), need_at(weaker % 32))) continue;
      ++pairs;
      if (!sets.within[stronger][weaker] && ++broken < 10) FAIL_CHECK(stronger << " lets more pass than " << weaker);
    }
  }
  CHECK(broken == 0);
  CHECK(pairs == 2 * 243);  // three ways for each of five parts of a need: in neither, in the stronger, in both
}

TEST_CASE("what a demand lets pass has shown what was demanded", "[STS-35][STS-45][DANE-06][DANE-09][RTLS-02]") {
  const auto& sets = admitted_sets();
  for (std::size_t number = 0; number < demands; ++number) {
    CAPTURE(number);
    const auto need = need_at(number % 32);
    const auto& shown = sets.shown[number];
    if (!need.nothing()) CHECK(shown.tls);
    if (need.pkix) CHECK(shown.certificate);
    if (need.dane) CHECK((shown.match && (number >= 32 || shown.nobody)));
    if (need.verified) CHECK(shown.certificate_or_match);
    if (need.verified && number < 32) CHECK(shown.certificate);
    if (need.requiretls) CHECK(shown.requiretls);
    // Each part can be met, or nobody could ever be served.
    CHECK(shown.nobody == (need.dane && number < 32));
  }
}
