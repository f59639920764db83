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

using Records = std::shared_ptr<const dane::Association>;

Records association(std::string data) {
  return std::make_shared<const dane::Association>(
      dane::Association{"mx1.example.com", {}, {{3, 1, 1, std::move(data)}}});
}

Proof matched() {
  auto proof = proven();
  proof.association = association("a");
  proof.dane = Check::passed;
  return proof;
}

Demand demand(Requirement need, Records records = nullptr) {
  return {"mx1.example.com", 25, need, 7, std::move(records)};
}

constexpr Requirement nothing, encrypted{.encrypted = true}, pkix{.encrypted = true, .pkix = true},
    dane_need{.encrypted = true, .dane = true};

std::optional<Reason> refused(const Proof& proof, Requirement need, Records records = nullptr) {
  auto result = admit(proof, demand(need, std::move(records)), now);
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

TEST_CASE("dane is the match of the records that are in force and no other", "[DANE-09][STS-49]") {
  const auto records = association("a"), again = association("a"), others = association("b");
  const auto none = std::shared_ptr<const dane::Association>();
  struct {
    const char* what;
    std::shared_ptr<const dane::Association> demanded, checked;
    Check dane;
    std::optional<Reason> reason;
  } const cases[] = {
      {"a match of the same records", records, records, Check::passed, std::nullopt},
      {"the same records read again", records, again, Check::passed, std::nullopt},
      {"a match of other records", records, others, Check::passed, Reason::stale},
      {"never checked against records", records, none, Check::not_tried, Reason::stale},
      {"passed, but against nothing", records, none, Check::passed, Reason::stale},
      {"no match", records, records, Check::failed, Reason::dane},
      {"not tried", records, records, Check::not_tried, Reason::dane},
      {"no match of other records: dial anew", records, others, Check::failed, Reason::stale},
      {"demanded, and there are no records", none, none, Check::not_tried, Reason::dane},
      {"demanded without records is met by no match", none, records, Check::passed, Reason::dane},
  };
  for (const auto& [what, demanded, checked, result, reason] : cases) {
    CAPTURE(what);
    auto proof = proven();
    proof.association = checked;
    proof.dane = result;
    CHECK(refused(proof, dane_need, demanded) == reason);
    proof.pkix = Check::failed;  // certificate or not: DANE asks for the match
    CHECK(refused(proof, dane_need, demanded) == reason);
    CHECK(refused(proof, join(dane_need, pkix), demanded) == Reason::certificate);
  }
}

TEST_CASE("a match of TLSA records does not replace the certificate that a policy demands", "[STS-45]") {
  auto proof = matched();
  CHECK_FALSE(refused(proof, join(dane_need, pkix), association("a")));
  proof.pkix = Check::failed;
  proof.fault_words = "certificate is self-signed";
  CHECK(refused(proof, join(dane_need, pkix), association("a")) == Reason::certificate);
  CHECK(refused(proof, pkix, association("a")) == Reason::certificate);
}

TEST_CASE("nothing replaces the match where TLSA records are usable", "[STS-44][DANE-09]") {
  auto proof = matched();
  proof.dane = Check::failed;
  proof.dane_words = "no TLSA record matches its key";
  auto result = admit(proof, demand(join(dane_need, pkix), association("a")), now);
  CHECK(std::get<NotAdmitted>(result).reason == Reason::dane);
  CHECK(std::get<NotAdmitted>(result).words == "no TLSA record matches its key");
}

TEST_CASE("a host is verified by its certificate or by its TLSA records", "[RTLS-02]") {
  constexpr Requirement verified{.encrypted = true, .requiretls = true, .verified = true};
  const auto records = association("a");
  auto proof = proven();
  CHECK(refused(proof, verified) == Reason::no_requiretls);
  proof.offers_requiretls = true;
  CHECK_FALSE(refused(proof, verified));
  CHECK_FALSE(refused(proof, verified, records));  // no match, but a certificate
  proof.pkix = Check::failed;
  CHECK(refused(proof, verified) == Reason::certificate);
  CHECK(refused(proof, verified, records) == Reason::certificate);
  proof.association = records;
  proof.dane = Check::passed;
  CHECK(refused(proof, verified) == Reason::certificate);  // records that are not in force verify nobody
  CHECK_FALSE(refused(proof, verified, records));
  proof.anchors = 6;  // TLSA records need no trust anchor
  CHECK_FALSE(refused(proof, verified, records));
  proof.resumed = true;
  CHECK(refused(proof, verified, records) == Reason::certificate);
  proof.resumed = proof.encrypted = false;
  CHECK(refused(proof, verified, records) == Reason::not_encrypted);
}

TEST_CASE("no proof outlives its handshake or what it was checked against", "[STS-49]") {
  // A resumed handshake shows neither certificate nor key: whatever the fields say, nothing was compared now.
  auto proof = matched();
  proof.resumed = true;
  CHECK(refused(proof, pkix) == Reason::certificate);
  CHECK(refused(proof, dane_need, association("a")) == Reason::dane);
  CHECK_FALSE(refused(proof, encrypted));
  proof.resumed = false;
  proof.anchors = 6;
  CHECK(refused(proof, pkix) == Reason::stale);
  CHECK_FALSE(refused(proof, dane_need, association("a")));
}

TEST_CASE("a match of usage 2 counts as long as its chain is in date and one of usage 3 whatever the date",
          "[DANE-08][DANE-07]") {
  constexpr Requirement verified{.encrypted = true, .verified = true};
  const auto records = association("a");
  auto proof = matched();
  proof.pkix = Check::failed;
  proof.not_after = now - std::chrono::hours(1);
  CHECK_FALSE(refused(proof, dane_need, records));  // usage 3
  proof.dane_not_after = now + std::chrono::seconds(1);
  CHECK_FALSE(refused(proof, dane_need, records));
  CHECK_FALSE(refused(proof, verified, records));
  proof.dane_not_after = now;
  CHECK(refused(proof, dane_need, records) == Reason::stale);
  CHECK(refused(proof, verified, records) == Reason::certificate);
  proof.pkix = Check::passed;  // what the host shows to others is another matter
  proof.not_after = now + std::chrono::hours(1);
  CHECK(refused(proof, dane_need, records) == Reason::stale);
  CHECK_FALSE(refused(proof, verified, records));
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
