// SCRAM-SHA-256 with real cryptography, against the vector of RFC 7677.
#include "proxy/outbound/scram_crypto.hpp"

#include <catch2/catch.hpp>

#include "protocol/base/base64.hpp"
#include "protocol/smtp/authenticate.hpp"
#include "tests/support/replay.hpp"

using base::base64;

namespace {

const std::string nonce = "rOprNGfwEbeRWgbNEkqO";
const std::string first = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const std::string challenge = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const std::string proof =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const std::string verifier = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

}  // namespace

TEST_CASE("SCRAM-SHA-256 has the vector of RFC 7677 section 3", "[SMTP-32]") {
  smtp::ScramClient client("user", "pencil", nonce, proxy::scram_crypto());
  CHECK(client.first() == first);
  const auto answer = client.answer(challenge);
  REQUIRE(answer.has_value());
  CHECK(*answer == proof);
  CHECK(client.fault_of(verifier).empty());
  auto wrong = verifier;
  wrong[2] = '7';
  CHECK_FALSE(client.fault_of(wrong).empty());

  smtp::ScramClient other("user", "pencils", nonce, proxy::scram_crypto());
  const auto other_answer = other.answer(challenge);
  REQUIRE(other_answer.has_value());
  CHECK(*other_answer != proof);
  CHECK_FALSE(other.fault_of(verifier).empty());
}

TEST_CASE("AUTH speaks the vector of RFC 7677", "[SMTP-32]") {
  const replay::Script script = {{"AUTH SCRAM-SHA-256 " + base64(first) + "\r\n", "334 " + base64(challenge) + "\r\n"},
                                 {base64(proof) + "\r\n", "334 " + base64(verifier) + "\r\n"},
                                 {"\r\n", "235 2.7.0 welcome\r\n"}};
  const auto outcome = replay::run(script, [](smtp::InputBuffer& input) {
    return smtp::Authenticate("PLAIN SCRAM-SHA-256", {"user", "pencil", {}, nonce, proxy::scram_crypto()}, input);
  });
  REQUIRE_FALSE(outcome.failed);
  CHECK(outcome.value.mechanism == smtp::SaslMechanism::scram_sha_256);
}

TEST_CASE("the cryptography of SCRAM has known answers", "[SMTP-32]") {
  const auto crypto = proxy::scram_crypto();
  CHECK(base64(crypto.sha256("abc")) == "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
  // RFC 4231 section 4.3
  CHECK(base64(crypto.hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=");
  CHECK(crypto.hmac_sha256("", "").size() == 32);
  CHECK(crypto.sha256("").size() == 32);
  CHECK(crypto.pbkdf2_sha256("p", "s", 4096).size() == 32);
}

TEST_CASE("what is kept of PBKDF2 is what would be computed and of nothing else", "[SMTP-32]") {
  const auto crypto = proxy::scram_crypto();
  const auto one = crypto.pbkdf2_sha256("pencil", "salt", 4096);
  for (int i = 0; i < 40; ++i) {
    CHECK(crypto.pbkdf2_sha256("pencil", "salt", 4096) == one);
    CHECK(crypto.pbkdf2_sha256("pencil" + std::to_string(i), "salt", 4096) != one);
    CHECK(crypto.pbkdf2_sha256("pencil", "salt" + std::to_string(i), 4096) != one);
    CHECK(crypto.pbkdf2_sha256("pencil", "salt", 4097) != one);
  }
  CHECK(crypto.pbkdf2_sha256("pencil1", "salt", 4096) == crypto.pbkdf2_sha256("pencil1", "salt", 4096));
}

TEST_CASE("every client nonce is another", "[SMTP-32]") {
  const auto one = proxy::scram_nonce(), other = proxy::scram_nonce();
  CHECK(one.size() == 32);
  CHECK(one != other);
  CHECK(one.find(',') == std::string::npos);
}
