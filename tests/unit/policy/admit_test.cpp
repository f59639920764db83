// The gate: what a proof must show for each demand, and that a Permit is spent once.
#include "policy/admit.hpp"

#include <catch2/catch.hpp>
#include <optional>
#include <type_traits>

using namespace policy;
using Reason = NotAdmitted::Reason;

namespace {

const std::chrono::system_clock::time_point now{std::chrono::seconds(1'800'000'000)};

Proof proven() {
  Proof proof;
  proof.host = "mx1.example.com";
  proof.port = 25;
  proof.encrypted = proof.strong = true;
  proof.pkix = Check::passed;
  proof.anchors = 7;
  proof.not_after = now + std::chrono::hours(24);
  return proof;
}

Demand demand(Requirement need) {
  return {"mx1.example.com", 25, need, 7, nullptr};
}

constexpr Requirement nothing, encrypted{.encrypted = true}, pkix{.encrypted = true, .pkix = true};

std::optional<Reason> refused(const Proof& proof, Requirement need) {
  auto result = admit(proof, demand(need), now);
  if (std::holds_alternative<Permit>(result)) return std::nullopt;
  CHECK_FALSE(std::get<NotAdmitted>(result).words.empty());
  return std::get<NotAdmitted>(result).reason;
}

}  // namespace

TEST_CASE("a full proof is admitted for every demand", "[STS-36]") {
  for (const auto need : {nothing, encrypted, pkix}) CHECK_FALSE(refused(proven(), need));
}

TEST_CASE("each lack of a proof is judged by what is demanded", "[STS-36][STS-40][STS-42][SMTP-56][X-2]") {
  const auto none = std::optional<Reason>();
  struct {
    const char* what;
    void (*spoil)(Proof&);
    std::optional<Reason> for_nothing, for_encrypted, for_pkix;
  } const cases[] = {
      {"plaintext", [](Proof& p) { p.encrypted = p.strong = false; }, none, Reason::not_encrypted,
       Reason::not_encrypted},
      {"weak TLS", [](Proof& p) { p.strong = false; }, none, Reason::weak_tls, Reason::weak_tls},
      {"bad certificate",
       [](Proof& p) {
         p.pkix = Check::failed;
         p.fault_words = "certificate expired 2026-10-01";
       },
       none, none, Reason::certificate},
      {"certificate not checked", [](Proof& p) { p.pkix = Check::not_tried; }, none, none, Reason::certificate},
      {"resumed", [](Proof& p) { p.resumed = true; }, none, none, Reason::certificate},
      {"other anchors", [](Proof& p) { p.anchors = 6; }, none, none, Reason::stale},
      {"other anchors and failed",
       [](Proof& p) {
         p.anchors = 6;
         p.pkix = Check::failed;
       },
       none, none, Reason::stale},
      {"ran out this moment", [](Proof& p) { p.not_after = now; }, none, none, Reason::stale},
      {"no expiry known", [](Proof& p) { p.not_after = {}; }, none, none, Reason::stale},
      {"other host", [](Proof& p) { p.host = "mx2.example.com"; }, Reason::other_host, Reason::other_host,
       Reason::other_host},
      {"other port", [](Proof& p) { p.port = 465; }, Reason::other_host, Reason::other_host, Reason::other_host},
  };
  for (const auto& [what, spoil, for_nothing, for_encrypted, for_pkix] : cases) {
    CAPTURE(what);
    auto proof = proven();
    spoil(proof);
    CHECK(refused(proof, nothing) == for_nothing);
    CHECK(refused(proof, encrypted) == for_encrypted);
    CHECK(refused(proof, pkix) == for_pkix);
    CHECK(refused(proof, {.pkix = true}) == for_pkix);
  }
}

TEST_CASE("the words of a refusal are those of the certificate", "[STS-37]") {
  auto proof = proven();
  proof.pkix = Check::failed;
  proof.fault_words = "certificate expired 2026-10-01";
  auto result = admit(proof, demand(pkix), now);
  CHECK(std::get<NotAdmitted>(result).words == "certificate expired 2026-10-01");
}

TEST_CASE("dane and requiretls are demands of their own") {
  auto proof = proven();
  CHECK(refused(proof, {.dane = true}) == Reason::dane);
  CHECK(refused(proof, {.requiretls = true}) == Reason::no_requiretls);
  proof.dane = Check::failed;
  CHECK(refused(proof, {.dane = true}) == Reason::dane);
  proof.dane = Check::passed;
  proof.offers_requiretls = true;
  CHECK_FALSE(refused(proof, {.dane = true}));
  CHECK_FALSE(refused(proof, {.encrypted = true, .pkix = true, .dane = true, .requiretls = true}));
  proof.pkix = Check::failed;
  CHECK_FALSE(refused(proof, {.dane = true}));
  CHECK(refused(proof, {.pkix = true, .dane = true}) == Reason::certificate);
}

TEST_CASE("no proof outlives its handshake or the trust anchors it was checked against", "[STS-49]") {
  // A resumed handshake shows neither certificate nor key: whatever the fields say, nothing was compared now.
  auto proof = proven();
  proof.dane = Check::passed;
  proof.resumed = true;
  CHECK(refused(proof, pkix) == Reason::certificate);
  CHECK(refused(proof, {.dane = true}) == Reason::dane);
  CHECK_FALSE(refused(proof, encrypted));
  proof.resumed = false;
  proof.anchors = 6;
  CHECK(refused(proof, pkix) == Reason::stale);
  CHECK_FALSE(refused(proof, {.dane = true}));  // TLSA records need no trust anchor
}

TEST_CASE("a permit is spent once and cannot be had otherwise") {
  static_assert(!std::is_default_constructible_v<Permit>);
  static_assert(!std::is_copy_constructible_v<Permit>);
  static_assert(!std::is_copy_assignable_v<Permit> && !std::is_move_assignable_v<Permit>);
  auto result = admit(proven(), demand(pkix), now);
  auto& permit = std::get<Permit>(result);
  Permit moved(std::move(permit));
  CHECK_FALSE(permit.spend());
  CHECK(moved.spend());
  CHECK_FALSE(moved.spend());
}
