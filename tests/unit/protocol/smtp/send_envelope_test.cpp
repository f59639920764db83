// MAIL and RCPT toward an MX, pipelined and one by one, good and broken.
#include "protocol/smtp/send_envelope.hpp"

#include <catch2/catch.hpp>

#include "tests/support/replay.hpp"

using replay::Fault;
using replay::Script;
using smtp::Body;
using smtp::Cause;
using smtp::Stage;

namespace {

smtp::Envelope envelope(std::size_t recipients) {
  smtp::Envelope result;
  result.mail.reverse_path.address = "Sender@sender.example";
  result.recipients.resize(recipients);
  for (std::size_t i = 0; i < recipients; ++i)
    result.recipients[i].forward_path.address = "u" + std::to_string(i) + "@Example.COM";
  return result;
}

std::string rcpt(std::size_t index) {
  return "RCPT TO:<u" + std::to_string(index) + "@Example.COM>\r\n";
}

constexpr auto mail = "MAIL FROM:<Sender@sender.example>\r\n";

smtp::Capabilities offers(bool pipelining) {
  smtp::Capabilities result;
  result.esmtp = true;
  result.pipelining = pipelining;
  return result;
}

auto make(const smtp::Capabilities& capabilities, const smtp::Envelope& what, bool more = false) {
  return [&capabilities, &what, more](smtp::InputBuffer& input) {
    return smtp::SendEnvelope(capabilities, what, input, more);
  };
}

const auto pipelining = offers(true), one_by_one = offers(false);

}  // namespace

TEST_CASE("Every reply is matched to its command by count", "[SMTP-20]") {
  const auto what = envelope(3);
  const Script pipelined = {{mail + rcpt(0) + rcpt(1) + rcpt(2),
                             "250 2.1.0 ok\r\n250 2.1.5 a\r\n550-5.1.1 b\r\n550 5.1.1 b\r\n451 4.2.1 c\r\n"}};
  const Script slow = {{mail, "250 2.1.0 ok\r\n"},
                       {rcpt(0), "250 2.1.5 a\r\n"},
                       {rcpt(1), "550-5.1.1 b\r\n550 5.1.1 b\r\n"},
                       {rcpt(2), "451 4.2.1 c\r\n"}};
  for (const auto& [capabilities, script] : {std::pair(pipelining, pipelined), std::pair(one_by_one, slow)}) {
    const auto outcome = replay::run(script, make(capabilities, what));
    REQUIRE_FALSE(outcome.failed);
    CHECK(outcome.value.mail.code == 250);
    REQUIRE(outcome.value.rcpt.size() == 3);
    CHECK(outcome.value.rcpt[0].code == 250);
    CHECK(outcome.value.rcpt[1] == smtp::Reply{550, "5.1.1", "b\nb"});
    CHECK(outcome.value.rcpt[2].code == 451);
    CHECK_FALSE(outcome.value.lost);
    CHECK_FALSE(outcome.left_over);
  }
}

TEST_CASE("An envelope broken at every step", "[SMTP-20][SMTP-38][SMTP-45][SMTP-50]") {
  const auto what = envelope(2);
  const Script pipelined = {{mail + rcpt(0) + rcpt(1), "250 ok\r\n"}, {"", "250 ok\r\n"}, {"", "250 ok\r\n"}};
  const Script slow = {{mail, "250 ok\r\n"}, {rcpt(0), "250 ok\r\n"}, {rcpt(1), "250 ok\r\n"}};
  for (const auto& [capabilities, script] : {std::pair(pipelining, pipelined), std::pair(one_by_one, slow)}) {
    replay::break_at_every_step(script, make(capabilities, what), [&](Fault fault, std::size_t, const auto& outcome) {
      switch (fault) {
        case Fault::none: CHECK_FALSE(outcome.failed); break;
        case Fault::early_reply: break;
        case Fault::reply_421: {
          REQUIRE_FALSE(outcome.failed);
          CHECK(outcome.value.lost);
          const auto& verdicts = outcome.value;
          CHECK((verdicts.mail.code == 421 ? verdicts.rcpt.empty() : verdicts.rcpt.back().code == 421));
          if (verdicts.mail.code != 421) CHECK(verdicts.rcpt.size() == 2);
          break;
        }
        case Fault::timeout: CHECK((outcome.failed && outcome.failure.cause == Cause::timed_out)); break;
        case Fault::eof:
        case Fault::reset: CHECK((outcome.failed && outcome.failure.cause == Cause::lost)); break;
        default: CHECK((outcome.failed && outcome.failure.cause == Cause::nonsense));
      }
    });
  }
}

TEST_CASE("A refusal of MAIL counts whatever becomes of the pipelined commands behind it", "[Q-1][SMTP-17]") {
  const auto what = envelope(2);
  const Script script = {
      {mail + rcpt(0) + rcpt(1), "550 5.7.1 blocked\r\n"}, {"", "503 5.5.1 no\r\n"}, {"", "503 5.5.1 no\r\n"}};
  replay::break_at_every_step(script, make(pipelining, what), [&](Fault fault, std::size_t step, const auto& outcome) {
    if (step < 2 && fault != Fault::none && fault != Fault::early_reply) return;  // the 550 had not come
    REQUIRE_FALSE(outcome.failed);
    CHECK(outcome.value.mail == smtp::Reply{550, "5.7.1", "blocked"});
    CHECK(outcome.value.rcpt.empty());
    const bool still_there = fault == Fault::none || fault == Fault::early_reply || fault == Fault::reply_421;
    if (!still_there) CHECK(outcome.value.lost);
    if (fault == Fault::none) CHECK_FALSE(outcome.value.lost);
  });
}

TEST_CASE("A refusal of MAIL ends the envelope where nothing was pipelined", "[SMTP-17][SMTP-20]") {
  const auto what = envelope(2);
  const auto outcome = replay::run({{mail, "451 4.7.1 greylisted\r\n"}}, make(one_by_one, what));
  REQUIRE_FALSE(outcome.failed);
  CHECK(outcome.value.mail.code == 451);
  CHECK_FALSE(outcome.value.lost);
  CHECK(outcome.written == mail);
}

TEST_CASE("421 to MAIL or RCPT is the answer and ends the connection", "[SMTP-17]") {
  const auto what = envelope(3);
  const auto at_mail = replay::run({{mail, "421 4.3.2 down\r\n"}}, make(one_by_one, what));
  REQUIRE_FALSE(at_mail.failed);
  CHECK(at_mail.value.mail.code == 421);
  CHECK(at_mail.value.lost);

  const Script at_second = {{mail + rcpt(0) + rcpt(1) + rcpt(2), "250 ok\r\n250 ok\r\n421 4.3.2 down\r\n"}};
  const auto outcome = replay::run(at_second, make(pipelining, what));
  REQUIRE_FALSE(outcome.failed);
  REQUIRE(outcome.value.rcpt.size() == 3);
  CHECK(outcome.value.rcpt[0].code == 250);
  CHECK(outcome.value.rcpt[1].code == 421);
  CHECK(outcome.value.rcpt[2].code == 421);
  CHECK(outcome.value.lost);
}

TEST_CASE("A reply of a class that does not fit MAIL or RCPT is nonsense", "[SMTP-45]") {
  const auto what = envelope(1);
  for (const char* reply : {"354 go on\r\n", "150 what\r\n", "650 what\r\n", "hello there\r\n", "250-a\r\n550 b\r\n"}) {
    INFO(reply);
    const auto at_mail = replay::run({{mail, reply}}, make(one_by_one, what));
    REQUIRE(at_mail.failed);
    CHECK(at_mail.failure.cause == Cause::nonsense);
    CHECK(at_mail.failure.stage == Stage::mail);
    const auto at_rcpt = replay::run({{mail, "250 ok\r\n"}, {rcpt(0), reply}}, make(one_by_one, what));
    REQUIRE(at_rcpt.failed);
    CHECK(at_rcpt.failure.cause == Cause::nonsense);
    CHECK(at_rcpt.failure.stage == Stage::rcpt);
  }
}

TEST_CASE("Parameters of MAIL go out only where their extension is offered", "[SMTP-21][SMTP-22][SMTP-48][SMTP-51]") {
  struct Row {
    bool size, eight_bit;
    std::optional<std::uint64_t> declared;
    Body body;
    const char* parameters;
  };
  const Row rows[] = {
      {true, true, 1000, Body::eight_bit, " SIZE=1234 BODY=8BITMIME"},
      {true, true, 1000, Body::unspecified, " SIZE=1234 BODY=8BITMIME"},
      {true, true, 1000, Body::seven_bit, " SIZE=1234"},
      {true, true, std::nullopt, Body::seven_bit, ""},
      {false, true, 1000, Body::eight_bit, " BODY=8BITMIME"},
      {false, false, 1000, Body::eight_bit, ""},
      {true, false, 0, Body::eight_bit, " SIZE=234"},
      {true, false, 18446744073709551615u, Body::seven_bit, " SIZE=18446744073709551615"},
  };
  for (const Row& row : rows) {
    for (const char* path : {"", "A.b+C@Sender.Example", "\"odd local\"@sender.example"}) {
      auto what = envelope(0);
      what.mail = {{}, row.declared, row.body};
      what.mail.reverse_path.address = path;
      what.added = 234;
      auto offered = one_by_one;
      offered.size = row.size;
      offered.eight_bit_mime = row.eight_bit;
      const std::string command = std::string("MAIL FROM:<") + path + ">" + row.parameters + "\r\n";
      const auto outcome = replay::run({{command, "250 ok\r\n"}}, make(offered, what));
      CHECK_FALSE(outcome.failed);
    }
  }
}

TEST_CASE("Many recipients go out in groups whose replies are read between", "[SMTP-20]") {
  const auto what = envelope(250);
  Script script(3);
  script[0] = {mail, "250 ok\r\n"};
  for (std::size_t i = 0; i < 250; ++i) {
    script[i / 100].writes += rcpt(i);
    script[i / 100].reads += i % 7 == 0 ? "550 5.1.1 no\r\n" : "250 ok\r\n";
  }
  const auto outcome = replay::run(script, make(pipelining, what));
  REQUIRE_FALSE(outcome.failed);
  REQUIRE(outcome.value.rcpt.size() == 250);
  for (std::size_t i = 0; i < 250; ++i) CHECK(outcome.value.rcpt[i].code == (i % 7 == 0 ? 550 : 250));
  // A reply too many in the first group is seen before the second is written.
  script[0].reads += "250 ok\r\n";
  const auto shifted = replay::run(script, make(pipelining, what));
  REQUIRE(shifted.failed);
  CHECK(shifted.failure.cause == Cause::nonsense);
}

TEST_CASE("Further recipients of an open transaction go out without MAIL", "[SMTP-20]") {
  const auto what = envelope(2);
  const auto outcome = replay::run({{rcpt(0) + rcpt(1), "250 ok\r\n550 no\r\n"}}, make(pipelining, what, true));
  REQUIRE_FALSE(outcome.failed);
  CHECK(outcome.value.mail.code == 0);
  CHECK(outcome.value.rcpt.size() == 2);
  const auto nobody = envelope(0);
  CHECK_FALSE(replay::run({}, make(pipelining, nobody, true)).failed);
}

TEST_CASE("A reply that is there before MAIL is written is no reply to it", "[SMTP-50][SMTP-45]") {
  const auto what = envelope(1);
  for (const char* stray : {"421 4.4.2 idle for too long\r\n", "250 2.0.0 stray\r\n", "\n"}) {
    smtp::InputBuffer input;
    std::ranges::copy(std::string_view(stray), input.prepare().begin());
    input.commit(std::string_view(stray).size());
    smtp::SendEnvelope machine(pipelining, what, input);
    const auto step = machine.resume({});
    REQUIRE(std::holds_alternative<smtp::Failure>(step));
    CHECK(std::get<smtp::Failure>(step).cause == Cause::nonsense);
    CHECK(std::get<smtp::Failure>(step).stage == Stage::mail);
  }
}

TEST_CASE("REQUIRETLS goes on to a host that offers it and to no other", "[RTLS-02]") {
  for (const bool demanded : {true, false}) {
    for (const bool offered : {true, false}) {
      auto what = envelope(1);
      what.mail.requiretls = demanded;
      auto capabilities = offers(false);
      capabilities.requiretls = offered;
      const std::string expected =
          demanded && offered ? "MAIL FROM:<Sender@sender.example> REQUIRETLS\r\n" : std::string(mail);
      const Script script = {{expected, "250 ok\r\n"}, {rcpt(0), "250 ok\r\n"}};
      const auto outcome = replay::run(script, make(capabilities, what));
      REQUIRE_FALSE(outcome.failed);
      CHECK(outcome.value.mail.code == 250);
    }
  }
}

TEST_CASE("what DSN adds goes on unchanged to a host that offers it and to no other", "[SMTP-26]") {
  auto what = envelope(5);
  what.mail.ret = smtp::Return::headers;
  what.mail.envid = "QQ+2B314159";
  what.recipients[0].notify = {.given = true, .never = true};
  what.recipients[1].notify = {.given = true, .success = true, .failure = true, .delay = true};
  what.recipients[1].orcpt = "rfc822;Bob+2Bx@Example.COM";
  what.recipients[2].notify = {.given = true, .delay = true};
  what.recipients[3].orcpt = "x400;+2FS+3D";
  const std::string mail_with = "MAIL FROM:<Sender@sender.example> RET=HDRS ENVID=QQ+2B314159\r\n";
  const std::string with[] = {
      "RCPT TO:<u0@Example.COM> NOTIFY=NEVER\r\n",
      "RCPT TO:<u1@Example.COM> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;Bob+2Bx@Example.COM\r\n",
      "RCPT TO:<u2@Example.COM> NOTIFY=DELAY\r\n", "RCPT TO:<u3@Example.COM> ORCPT=x400;+2FS+3D\r\n", rcpt(4)};
  for (const bool together : {true, false}) {
    for (const bool offered : {true, false}) {
      auto capabilities = offers(together);
      capabilities.dsn = offered;
      Script script = {{offered ? mail_with : mail, "250 ok\r\n"}};
      for (std::size_t i = 0; i < 5; ++i) {
        const auto command = offered ? with[i] : rcpt(i);
        if (!together) script.push_back({});
        script.back().writes += command;
        script.back().reads += "250 ok\r\n";
      }
      const auto outcome = replay::run(script, make(capabilities, what));
      REQUIRE_FALSE(outcome.failed);
      CHECK(outcome.value.rcpt.size() == 5);
    }
  }
}

TEST_CASE("an ORCPT in UTF-8 goes on as it is with SMTPUTF8 and in ASCII without", "[SMTP-26][SMTP-62]") {
  const std::string mueller = "m\xc3\xbcller@good.test";
  for (const bool offered : {true, false}) {
    auto what = envelope(3);
    what.mail.smtputf8 = true;
    what.recipients[0].orcpt = "utf-8;" + mueller;
    what.recipients[1].orcpt = "utf-8;b\\x{E9}@good.test";
    what.recipients[2].orcpt = "utf-8;" + std::string(180, 'b') + mueller;
    for (int i = 0; i < 100; ++i) what.recipients[2].orcpt.insert(6, "\xc3\xbc");
    auto capabilities = offers(false);
    capabilities.dsn = true;
    capabilities.smtputf8 = offered;
    const std::string orcpts[] = {offered ? " ORCPT=utf-8;" + mueller : " ORCPT=utf-8;m\\x{FC}ller@good.test",
                                  " ORCPT=utf-8;b\\x{E9}@good.test",
                                  offered ? " ORCPT=" + what.recipients[2].orcpt : ""};
    Script script = {{offered ? "MAIL FROM:<Sender@sender.example> SMTPUTF8\r\n" : std::string(mail), "250 ok\r\n"}};
    for (std::size_t i = 0; i < 3; ++i)
      script.push_back({"RCPT TO:<u" + std::to_string(i) + "@Example.COM>" + orcpts[i] + "\r\n", "250 ok\r\n"});
    CHECK_FALSE(replay::run(script, make(capabilities, what)).failed);
  }
}

TEST_CASE("a report goes out from the null path without RET and with NOTIFY only where it was set", "[SMTP-28]") {
  auto what = envelope(1);
  what.mail.reverse_path = {};
  auto capabilities = offers(false);
  capabilities.dsn = true;
  Script script = {{"MAIL FROM:<>\r\n", "250 ok\r\n"}, {rcpt(0), "250 ok\r\n"}};
  CHECK_FALSE(replay::run(script, make(capabilities, what)).failed);
  what.recipients[0].notify = {.given = true, .never = true};
  script[1].writes = "RCPT TO:<u0@Example.COM> NOTIFY=NEVER\r\n";
  CHECK_FALSE(replay::run(script, make(capabilities, what)).failed);
}

TEST_CASE("a bounce carries REQUIRETLS as any message does", "[RTLS-02]") {
  auto what = envelope(1);
  what.mail.reverse_path = {};
  what.mail.requiretls = true;
  auto capabilities = offers(false);
  capabilities.requiretls = true;
  const Script script = {{"MAIL FROM:<> REQUIRETLS\r\n", "250 ok\r\n"}, {rcpt(0), "250 ok\r\n"}};
  CHECK_FALSE(replay::run(script, make(capabilities, what)).failed);
}

TEST_CASE("Of MAIL AUTH only the null form goes out and only where the host offers AUTH", "[SMTP-57]") {
  auto with_auth = offers(false);
  with_auth.auth = {"PLAIN"};
  struct Row {
    std::optional<std::string> given;
    const char* sent;
  };
  for (const Row& row : {Row{std::nullopt, ""}, Row{"", " AUTH=<>"}, Row{"ann@sender.example", " AUTH=<>"}}) {
    auto what = envelope(1);
    what.mail.auth = row.given;
    const std::string start = "MAIL FROM:<Sender@sender.example>";
    for (const auto& [host, parameter] : {std::pair(with_auth, row.sent), std::pair(one_by_one, "")}) {
      const auto outcome =
          replay::run({{start + parameter + "\r\n", "250 ok\r\n"}, {rcpt(0), "250 ok\r\n"}}, make(host, what));
      CHECK_FALSE(outcome.failed);
    }
  }
}
