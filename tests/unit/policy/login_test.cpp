// A password goes to a host that is proven over strong TLS and to no other: the whole space.
#include "policy/login.hpp"

#include <catch2/catch.hpp>

TEST_CASE("a password goes to a host that is proven over strong TLS and to no other", "[SMTP-32][A-2]") {
  using policy::Check;
  int yes = 0;
  for (const auto pkix : {Check::not_tried, Check::passed, Check::failed}) {
    for (const auto dane : {Check::not_tried, Check::passed, Check::failed}) {
      for (unsigned bits = 0; bits < 8; ++bits) {
        policy::Proof proof;
        proof.encrypted = (bits & 1) != 0;
        proof.strong = (bits & 2) != 0;
        proof.resumed = (bits & 4) != 0;
        proof.pkix = pkix;
        proof.dane = dane;
        const bool expected = bits == 3 && (pkix == Check::passed || dane == Check::passed);
        CHECK(policy::may_authenticate(proof) == expected);
        yes += expected ? 1 : 0;
      }
    }
  }
  CHECK(yes == 5);
}
