// Command lines: the table of what is understood and of what refuses what is not.
#include "protocol/smtp/command.hpp"

#include <catch2/catch.hpp>

using namespace smtp;

namespace {

template <class T>
T parsed(std::string_view line) {
  auto command = parse_command(line);
  INFO(line);
  REQUIRE(std::holds_alternative<T>(command));
  return std::get<T>(std::move(command));
}

}  // namespace

TEST_CASE("a command line that cannot be run is refused with the right codes", "[SMTP-05][SMTP-01][SMTP-36][SMTP-54]") {
  struct Row {
    std::string line;
    int code;
    const char* enhanced;
  };
  const Row rows[] = {
      {"", 500, "5.5.1"},
      {" ", 500, "5.5.1"},
      {"FROBNICATE", 500, "5.5.1"},
      {" NOOP", 500, "5.5.1"},
      {"NOOPS", 500, "5.5.1"},
      {"M\xc3\x84IL", 500, "5.5.1"},
      {std::string("NOOP a\0b", 8), 500, "5.5.2"},
      {"NOOP\rRSET", 500, "5.5.2"},
      {"NOOP\n", 500, "5.5.2"},
      {"MAIL FROM:<a@sender.test>\nRCPT TO:<b@good.test>", 500, "5.5.2"},
      {"EXPN list", 502, "5.5.1"},
      {"starttls now", 501, "5.5.4"},
      {"BDAT zero LAST", 501, "5.5.4"},
      {"TURN", 502, "5.5.1"},
      {"ETRN x", 502, "5.5.1"},
      {"SEND FROM:<a@b.test>", 502, "5.5.1"},
      {"VRFY", 501, "5.5.4"},
      {"VRFY  ", 501, "5.5.4"},
      {"EHLO", 501, "5.5.4"},
      {"HELO ", 501, "5.5.4"},
      {"LHLO \t ", 501, "5.5.4"},
      {"DATA now", 501, "5.5.4"},
      {"RSET now", 501, "5.5.4"},
      {"QUIT now", 501, "5.5.4"},
      {"MAIL", 501, "5.5.4"},
      {"MAIL <a@sender.test>", 501, "5.5.4"},
      {"MAIL TO:<a@sender.test>", 501, "5.5.4"},
      {"MAIL FROM:", 501, "5.1.7"},
      {"MAIL FROM:<a@@sender.test>", 501, "5.1.7"},
      {"MAIL FROM:<<<", 501, "5.1.7"},
      {"MAIL FROM:a@sender.test", 501, "5.1.7"},
      {"MAIL FROM:  <a@sender.test>", 501, "5.1.7"},
      {"MAIL FROM:<a@sender.test>SIZE=1", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> SIZE=many", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> SIZE", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> SIZE=", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> SIZE=-1", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> SIZE=1 SIZE=1", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> SIZE=123456789012345678901", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> BODY=BINARYMIME", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> BODY", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> BODY=7BIT BODY=7BIT", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> =x", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> A=B=C", 501, "5.5.4"},
      {"MAIL FROM:<a@sender.test> WHAT=EVER", 555, "5.5.4"},
      {"MAIL FROM:<a@sender.test> SMTPUTF8", 555, "5.5.4"},
      {"RCPT", 501, "5.5.4"},
      {"RCPT TO:<>", 501, "5.1.3"},
      {"RCPT TO:<caf\xe9@good.test>", 501, "5.1.3"},
      {"RCPT TO:<b@good.test> WHAT=EVER", 555, "5.5.4"},
      {"RCPT TO:<b@good.test> \xe9", 501, "5.5.4"},
  };
  for (const Row& row : rows) {
    const auto reply = parsed<Reply>(row.line);
    CAPTURE(row.line);
    CHECK(reply.code == row.code);
    CHECK(reply.enhanced == row.enhanced);
    CHECK_FALSE(reply.text.empty());
  }
}

TEST_CASE("commands are known in any case with blanks behind them", "[SMTP-54][SMTP-36]") {
  parsed<command::Data>("data");
  parsed<command::Data>("DATA \t");
  parsed<command::Rset>("rSeT");
  parsed<command::Quit>("quit ");
  parsed<command::Noop>("noop with words \xe9");
  parsed<command::Help>("HELP MAIL");
  parsed<command::Vrfy>("VRFY b");
}

TEST_CASE("AUTH is taken as it came", "[SMTP-32]") {
  const auto auth = [](const char* line) { return parsed<command::Auth>(line); };
  CHECK(auth("auth plain AGEAYg==").mechanism == "plain");
  CHECK(auth("AUTH PLAIN AGEAYg==").initial == "AGEAYg==");
  CHECK_FALSE(auth("AUTH LOGIN ").initial);
  CHECK(auth("AUTH").mechanism.empty());
  CHECK(auth("AUTH PLAIN  = ").initial == "=");
  CHECK(auth("AUTH X a b").initial == "a b");
}

TEST_CASE("MAIL is taken with its parameters", "[SMTP-54][SMTP-21][E-2]") {
  auto mail = parsed<Mail>("mAiL FrOm:<a@sender.test> size=1000 body=8bitmime  ");
  CHECK(mail.reverse_path.address == "a@sender.test");
  CHECK(mail.size == 1000);
  CHECK(mail.body == Body::eight_bit);
  mail = parsed<Mail>("MAIL FROM: <a@sender.test> BODY=7BIT");
  CHECK(mail.reverse_path.address == "a@sender.test");
  CHECK_FALSE(mail.size);
  CHECK(mail.body == Body::seven_bit);
  CHECK(parsed<Mail>("MAIL FROM:<>").reverse_path.null());
  CHECK(parsed<Mail>("MAIL FROM:<> SIZE=0").size == 0);
  // More than 64 bits hold is more than any limit, not less.
  CHECK(parsed<Mail>("MAIL FROM:<> SIZE=18446744073709551615").size == 18446744073709551615u);
  CHECK(parsed<Mail>("MAIL FROM:<> SIZE=18446744073709551616").size == 18446744073709551615u);
  CHECK(parsed<Mail>("MAIL FROM:<> SIZE=99999999999999999999").size == 18446744073709551615u);
}

TEST_CASE("RCPT is taken with one blank after its colon", "[SMTP-54][E-2]") {
  CHECK(parsed<Rcpt>("rcpt to: <b@good.test>").forward_path.address == "b@good.test");
  CHECK(parsed<Rcpt>("RCPT TO:<Postmaster>").forward_path.postmaster);
}

TEST_CASE("any name in EHLO is taken as it came", "[SMTP-64][E-1]") {
  using Verb = command::Hello::Verb;
  const std::pair<const char*, Verb> verbs[] = {{"EHLO", Verb::ehlo}, {"helo", Verb::helo}, {"Lhlo", Verb::lhlo}};
  for (const auto& [word, verb] : verbs) {
    for (const std::string name :
         {"my_app_1.net_x", "[IPV6:2001:db8::1]", "localhost", "evil);(x by\tfake.test with\x1b[31m", "caf\xe9"}) {
      const auto hello = parsed<command::Hello>(word + (" " + name) + " ");
      CHECK(hello.verb == verb);
      CHECK(hello.name == name);
    }
  }
}
