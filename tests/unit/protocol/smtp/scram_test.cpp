// What a SCRAM client refuses. The cryptography is a fake: scram_crypto_test.cpp has the vector of RFC 7677.
#include "protocol/smtp/scram.hpp"

#include <catch2/catch.hpp>

#include "protocol/base/base64.hpp"
#include "tests/unit/protocol/smtp/scram_fake.hpp"

using smtp::ScramClient;

namespace {

ScramClient client(std::string user = "user") {
  return {std::move(user), "pencil", "abc", scram_fake::crypto};
}

std::string fault(std::string_view server_first) {
  auto one = client();
  const auto answer = one.answer(server_first);
  return answer ? "" : answer.error().what;
}

}  // namespace

TEST_CASE("the first message of SCRAM escapes the name", "[SMTP-32]") {
  CHECK(client().first() == "n,,n=user,r=abc");
  CHECK(client("a=b,c").first() == "n,,n=a=3Db=2Cc,r=abc");
}

TEST_CASE("a challenge of SCRAM is answered with a proof", "[SMTP-32]") {
  auto one = client();
  const auto answer = one.answer("r=abcdef,s=c2FsdA==,i=4096");
  REQUIRE(answer.has_value());
  CHECK(*answer == "c=biws,r=abcdef,p=" + base::base64(std::string(32, '\0')));
  CHECK(one.fault_of("v=" + base::base64(std::string(32, 'k'))) == "");
  CHECK(one.fault_of("v=" + base::base64(std::string(32, 'k')) + ",x=later") == "");
  CHECK(fault("r=abcdef,s=c2FsdA==,i=4096,x=unknown") == "");
  CHECK(fault("r=abcdef,s=c2FsdA==,i=1000000") == "");
}

TEST_CASE("an odd challenge of SCRAM is refused", "[SMTP-32]") {
  constexpr std::pair<const char*, const char*> cases[] = {
      {"", "malformed"},
      {"m=ext,r=abcdef,s=c2FsdA==,i=4096", "extension"},
      {"r=abcdef", "malformed"},
      {"r=abcdef,s=c2FsdA==", "malformed"},
      {"s=c2FsdA==,r=abcdef,i=4096", "malformed"},
      {"r=abcdef,i=4096,s=c2FsdA==", "malformed"},
      {"R=abcdef,s=c2FsdA==,i=4096", "malformed"},
      {"r=abc,s=c2FsdA==,i=4096", "nonce"},
      {"r=,s=c2FsdA==,i=4096", "nonce"},
      {"r=xabcdef,s=c2FsdA==,i=4096", "nonce"},
      {"r=abx,s=c2FsdA==,i=4096", "nonce"},
      {"r=abc d,s=c2FsdA==,i=4096", "printable"},
      {"r=abc\xc3\xa4,s=c2FsdA==,i=4096", "printable"},
      {"r=abcdef,s=,i=4096", "salt"},
      {"r=abcdef,s=c2FsdA,i=4096", "salt"},
      {"r=abcdef,s=c2FsdA==,i=", "malformed"},
      {"r=abcdef,s=c2FsdA==,i=04096", "malformed"},
      {"r=abcdef,s=c2FsdA==,i=+4096", "malformed"},
      {"r=abcdef,s=c2FsdA==,i=-1", "malformed"},
      {"r=abcdef,s=c2FsdA==,i=4096 ", "malformed"},
      {"r=abcdef,s=c2FsdA==,i=9999999999999999999", "malformed"},
      {"r=abcdef,s=c2FsdA==,i=0", "malformed"},
      {"r=abcdef,s=c2FsdA==,i=1", "iteration count 1"},
      {"r=abcdef,s=c2FsdA==,i=4095", "iteration count 4095"},
      {"r=abcdef,s=c2FsdA==,i=1000001", "iteration count 1000001"},
  };
  for (const auto& [challenge, words] : cases) {
    CAPTURE(challenge);
    CHECK_THAT(fault(challenge), Catch::Contains(words));
  }
  CHECK_THAT(fault("r=abcdef,s=" + base::base64(std::string(1025, 's')) + ",i=4096"), Catch::Contains("salt"));
  CHECK(fault("r=abcdef,s=" + base::base64(std::string(1024, 's')) + ",i=4096") == "");
}

TEST_CASE("a server that does not prove itself is refused", "[SMTP-32]") {
  const auto right = "v=" + base::base64(std::string(32, 'k'));
  CHECK_THAT(client().fault_of(right), Catch::Contains("signature is wrong"));  // before any challenge
  auto one = client();
  REQUIRE(one.answer("r=abcdef,s=c2FsdA==,i=4096").has_value());
  for (const auto& wrong : {"v=" + base::base64(std::string(32, 'j')), "v=" + base::base64(std::string(31, 'k')),
                            "v=" + base::base64(std::string(33, 'k')), std::string("v="), std::string("v=!")})
    CHECK_THAT(one.fault_of(wrong), Catch::Contains("signature is wrong"));
  for (const auto* odd : {"", "v", "x=1", "V=abc"}) CHECK_THAT(one.fault_of(odd), Catch::Contains("malformed"));
  CHECK(one.fault_of("e=invalid-proof") == "it says invalid-proof");
  CHECK(one.fault_of("e=" + std::string(41, 'x')) == "it reports an error");
  CHECK(one.fault_of("e=a\nb") == "it reports an error");
  CHECK(one.fault_of(right) == "");
}

TEST_CASE("cryptography that fails makes no proof", "[SMTP-32]") {
  auto crypto = scram_fake::crypto;
  CHECK_FALSE(ScramClient("user", "pencil", "", crypto).answer("r=abcdef,s=c2FsdA==,i=4096").has_value());
  crypto.pbkdf2_sha256 = [](std::string_view, std::string_view, unsigned) { return std::string(); };
  ScramClient one("user", "pencil", "abc", crypto);
  CHECK_FALSE(one.answer("r=abcdef,s=c2FsdA==,i=4096").has_value());
  CHECK_THAT(one.fault_of("v="), Catch::Contains("signature is wrong"));
}
