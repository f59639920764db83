// Requirements: a join is never weaker than either side.
#include "policy/requirement.hpp"

#include <catch2/catch.hpp>

#include "policy/backoff.hpp"
#include "policy/proof.hpp"

using namespace policy;

namespace {

Requirement numbered(unsigned bits) {
  return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0, (bits & 16) != 0};
}

}  // namespace

TEST_CASE("a join demands what either side demands and nothing else") {
  for (unsigned a = 0; a < 32; ++a) {
    for (unsigned b = 0; b < 32; ++b) {
      CHECK(join(numbered(a), numbered(b)) == numbered(a | b));
    }
    CHECK(numbered(a).nothing() == (a == 0));
  }
}

TEST_CASE("requirements and proofs in one word") {
  CHECK(words(Requirement{}) == "none");
  CHECK(words(requirement_of(Security::may)) == "none");
  CHECK(words(requirement_of(Security::published)) == "none");
  CHECK(words(requirement_of(Security::encrypt)) == "encrypted");
  CHECK(words(requirement_of(Security::verify)) == "pkix");
  CHECK(words(Requirement{.encrypted = true, .dane = true}) == "dane");
  CHECK(words(Requirement{.encrypted = true, .pkix = true, .dane = true}) == "pkix+dane");
  CHECK(words(Requirement{.encrypted = true, .requiretls = true}) == "encrypted+requiretls");
  CHECK(words(Requirement{.encrypted = true, .requiretls = true, .verified = true}) == "verified+requiretls");
  CHECK(words(Requirement{.encrypted = true, .dane = true, .requiretls = true, .verified = true}) == "dane+requiretls");
  Proof proof;
  CHECK(words(proof) == "none");
  proof.encrypted = true;
  CHECK(words(proof) == "encrypted");
  proof.pkix = Check::passed;
  CHECK(words(proof) == "encrypted");  // with the weak context nothing is proven
  proof.strong = true;
  CHECK(words(proof) == "pkix");
  proof.resumed = true;
  CHECK(words(proof) == "encrypted");
}

TEST_CASE("a host that fails is left alone for longer each time and at most a minute", "[SMTP-67]") {
  using std::chrono::milliseconds;
  const unsigned seconds[] = {5, 10, 20, 40, 60, 60, 60};
  for (unsigned failures = 1; failures <= 7; ++failures) {
    const milliseconds middle(seconds[failures - 1] * 1000);
    CHECK(block_time(failures, 0.5) == middle);
    CHECK(block_time(failures, 0.0) == middle * 3 / 4);
    CHECK(block_time(failures, 0.999999) <= milliseconds(60000));
    CHECK(block_time(failures, 0.999999) >= middle);
  }
  CHECK(block_time(4000000000u, 0.5) == milliseconds(60000));
}
