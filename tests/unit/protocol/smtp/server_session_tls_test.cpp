// The server machine and TLS: when STARTTLS is offered, what it forgets, what is injected behind it, REQUIRETLS.
#include <catch2/catch.hpp>

#include "tests/unit/protocol/smtp/server_session_driver.hpp"

using namespace smtp;
using smtp::testing::Driver;
using Tls = ServerOptions::Tls;

namespace {

const std::string hello = "EHLO client.test\r\n";
const std::string mail = "MAIL FROM:<a@sender.test>\r\n";
const std::string rcpt = "RCPT TO:<b@good.test>\r\n";
const std::string starttls = "STARTTLS\r\n";

ServerOptions with(Tls tls) {
  auto options = Driver::defaults();
  options.tls = tls;
  return options;
}

bool has(const std::string& output, const std::string& words) {
  return output.find(words) != std::string::npos;
}

/// A driver inside TLS, greeted.
Driver secured(Tls tls = Tls::starttls) {
  Driver d(with(tls));
  d.feed(hello);
  if (tls != Tls::implicit) {
    d.feed(starttls);
    d.feed(hello);
  }
  d.said();
  return d;
}

}  // namespace

TEST_CASE("STARTTLS is offered until TLS is active and only where the listener has it", "[SMTP-33][SMTP-19]") {
  Driver none(with(Tls::none));
  CHECK_FALSE(has(none.says(hello), "STARTTLS"));
  CHECK(none.says(starttls) == "502 5.5.1 this command is not served here\r\n");
  Driver implicit(with(Tls::implicit));
  CHECK_FALSE(has(implicit.says(hello), "STARTTLS"));
  CHECK(implicit.says(starttls).starts_with("503 5.5.1"));
  for (const auto tls : {Tls::starttls, Tls::require_starttls}) {
    Driver d(with(tls));
    CHECK(has(d.says(hello), "250 STARTTLS\r\n"));
    CHECK_FALSE(has(d.says("HELO x\r\n"), "STARTTLS"));
    CHECK(d.says("STARTTLS now\r\n") == "501 5.5.4 no argument was expected\r\n");
    CHECK(d.says("StartTLS  \r\n") == "220 2.0.0 go ahead\r\n");
    CHECK(d.session.tls());
    CHECK_FALSE(has(d.says(hello), "STARTTLS"));
    CHECK(d.says(starttls).starts_with("503 5.5.1"));
    CHECK(d.event_list() == "starttls");
  }
}

TEST_CASE("what was said before the handshake is forgotten", "[SMTP-19]") {
  Driver d(with(Tls::starttls));
  d.feed(hello + mail + rcpt + starttls);
  CHECK(d.event_list() == "mail a@sender.test, rcpt b@good.test, abandon reset, starttls");
  d.said();
  CHECK(d.session.client().hello.empty());
  CHECK_FALSE(d.session.in_transaction());
  CHECK(d.says(rcpt).starts_with("503"));
  CHECK(d.says(mail) == "503 5.5.1 EHLO comes first\r\n");
  CHECK(d.says("DATA\r\n").starts_with("503"));
  d.feed(hello);
  CHECK(d.says(mail).starts_with("250"));
}

TEST_CASE("plaintext behind STARTTLS is never run and ends the session", "[SMTP-19][SMTP-33]") {
  const std::string injected[] = {"\r\n", "N", "NOOP\r\n", hello + mail + rcpt + "DATA\r\n", "\x16\x03\x01\x02", mail};
  for (const auto& octets : injected) {
    for (const bool in_transaction : {false, true}) {
      Driver d(with(Tls::starttls));
      d.feed(hello);
      if (in_transaction) d.feed(mail + rcpt);
      d.events.clear();
      const auto said = d.says(starttls + octets);
      INFO(octets);
      CHECK(said == "503 5.5.1 nothing may follow STARTTLS before its reply\r\n");
      CHECK(d.closed);
      CHECK(d.event_list() == (in_transaction ? "abandon reset, close injected" : "close injected"));
      CHECK_FALSE(d.session.tls());
    }
  }
  // Pipelined before it is no fault: STARTTLS is the last of its group (RFC 2920 §3.1).
  Driver d(with(Tls::starttls));
  d.feed(hello + "NOOP\r\n" + starttls);
  CHECK_FALSE(d.closed);
  CHECK(d.plaintext.ends_with("250 2.0.0 ok\r\n220 2.0.0 go ahead\r\n"));
}

TEST_CASE("octets that come split meet STARTTLS as those in one read do", "[SMTP-19]") {
  for (std::size_t size = 1; size < 12; ++size) {
    Driver d(with(Tls::starttls));
    d.read_size = size;
    d.feed(hello + starttls);  // the driver's own handshake stands between it and what follows
    CHECK(d.event_list() == "starttls");
    CHECK(d.session.reclaim().empty() == !d.session.holds_buffer());
    CHECK_FALSE(d.session.holds_buffer());
    d.said();
    CHECK(d.says(mail) == "503 5.5.1 EHLO comes first\r\n");
  }
}

TEST_CASE("a handshake that fails ends the session without a word", "[SMTP-33]") {
  Driver d(with(Tls::starttls));
  d.handshake_works = false;
  d.feed(hello + mail + rcpt);
  const auto said = d.says(starttls);
  CHECK(said == "220 2.0.0 go ahead\r\n");
  CHECK(d.closed);
  CHECK(d.event_list().ends_with("abandon reset, starttls, close client gone"));
}

TEST_CASE("a refusal of STARTTLS leaves the session as it was", "[SMTP-33]") {
  Driver d(with(Tls::starttls));
  d.answer_starttls = {454, "4.7.0", "not now"};
  d.feed(hello);
  CHECK(d.says(starttls) == "454 4.7.0 not now\r\n");
  CHECK_FALSE(d.session.tls());
  CHECK(d.says(mail).starts_with("250"));
}

TEST_CASE("a listener that requires STARTTLS serves nothing that matters before it", "[SMTP-33]") {
  const std::string first = "530 5.7.0 Must issue a STARTTLS command first\r\n";
  Driver d(with(Tls::require_starttls));
  d.said();
  for (const auto* greeting : {"EHLO x\r\n", "HELO x\r\n"}) CHECK(has(d.says(greeting), "250"));
  CHECK(d.says("NOOP\r\n").starts_with("250"));
  for (const std::string& command : {mail, rcpt, std::string("DATA\r\n"), std::string("RSET\r\n"),
                                     std::string("VRFY b\r\n"), std::string("HELP\r\n")}) {
    CHECK(d.says(command) == first);
  }
  CHECK(d.events.empty());
  CHECK(d.says(starttls).starts_with("220"));
  CHECK(has(d.says(hello), "250"));
  CHECK(d.says(mail).starts_with("250"));
  Driver quits(with(Tls::require_starttls));
  CHECK(has(quits.says("QUIT\r\n"), "221"));
  CHECK(quits.closed);
  Driver lmtp(with(Tls::require_starttls));
  CHECK(has(lmtp.says("LHLO x\r\n"), "STARTTLS"));
  CHECK(lmtp.says(mail) == first);
}

TEST_CASE("a client that may not use the listener gets no TLS either", "[SMTP-33][OPS-01]") {
  Driver d(with(Tls::starttls), Admission::refused);
  d.said();
  CHECK(d.says(starttls).ends_with("503 5.5.1 only QUIT is served here\r\n"));
  CHECK(d.events.empty());
}

TEST_CASE("an owner that does not say how the handshake went meets logic_error", "[SMTP-33]") {
  const auto options = with(Tls::starttls);
  std::vector<char> buffer(8192);
  ServerSession session(options);
  CHECK_THROWS_AS(session.tls_started(), std::logic_error);
  CHECK_THROWS_AS(session.tls_failed(), std::logic_error);
  session.lend(buffer);
  std::copy(starttls.begin(), starttls.end(), session.input().begin());
  session.received(starttls.size());
  REQUIRE(std::holds_alternative<ask::StartTls>(session.next()));
  CHECK_THROWS_AS(session.next(), std::logic_error);
  CHECK_THROWS_AS(session.tls_started(), std::logic_error);
  session.answer({220, "", "go"});
  CHECK_THROWS_AS(session.next(), std::logic_error);
  session.tls_started();
  CHECK(std::holds_alternative<ask::Input>(session.next()));
}

TEST_CASE("a session broken at any octet of a dialogue with STARTTLS ends", "[SMTP-19][SMTP-33]") {
  const std::string dialogue = hello + mail + rcpt + starttls;
  for (std::size_t cut = 0; cut <= dialogue.size(); ++cut) {
    for (const bool works : {true, false}) {
      Driver d(with(Tls::starttls));
      d.handshake_works = works;
      d.feed(std::string_view(dialogue).substr(0, cut));
      if (!d.closed) d.hang_up();
      INFO(cut);
      CHECK(d.closed);
      CHECK(d.events.back() == "close client gone");
      CHECK(d.messages.empty());
    }
  }
}

TEST_CASE("REQUIRETLS is offered and taken inside TLS only and without a value", "[RTLS-01]") {
  const std::string with_it = "MAIL FROM:<a@sender.test> REQUIRETLS\r\n";
  for (const auto tls : {Tls::none, Tls::starttls}) {
    Driver plain(with(tls));
    CHECK_FALSE(has(plain.says(hello), "REQUIRETLS"));
    CHECK(plain.says(with_it).starts_with("555 5.5.4"));
    CHECK(plain.says("MAIL FROM:<a@sender.test> REQUIRETLS=1\r\n").starts_with("555 5.5.4"));
    CHECK(plain.says(mail).starts_with("250"));
    CHECK_FALSE(plain.mails.back().requiretls);
  }
  for (const auto tls : {Tls::starttls, Tls::implicit}) {
    auto d = secured(tls);
    CHECK(has(d.says(hello), "REQUIRETLS"));
    CHECK(d.says("MAIL FROM:<a@sender.test> REQUIRETLS=1\r\n").starts_with("501 5.5.4"));
    CHECK(d.says("MAIL FROM:<a@sender.test> REQUIRETLS=\r\n").starts_with("501 5.5.4"));
    CHECK(d.says("MAIL FROM:<a@sender.test> REQUIRETLS REQUIRETLS\r\n").starts_with("501 5.5.4"));
    CHECK(d.says("MAIL FROM:<a@sender.test> SIZE=10 requireTLS BODY=8BITMIME\r\n").starts_with("250"));
    REQUIRE(d.mails.size() == 1);
    CHECK(d.mails.back().requiretls);
    CHECK(d.says("RCPT TO:<b@good.test> REQUIRETLS\r\n").starts_with("555"));
    CHECK(d.says("RSET\r\n").starts_with("250"));
    CHECK(d.says(mail).starts_with("250"));
    CHECK_FALSE(d.mails.back().requiretls);
    d.says("RSET\r\n");
    // HELO is offered nothing.
    CHECK(d.says("HELO x\r\n") == "250 relay.test\r\n");
    CHECK(d.says(with_it).starts_with("555"));
  }
}

TEST_CASE("the MAIL line may be eleven octets longer where REQUIRETLS is offered", "[RTLS-08]") {
  const auto line = [](std::size_t size) {
    const std::string start = "MAIL FROM:<a@sender.test> REQUIRETLS";
    return start + std::string(size - start.size() - 2, ' ') + "\r\n";
  };
  constexpr std::size_t limit = 512 + 26 + 116 + 10;  // with the room for SIZE, DSN and SMTPUTF8
  for (const std::size_t more : {std::size_t{0}, std::size_t{11}}) {
    auto d = secured();
    CHECK(d.says(line(limit + more)).starts_with("250"));
    CHECK(d.mails.back().requiretls);
  }
  auto d = secured();
  CHECK(d.says(line(limit + 12)).starts_with("500 5.5.2"));
  CHECK(d.says("NOOP " + std::string(700, 'x') + "\r\n").starts_with("500 5.5.2"));
  CHECK(d.says(mail).starts_with("250"));
  Driver plain(with(Tls::starttls));
  plain.feed(hello);
  CHECK(plain.says(mail.substr(0, mail.size() - 2) + std::string(limit + 1 - mail.size(), ' ') + "\r\n")
            .starts_with("500 5.5.2"));
}
