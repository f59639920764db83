// AUTH toward a next hop: each mechanism whole, broken at every step, and against hosts that cheat.
#include "protocol/smtp/authenticate.hpp"

#include <catch2/catch.hpp>

#include "protocol/base/base64.hpp"
#include "tests/support/replay.hpp"
#include "tests/unit/protocol/smtp/scram_fake.hpp"

using base::base64;
using replay::Fault;
using replay::Script;
using smtp::Authenticate;
using smtp::Cause;
using smtp::SaslMechanism;
using smtp::Stage;

namespace {

const std::string password = "s3cr3t pencil";
const std::string plain = base64(std::string("\0user\0", 6) + password);
const std::string welcome = "235 2.7.0 welcome\r\n";

auto make(std::string offered, std::string with = password, std::string user = "user",
          std::vector<SaslMechanism> allowed = {}) {
  return [=](smtp::InputBuffer& input) {
    return Authenticate(offered, {user, with, allowed, "abc", scram_fake::crypto}, input);
  };
}

const std::string scram_first = "AUTH SCRAM-SHA-256 " + base64("n,,n=user,r=abc") + "\r\n";
const std::string scram_challenge = "334 " + base64("r=abcdef,s=c2FsdA==,i=4096") + "\r\n";
const std::string scram_answer = base64("c=biws,r=abcdef,p=" + base64(std::string(32, '\0'))) + "\r\n";
const std::string scram_proof = "334 " + base64("v=" + base64(std::string(32, 'k'))) + "\r\n";

struct Dialogue {
  SaslMechanism mechanism;
  const char* offered;
  Script script;
};
const Dialogue dialogues[] = {
    {SaslMechanism::plain, "PLAIN", {{"AUTH PLAIN " + plain + "\r\n", welcome}}},
    {SaslMechanism::login,
     "LOGIN",
     {{"AUTH LOGIN\r\n", "334 VXNlcm5hbWU6\r\n"},
      {base64("user") + "\r\n", "334 UGFzc3dvcmQ6\r\n"},
      {base64(password) + "\r\n", welcome}}},
    {SaslMechanism::scram_sha_256,
     "SCRAM-SHA-256",
     {{scram_first, scram_challenge}, {scram_answer, scram_proof}, {"\r\n", welcome}}},
};

template <class T>
void shows_no_secret(const replay::Outcome<T>& outcome) {
  const auto all = outcome.failure.text + outcome.failure.reply.text + outcome.value.reply.text;
  CHECK(all.find(password) == std::string::npos);
  CHECK(all.find(base64(password)) == std::string::npos);
  CHECK(all.find(plain) == std::string::npos);
}

smtp::Failure failure(const Script& script, std::string offered) {
  const auto outcome = replay::run(script, make(std::move(offered)));
  REQUIRE(outcome.failed);
  CHECK_FALSE(outcome.left_over);
  CHECK(outcome.failure.stage == Stage::auth);
  CHECK_FALSE(outcome.failure.text.empty());
  shows_no_secret(outcome);
  return outcome.failure;
}

}  // namespace

TEST_CASE("each mechanism whole and broken at every step", "[SMTP-32][SMTP-38][SMTP-45]") {
  for (const auto& [mechanism, offered, script] : dialogues) {
    replay::break_at_every_step(script, make(offered),
                                [mechanism = mechanism](Fault fault, std::size_t, const auto& outcome) {
                                  shows_no_secret(outcome);
                                  if (outcome.failed) {
                                    CHECK(outcome.failure.stage == Stage::auth);
                                    CHECK_FALSE(outcome.failure.text.empty());
                                  }
                                  switch (fault) {
                                    case Fault::none:
                                      REQUIRE_FALSE(outcome.failed);
                                      CHECK(outcome.value.mechanism == mechanism);
                                      CHECK(outcome.value.reply == smtp::Reply{235, "2.7.0", "welcome"});
                                      break;
                                    case Fault::early_reply: break;
                                    case Fault::timeout:
                                      CHECK((outcome.failed && outcome.failure.cause == Cause::timed_out));
                                      break;
                                    case Fault::eof:
                                    case Fault::reset:
                                      CHECK((outcome.failed && outcome.failure.cause == Cause::lost));
                                      break;
                                    case Fault::reply_421:
                                      CHECK((outcome.failed && outcome.failure.cause == Cause::refused));
                                      CHECK(outcome.failure.reply.code == 421);
                                      break;
                                    default: CHECK((outcome.failed && outcome.failure.cause == Cause::nonsense));
                                  }
                                });
  }
}

TEST_CASE("a refusal at any step is the host's own reply", "[SMTP-32]") {
  for (const auto& dialogue : dialogues) {
    for (std::size_t at = 0; at < dialogue.script.size(); ++at) {
      for (const char* no : {"535 5.7.8 bad credentials", "454 4.7.0 later", "534 5.7.9 too weak", "504 5.5.4 what"}) {
        Script script(dialogue.script.begin(), dialogue.script.begin() + static_cast<std::ptrdiff_t>(at + 1));
        script.back().reads = no + std::string("\r\n");
        const auto why = failure(script, dialogue.offered);
        CHECK(why.cause == Cause::refused);
        CHECK(why.text == no);
        CHECK(why.reply.code == std::stoi(no));
      }
    }
  }
}

TEST_CASE("the strongest mechanism that host and configuration have in common is used", "[SMTP-32]") {
  using enum SaslMechanism;
  using smtp::strongest_mechanism;
  CHECK(strongest_mechanism("LOGIN PLAIN SCRAM-SHA-256") == scram_sha_256);
  CHECK(strongest_mechanism("scram-sha-256  login") == scram_sha_256);
  CHECK(strongest_mechanism("LOGIN PLAIN") == plain);
  CHECK(strongest_mechanism("XOAUTH2 LOGIN SCRAM-SHA-256-PLUS SCRAM-SHA-1") == login);
  CHECK_FALSE(strongest_mechanism(""));
  CHECK_FALSE(strongest_mechanism("CRAM-MD5 EXTERNAL"));
  const SaslMechanism only_scram[] = {scram_sha_256}, simple[] = {login, plain};
  CHECK(strongest_mechanism("PLAIN SCRAM-SHA-256", simple) == plain);
  CHECK_FALSE(strongest_mechanism("PLAIN LOGIN", only_scram));
  for (const auto one : {scram_sha_256, plain, login}) CHECK(smtp::sasl_mechanism(words(one)) == one);
  CHECK_FALSE(smtp::sasl_mechanism("PLAIN "));
}

TEST_CASE("without a mechanism in common nothing is sent", "[SMTP-32]") {
  CHECK(failure({}, "").text == "it does not offer AUTH");
  CHECK(failure({}, "GSSAPI NTLM").text == "it offers no mechanism that may be used, only GSSAPI NTLM");
  const auto outcome = replay::run({}, make("PLAIN LOGIN", password, "user", {SaslMechanism::scram_sha_256}));
  CHECK((outcome.failed && outcome.failure.cause == Cause::no_auth));
}

TEST_CASE("credentials that cannot be sent are not", "[SMTP-32]") {
  using namespace std::string_literals;
  using smtp::credentials_fault;
  CHECK(credentials_fault("user@example.com", "p a=s,s\xc3\xa4\xe2\x82\xac\xf0\x9f\x94\x91") == "");
  CHECK(credentials_fault(std::string(1024, 'u'), std::string(1024, 'p')) == "");
  CHECK(credentials_fault("", "p") == "the user name is empty");
  CHECK(credentials_fault("u", "") == "the password is empty");
  CHECK(credentials_fault("u", std::string(1025, 'p')) == "the password is longer than 1024 octets");
  for (const auto& odd : {"a\0b"s, "a\nb"s, "\x7f"s, "\xc2\x80"s, "\xc2\x9f"s, "\xff"s, "\xc0\x80"s, "\xed\xa0\x80"s}) {
    CHECK(credentials_fault("u", odd) == "the password is not UTF-8, or has control characters");
    CHECK(credentials_fault(odd, "p") == "the user name is not UTF-8, or has control characters");
    const auto outcome = replay::run({}, make("PLAIN", odd));
    CHECK((outcome.failed && outcome.failure.cause == Cause::no_auth));
  }
  CHECK(credentials_fault("u", "\xc2\xa0") == "");
}

TEST_CASE("an initial response that makes the command too long waits for a challenge", "[SMTP-32]") {
  // RFC 4954 section 4: the whole command has 512 octets at most.
  for (std::size_t length = 300; length < 500; ++length) {
    const std::string user = "user", with(length, 'p');
    const auto response = base64(std::string("\0user\0", 6) + with);
    const auto whole = "AUTH PLAIN " + response + "\r\n";
    const Script script = whole.size() <= 512 ? Script{{whole, welcome}}
                                              : Script{{"AUTH PLAIN\r\n", "334 \r\n"}, {response + "\r\n", welcome}};
    CHECK_FALSE(replay::run(script, make("PLAIN", with)).failed);
  }
  const std::string long_user(500, 'u');
  const auto first = base64("n,,n=" + long_user + ",r=abc");
  const Script script = {{"AUTH SCRAM-SHA-256\r\n", "334\r\n"},
                         {first + "\r\n", scram_challenge},
                         {scram_answer, scram_proof},
                         {"\r\n", welcome}};
  CHECK_FALSE(replay::run(script, make("SCRAM-SHA-256", password, long_user)).failed);
}

TEST_CASE("whatever LOGIN prompts for it gets name and password in this order", "[SMTP-32]") {
  const Script script = {{"AUTH LOGIN\r\n", "334 not base64: who?\r\n"},
                         {base64("user") + "\r\n", "334\r\n"},
                         {base64(password) + "\r\n", welcome}};
  CHECK_FALSE(replay::run(script, make("LOGIN")).failed);
}

TEST_CASE("a host that does not prove itself in SCRAM is cancelled and its yes counts for nothing", "[SMTP-32]") {
  const auto right = "v=" + base64(std::string(32, 'k'));
  for (const char* after : {"501 5.7.0 cancelled\r\n", "235 2.7.0 welcome\r\n", "334 \r\n", "250 2.0.0 what\r\n"}) {
    for (const auto& said : {base64("v=" + base64(std::string(32, 'j'))), base64("v="), base64("e=other-error"),
                             base64(""), base64("v"), right, std::string("!")}) {
      const auto why = failure(
          {{scram_first, scram_challenge}, {scram_answer, "334 " + said + "\r\n"}, {"*\r\n", after}}, "SCRAM-SHA-256");
      CHECK(why.cause == Cause::no_auth);
      CHECK(why.reply.code == std::atoi(after));
    }
    for (const auto& said :
         {base64("r=other,s=c2FsdA==,i=4096"), base64("r=abcdef,s=c2FsdA==,i=1"), std::string("r=abc")}) {
      const auto why = failure({{scram_first, "334 " + said + "\r\n"}, {"*\r\n", after}}, "SCRAM-SHA-256");
      CHECK(why.cause == Cause::no_auth);
    }
  }
  // Accepted early: at the start, after the client's proof.
  CHECK(failure({{scram_first, welcome}}, "SCRAM-SHA-256").cause == Cause::no_auth);
  const auto unproven = failure({{scram_first, scram_challenge}, {scram_answer, welcome}}, "SCRAM-SHA-256");
  CHECK(unproven.text == "it accepted without a proof that it knows the password");
}

TEST_CASE("a dialogue that fits no mechanism ends", "[SMTP-32][SMTP-45]") {
  CHECK(failure({{"AUTH LOGIN\r\n", welcome}}, "LOGIN").cause == Cause::nonsense);
  CHECK(failure({{"AUTH LOGIN\r\n", "334 \r\n"}, {base64("user") + "\r\n", welcome}}, "LOGIN").cause ==
        Cause::nonsense);
  for (const auto& dialogue : dialogues) {
    auto script = dialogue.script;
    script.back().reads = "334 bW9yZQ==\r\n";
    script.push_back({"*\r\n", "501 5.7.0 cancelled\r\n"});
    CHECK(failure(script, dialogue.offered).cause == Cause::no_auth);
    for (const char* odd : {"250 2.0.0 fine\r\n", "354 go on\r\n", "235-a\r\n334 b\r\n", "hello\r\n"}) {
      script = dialogue.script;
      script.back().reads = odd;
      CHECK(failure(script, dialogue.offered).cause == Cause::nonsense);
    }
  }
}

TEST_CASE("no result repeats what the host repeats of the password", "[SMTP-32]") {
  for (const auto& echoed : {password, base64(password), plain}) {
    const std::string replies[] = {"535 5.7.8 wrong: " + echoed + "\r\n",
                                   "535-5.7.8 no\r\n535 5.7.8 " + echoed + "\r\n",
                                   "535-5.7.8 s3cr3t\r\n535 5.7.8 pencil\r\n",
                                   "250 2.0.0 " + echoed + "\r\n",
                                   echoed + "\r\n",
                                   "535 5.7.8 " + std::string(170, 'x') + echoed + "\r\n"};
    for (const auto& reply : replies) {
      const auto why = failure({{"AUTH PLAIN " + plain + "\r\n", reply}}, "PLAIN");
      CHECK(why.text.find("left out") != std::string::npos);
      CHECK(smtp::on_one_line(why.reply).find("pencil") == std::string::npos);
    }
  }
  CHECK(failure({{scram_first, scram_challenge},
                 {scram_answer, "334 " + base64("e=" + password) + "\r\n"},
                 {"*\r\n", "501 5.7.0 cancelled\r\n"}},
                "SCRAM-SHA-256")
            .cause == Cause::no_auth);
}

TEST_CASE("what carries credentials is marked as secret", "[SMTP-32]") {
  for (const auto& dialogue : dialogues) {
    smtp::InputBuffer input;
    auto machine = make(dialogue.offered)(input);
    for (const auto& turn : dialogue.script) {
      const auto step = machine.resume({});
      REQUIRE(std::holds_alternative<smtp::Write>(step));
      CHECK(std::get<smtp::Write>(step).secret == (turn.writes != "AUTH LOGIN\r\n" && turn.writes != "\r\n"));
      std::ranges::copy(turn.reads, input.prepare().begin());
      input.commit(turn.reads.size());
    }
    CHECK(std::holds_alternative<smtp::Authenticated>(machine.resume({})));
  }
}
