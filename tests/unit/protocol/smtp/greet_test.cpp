// The opening of a connection to an MX, good and broken.
#include "protocol/smtp/greet.hpp"

#include <catch2/catch.hpp>

#include "tests/support/replay.hpp"

using replay::Fault;
using replay::Script;
using replay::Turn;
using smtp::Cause;
using smtp::Stage;
using smtp::TlsUse;

namespace {

constexpr auto ehlo = "EHLO relay.example\r\n";
constexpr auto helo = "HELO relay.example\r\n";
constexpr auto with_tls = "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n";
constexpr auto without_tls = "250-mx\r\n250 PIPELINING\r\n";

auto make(TlsUse use) {
  return [use](smtp::InputBuffer& input) { return smtp::Greet("relay.example", use, input); };
}

Script whole() {
  return {{"", "220-mx\r\n220 ready\r\n"},
          {ehlo, with_tls},
          {"STARTTLS\r\n", "220 2.0.0 go\r\n"},
          {"", "", true},
          {ehlo, "250-mx\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"}};
}

}  // namespace

TEST_CASE("After the handshake only the new EHLO counts", "[SMTP-19][SMTP-48]") {
  const auto outcome = replay::run(whole(), make(TlsUse::required));
  REQUIRE_FALSE(outcome.failed);
  CHECK(outcome.handshaken);
  CHECK(outcome.value.tls);
  CHECK(outcome.value.capabilities.size_limit == 1000);
  CHECK_FALSE(outcome.value.capabilities.pipelining);
  CHECK(outcome.value.starttls_refusal.code == 0);
}

TEST_CASE("The opening with STARTTLS broken at every step", "[SMTP-19][SMTP-38][SMTP-45][SMTP-48]") {
  for (const TlsUse use : {TlsUse::required, TlsUse::opportunistic}) {
    replay::break_at_every_step(whole(), make(use), [&](Fault fault, std::size_t, const auto& outcome) {
      if (fault == Fault::none) {
        CHECK_FALSE(outcome.failed);
        return;
      }
      if (!outcome.failed) {
        // Only a 421 to STARTTLS where nothing is demanded, or a reply too many behind the last one.
        CHECK((use == TlsUse::opportunistic || outcome.value.tls));
        CHECK((fault == Fault::reply_421 || fault == Fault::early_reply));
        return;
      }
      CHECK_FALSE(outcome.failure.text.empty());
      switch (fault) {
        case Fault::eof:
        case Fault::reset:
          CHECK(outcome.failure.cause == (outcome.failure.stage == Stage::handshake ? Cause::handshake : Cause::lost));
          break;
        case Fault::timeout: CHECK(outcome.failure.cause == Cause::timed_out); break;
        case Fault::reply_421:
          CHECK(outcome.failure.reply.code == 421);
          CHECK(outcome.failure.cause ==
                (outcome.failure.stage == Stage::starttls ? Cause::no_starttls : Cause::refused));
          break;
        case Fault::early_reply:
          CHECK(outcome.failure.cause ==
                (outcome.failure.stage == Stage::starttls && outcome.failure.text.starts_with("250")
                     ? Cause::injected
                     : Cause::nonsense));
          break;
        default: CHECK(outcome.failure.cause == Cause::nonsense);
      }
    });
  }
}

TEST_CASE("The opening in plaintext broken at every step", "[SMTP-18][SMTP-38][SMTP-45]") {
  const Script with_helo = {{"", "220 ready\r\n"}, {ehlo, "502 5.5.1 what?\r\n"}, {helo, "250 mx\r\n"}};
  for (const TlsUse use : {TlsUse::none, TlsUse::opportunistic, TlsUse::established}) {
    replay::break_at_every_step(with_helo, make(use), [&](Fault fault, std::size_t, const auto& outcome) {
      if (fault == Fault::early_reply) return;
      CHECK(outcome.failed == (fault != Fault::none));
      if (!outcome.failed) CHECK(outcome.value.capabilities == smtp::Capabilities{});
      if (!outcome.failed) CHECK(outcome.value.tls == (use == TlsUse::established));
    });
  }
}

TEST_CASE("Octets behind the 220 to STARTTLS end the connection", "[SMTP-19][T-3]") {
  for (const char* injected : {"250-X-EVIL", "250 ok\r\n", "\r\n", "\n", "\x16\x03\x03"}) {
    for (const TlsUse use : {TlsUse::required, TlsUse::opportunistic}) {
      const Script script = {
          {"", "220 ready\r\n"}, {ehlo, with_tls}, {"STARTTLS\r\n", std::string("220 go\r\n") + injected}};
      const auto outcome = replay::run(script, make(use));
      REQUIRE(outcome.failed);
      CHECK(outcome.failure.cause == Cause::injected);
      CHECK(outcome.failure.stage == Stage::starttls);
      CHECK_FALSE(outcome.handshaken);
    }
  }
}

TEST_CASE("STARTTLS refused is a missing STARTTLS where TLS is demanded and nothing where it is not",
          "[T-1][STS-36][SMTP-56]") {
  for (const char* refusal : {"502 5.5.1 not implemented\r\n", "454 4.7.0 not now\r\n", "554 no\r\n"}) {
    const Script script = {{"", "220 ready\r\n"}, {ehlo, with_tls}, {"STARTTLS\r\n", refusal}};
    const auto demanded = replay::run(script, make(TlsUse::required));
    REQUIRE(demanded.failed);
    CHECK(demanded.failure.cause == Cause::no_starttls);
    CHECK(demanded.failure.stage == Stage::starttls);
    CHECK(demanded.failure.reply.code == std::stoi(refusal));

    const auto lax = replay::run(script, make(TlsUse::opportunistic));
    REQUIRE_FALSE(lax.failed);
    CHECK_FALSE(lax.value.tls);
    CHECK(lax.value.capabilities.pipelining);
    CHECK(lax.value.starttls_refusal.code == std::stoi(refusal));
  }
}

TEST_CASE("A host without STARTTLS is left at once where TLS is demanded", "[STS-36][SMTP-18][T-4]") {
  const Script not_listed = {{"", "220 ready\r\n"}, {ehlo, without_tls}};
  const auto missing = replay::run(not_listed, make(TlsUse::required));
  REQUIRE(missing.failed);
  CHECK(missing.failure.cause == Cause::no_starttls);
  CHECK(missing.failure.reply.code == 0);

  for (const char* code : {"500", "501", "502", "504"}) {
    const Script no_ehlo = {{"", "220 ready\r\n"}, {ehlo, std::string(code) + " 5.5.1 what?\r\n"}};
    const auto outcome = replay::run(no_ehlo, make(TlsUse::required));
    REQUIRE(outcome.failed);
    CHECK(outcome.failure.cause == Cause::no_starttls);
    // The 5xx is not an answer to the message: nobody may take it for a refusal for good.
    CHECK(outcome.failure.reply.code == 0);
  }
}

TEST_CASE("HELO may be used inside TLS", "[SMTP-18]") {
  Script script = whole();
  script.back().reads = "500 5.5.1 what?\r\n";
  script.push_back({helo, "250 mx\r\n"});
  const auto outcome = replay::run(script, make(TlsUse::required));
  REQUIRE_FALSE(outcome.failed);
  CHECK(outcome.value.tls);
  CHECK(outcome.value.capabilities == smtp::Capabilities{});
}

TEST_CASE("STARTTLS listed inside TLS or where plaintext is wanted is not asked for", "[SMTP-19]") {
  for (const TlsUse use : {TlsUse::none, TlsUse::established}) {
    const auto outcome = replay::run({{"", "220 ready\r\n"}, {ehlo, with_tls}}, make(use));
    REQUIRE_FALSE(outcome.failed);
    CHECK(outcome.value.tls == (use == TlsUse::established));
    CHECK(outcome.value.capabilities.starttls);
  }
}

TEST_CASE("Refusals and nonsense in the opening", "[SMTP-17][SMTP-45][Q-4]") {
  struct Row {
    const char* greeting;
    const char* to_ehlo;
    const char* to_helo;
    Cause cause;
    Stage stage;
    int code;
  };
  const Row rows[] = {
      {"554 5.7.1 we do not want you\r\n", "", "", Cause::refused, Stage::greeting, 554},
      {"421 4.3.2 busy\r\n", "", "", Cause::refused, Stage::greeting, 421},
      {"354 go on\r\n", "", "", Cause::nonsense, Stage::greeting, 0},
      {"150 what\r\n", "", "", Cause::nonsense, Stage::greeting, 0},
      {"SSH-2.0-OpenSSH\r\n", "", "", Cause::nonsense, Stage::greeting, 0},
      {"220 a\r\n250 b\r\n", "", "", Cause::nonsense, Stage::ehlo, 0},
      {"220 a\r\n", "550 5.7.1 no\r\n", "", Cause::refused, Stage::ehlo, 550},
      {"220 a\r\n", "421 4.3.2 no\r\n", "", Cause::refused, Stage::ehlo, 421},
      {"220 a\r\n", "451 no\r\n", "", Cause::refused, Stage::ehlo, 451},
      {"220 a\r\n", "354 no\r\n", "", Cause::nonsense, Stage::ehlo, 0},
      {"220 a\r\n", "502 no\r\n", "502 no\r\n", Cause::refused, Stage::ehlo, 502},
      {"220 a\r\n", "502 no\r\n", "421 no\r\n", Cause::refused, Stage::ehlo, 421},
  };
  for (const Row& row : rows) {
    INFO(row.greeting << row.to_ehlo << row.to_helo);
    Script script = {{"", row.greeting}};
    if (*row.to_ehlo) script.push_back({ehlo, row.to_ehlo});
    if (*row.to_helo) script.push_back({helo, row.to_helo});
    const auto outcome = replay::run(script, make(TlsUse::opportunistic));
    REQUIRE(outcome.failed);
    CHECK(outcome.failure.cause == row.cause);
    CHECK(outcome.failure.stage == row.stage);
    CHECK(outcome.failure.reply.code == row.code);
    CHECK_FALSE(outcome.failure.text.empty());
  }
}

TEST_CASE("REQUIRETLS that is offered in plaintext is no offer", "[RTLS-02]") {
  const std::string offer = "250-mx\r\n250 REQUIRETLS\r\n", both = "250-mx\r\n250-STARTTLS\r\n250 REQUIRETLS\r\n";
  const auto plain = replay::run({{"", "220 ready\r\n"}, {ehlo, offer}}, make(TlsUse::opportunistic));
  REQUIRE_FALSE(plain.failed);
  CHECK_FALSE(plain.value.capabilities.requiretls);
  const auto refused = replay::run({{"", "220 ready\r\n"}, {ehlo, both}, {"STARTTLS\r\n", "454 4.7.0 not now\r\n"}},
                                   make(TlsUse::opportunistic));
  REQUIRE_FALSE(refused.failed);
  CHECK_FALSE(refused.value.capabilities.requiretls);
  const auto inside = replay::run({{"", "220 ready\r\n"}, {ehlo, offer}}, make(TlsUse::established));
  REQUIRE_FALSE(inside.failed);
  CHECK(inside.value.capabilities.requiretls);
}
