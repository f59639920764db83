// CHUNKING: messages in chunks, chunks that are dropped, and that BDAT and DATA bring the same octets.
#include <catch2/catch.hpp>
#include <random>

#include "protocol/smtp/server_session.hpp"
#include "tests/unit/protocol/smtp/server_session_driver.hpp"

using namespace smtp;
using smtp::testing::Driver;

namespace {

const std::string envelope = "EHLO client.test\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<b@good.test>\r\n";

std::string bdat(std::string_view octets, bool last) {
  return "BDAT " + std::to_string(octets.size()) + (last ? " LAST\r\n" : "\r\n") + std::string(octets);
}

/// As a client sends it after DATA, its end included.
std::string for_data(const std::string& raw) {
  std::string wire;
  bool line_start = true;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (line_start && raw[i] == '.') wire += '.';
    wire += raw[i];
    line_start = i > 0 && raw[i] == '\n' && raw[i - 1] == '\r';
  }
  if (!line_start) wire += "\r\n";
  return wire + ".\r\n";
}

std::string random_message(std::mt19937& random, bool bare) {
  const std::vector<std::string> pieces{
      "\r\n", "\r\n", ".", "..", "x", "Received: y\r\n", std::string(1, '\0'), "\xff", std::string(1200, 'l')};
  std::string text = "Subject: x\r\n\r\n";
  const auto count = random() % 40;
  for (unsigned i = 0; i < count; ++i) {
    const auto pick = random() % (pieces.size() + (bare ? 2 : 0));
    text += pick < pieces.size() ? pieces[pick] : pick == pieces.size() ? "\n" : "\r";
  }
  return text;
}

}  // namespace

TEST_CASE("CHUNKING is offered and a message comes in chunks", "[SMTP-23]") {
  Driver d;
  CHECK(d.says("EHLO client.test\r\n").find("CHUNKING") != std::string::npos);
  d.says("MAIL FROM:<a@sender.test>\r\nRCPT TO:<b@good.test>\r\n");
  CHECK(d.says(bdat("Subject: x\r\n\r\n.fi", false)) == "250 2.0.0 chunk taken\r\n");
  CHECK(d.says(bdat("", false)) == "250 2.0.0 chunk taken\r\n");
  CHECK(d.says(bdat("rst\r\n.\r\n", false)) == "250 2.0.0 chunk taken\r\n");
  CHECK(d.says(bdat("last", true)) == "250 2.0.0 delivered\r\n");
  REQUIRE(d.messages.size() == 1);
  CHECK(d.messages[0] == "Subject: x\r\n\r\n..first\r\n..\r\nlast\r\n");
  CHECK(d.event_list() == "mail a@sender.test, rcpt b@good.test, body, last, end");
  CHECK_FALSE(d.session.in_transaction());
}

TEST_CASE("BDAT and DATA of one message bring the same octets however they are split", "[SMTP-23][SMTP-04][SMTP-03]") {
  const auto seed = GENERATE(range(1U, 400U));
  std::mt19937 random(seed);
  CAPTURE(seed);
  const bool bare = seed % 2 == 0;
  const auto raw = random_message(random, bare);
  auto options = Driver::defaults();
  options.bare_newline = seed % 4 == 0 ? BareNewline::normalize : BareNewline::reject;
  options.message_size = 1U << 20;
  Driver by_data(options, Admission::served, 4096);
  by_data.feed(envelope + "DATA\r\n" + for_data(raw));
  Driver by_bdat(options, Admission::served, 4096);
  by_bdat.read_size = 1 + random() % 3000;
  std::string octets = envelope;
  for (std::size_t at = 0;;) {
    const auto size = std::min<std::size_t>(raw.size() - at, random() % 900);
    const bool last = at + size == raw.size() && random() % 2 == 0;
    octets += bdat(std::string_view(raw).substr(at, size), last);
    at += size;
    if (last) break;
  }
  by_bdat.feed(octets);
  CHECK(by_bdat.messages == by_data.messages);
  if (!by_data.messages.empty()) {
    CHECK(by_bdat.session.body().octets == by_data.session.body().octets);
    CHECK(by_bdat.session.body().received == by_data.session.body().received);
    CHECK(by_bdat.session.body().eight_bit == by_data.session.body().eight_bit);
  }
  CHECK(by_bdat.says("NOOP\r\n").starts_with("250 "));
}

// B-1: the chunk of a refused BDAT ran as commands.
TEST_CASE("a chunk that is not wanted is read and dropped before the reply", "[SMTP-23][B-1]") {
  const std::string chunk = "MAIL FROM:<a@b.com>\r";
  for (const std::size_t read : {1U, 7U, 1000U}) {
    Driver d;
    d.read_size = read;
    d.says("EHLO client.test\r\n");
    const auto said = d.says(bdat(chunk, true) + "NOOP\r\n");
    CHECK(said.starts_with("503 5.5.1"));
    CHECK(said.find("\r\n250 2.0.0 ok") != std::string::npos);
    CHECK(d.events.empty());
  }
  Driver d;
  d.answer_rcpt = [](const Rcpt&) { return Reply{550, "5.1.1", "nobody"}; };
  const auto said = d.says(envelope + bdat(chunk, false) + bdat(chunk, true) + "RSET\r\n");
  CHECK(said.find("503 5.5.1 MAIL and RCPT come first\r\n503 5.5.1 MAIL and RCPT come first\r\n250 ") !=
        std::string::npos);
}

TEST_CASE("after a chunk that was refused only RSET helps", "[SMTP-23][SMTP-03]") {
  Driver d;
  d.feed(envelope);
  CHECK(d.says(bdat("a bare\nnewline", false)).starts_with("550 5.6.0"));
  CHECK(d.says(bdat("MAIL FROM:<x@y.test>\r\n", false)).starts_with("503 "));
  CHECK(d.says(bdat("", true)).starts_with("503 "));
  CHECK(d.says("MAIL FROM:<a@sender.test>\r\n").starts_with("503 "));
  CHECK(d.says("DATA\r\n").starts_with("503 "));
  CHECK(d.says("RSET\r\n").starts_with("250 "));
  CHECK(d.says("MAIL FROM:<a@sender.test>\r\nRCPT TO:<b@good.test>\r\n").find("250 2.1.5") != std::string::npos);
  CHECK(d.says(bdat("x\r\n", true)) == "250 2.0.0 delivered\r\n");
  CHECK(d.event_list() ==
        "mail a@sender.test, rcpt b@good.test, body, abandon refused content, mail a@sender.test, rcpt b@good.test, "
        "body, last, end");
}

TEST_CASE("BDAT does not mix with DATA nor with further recipients", "[SMTP-23]") {
  Driver d;
  d.feed(envelope);
  d.says(bdat("x\r\n", false));
  CHECK(d.says("DATA\r\n").starts_with("503 "));
  CHECK(d.says("RCPT TO:<c@good.test>\r\n").starts_with("503 "));
  CHECK(d.says("MAIL FROM:<c@good.test>\r\n").starts_with("503 "));
  CHECK(d.says(bdat("y\r\n", true)).starts_with("250 "));
  CHECK(d.says(bdat("z\r\n", true)).starts_with("503 "));
  CHECK(d.messages == std::vector<std::string>{"x\r\ny\r\n"});
}

TEST_CASE("a message in chunks that grows too large is refused and dropped", "[SMTP-23]") {
  auto options = Driver::defaults();
  options.message_size = 10'000;
  Driver d(options, Admission::served, 4096);
  d.feed(envelope);
  std::string said;
  for (int i = 0; i < 5; ++i) said = d.says(bdat(std::string(2998, 'x') + "\r\n", false));
  CHECK(said.starts_with("503 "));
  CHECK(d.output.find("552 5.3.4") != std::string::npos);
  CHECK(d.messages.empty());
}

TEST_CASE("after LHLO the last chunk has a reply for each recipient", "[SMTP-23][SMTP-65]") {
  Driver d;
  d.feed("LHLO client.test\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<b@good.test>\r\nRCPT TO:<c@good.test>\r\n");
  CHECK(d.says(bdat("x\r\n", false)) == "250 2.0.0 chunk taken\r\n");
  CHECK(d.says(bdat("y\r\n", true)) == "250 2.0.0 delivered\r\n250 2.0.0 delivered\r\n");
}

TEST_CASE("a client that is gone inside a chunk leaves no message", "[SMTP-23][SMTP-41]") {
  Driver d;
  d.feed(envelope + "BDAT 100 LAST\r\nhalf");
  d.hang_up();
  CHECK(d.messages.empty());
  CHECK(d.event_list() == "mail a@sender.test, rcpt b@good.test, body, abandon client gone, close client gone");
}

TEST_CASE("BDAT needs a number of octets", "[SMTP-23]") {
  Driver d;
  d.feed(envelope);
  for (const char* line :
       {"BDAT", "BDAT x", "BDAT -1", "BDAT 10 FIRST", "BDAT 10 LAST LAST", "BDAT 123456789012345678901"})
    CHECK(d.says(std::string(line) + "\r\n").starts_with("501 5.5.4"));
}

TEST_CASE("SMTPUTF8 lets addresses be other than ASCII and nothing else does", "[SMTP-24]") {
  Driver d;
  CHECK(d.says("EHLO client.test\r\n").find("SMTPUTF8") != std::string::npos);
  CHECK(d.says("MAIL FROM:<m\xc3\xbcller@sender.test>\r\n").starts_with("550 5.6.7"));
  CHECK(d.says("MAIL FROM:<a@sender.test>\r\n").starts_with("250 "));
  CHECK(d.says("RCPT TO:<m\xc3\xbcller@good.test>\r\n").starts_with("553 5.6.7"));
  CHECK(d.says("RSET\r\n").starts_with("250 "));
  CHECK(d.says("MAIL FROM:<m\xc3\xbcller@b\xc3\xbc"
               "cher.test> SMTPUTF8\r\n")
            .starts_with("250 "));
  CHECK(d.says("RCPT TO:<m\xc3\xbcller@good.test>\r\n").starts_with("250 "));
  CHECK(d.says("RCPT TO:<m\xfcller@good.test>\r\n").starts_with("501 5.1.3"));
  REQUIRE(d.mails.size() == 2);
  CHECK(d.mails[1].smtputf8);
  CHECK(d.mails[1].reverse_path.international);
  CHECK(d.says("RSET\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<m\xc3\xbcller@good.test>\r\n").find("553 5.6.7") !=
        std::string::npos);
  CHECK(d.says("RSET\r\nMAIL FROM:<a@sender.test> SMTPUTF8=1\r\n").find("501 ") != std::string::npos);
  CHECK(d.says("HELO client.test\r\nMAIL FROM:<a@sender.test> SMTPUTF8\r\n").find("555 ") != std::string::npos);
}
