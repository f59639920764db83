// The parameters that DSN adds to MAIL and RCPT (RFC 3461 §4): what is taken, what refuses the line, and that all of it
// is unknown where DSN was not offered.
#include <catch2/catch.hpp>

#include "protocol/smtp/command.hpp"

using namespace smtp;

namespace {

constexpr Offer with_dsn{.dsn = true};

template <class T>
T parsed(const std::string& line) {
  auto command = parse_command(line, with_dsn);
  INFO(line);
  REQUIRE(std::holds_alternative<T>(command));
  return std::get<T>(std::move(command));
}

Mail mail(const std::string& parameters) {
  return parsed<Mail>("MAIL FROM:<a@sender.test> " + parameters);
}
Rcpt rcpt(const std::string& parameters) {
  return parsed<Rcpt>("RCPT TO:<b@good.test> " + parameters);
}

}  // namespace

TEST_CASE("RET and ENVID are taken with MAIL", "[SMTP-26]") {
  CHECK(mail("").ret == Return::unspecified);
  CHECK(mail("").envid.empty());
  CHECK(mail("RET=FULL").ret == Return::full);
  CHECK(mail("ret=hdrs").ret == Return::headers);
  CHECK(mail("ENVID=QQ314159").envid == "QQ314159");
  const auto both = mail("SIZE=10 envid=a+20b+2B RET=FULL BODY=8BITMIME");
  CHECK(both.envid == "a+20b+2B");
  CHECK(both.ret == Return::full);
  CHECK(both.size == 10);
  CHECK(both.body == Body::eight_bit);
  CHECK(mail("ENVID=" + std::string(100, 'x')).envid.size() == 100);
  const auto null = parsed<Mail>("MAIL FROM:<> RET=HDRS ENVID=x");
  CHECK(null.reverse_path.null());
  CHECK(null.ret == Return::headers);
}

TEST_CASE("NOTIFY and ORCPT are taken with RCPT", "[SMTP-26]") {
  struct Row {
    const char* value;
    Notify notify;
    const char* written;
  };
  const Row rows[] = {
      {"NEVER", {.given = true, .never = true}, "NEVER"},
      {"never", {.given = true, .never = true}, "NEVER"},
      {"SUCCESS", {.given = true, .success = true}, "SUCCESS"},
      {"FAILURE", {.given = true, .failure = true}, "FAILURE"},
      {"Delay", {.given = true, .delay = true}, "DELAY"},
      {"DELAY,failure", {.given = true, .failure = true, .delay = true}, "FAILURE,DELAY"},
      {"SUCCESS,FAILURE,DELAY",
       {.given = true, .success = true, .failure = true, .delay = true},
       "SUCCESS,FAILURE,DELAY"},
      {"SUCCESS,SUCCESS", {.given = true, .success = true}, "SUCCESS"},
  };
  for (const Row& row : rows) {
    INFO(row.value);
    CHECK(rcpt(std::string("NOTIFY=") + row.value).notify == row.notify);
    CHECK(notify_value(row.notify) == row.written);
    CHECK(parse_notify(row.written) == row.notify);
  }
  CHECK(rcpt("").notify == Notify{});
  CHECK(notify_value({}).empty());
  CHECK(rcpt("").orcpt.empty());
  CHECK(rcpt("ORCPT=rfc822;Bob@Example.COM").orcpt == "rfc822;Bob@Example.COM");
  CHECK(rcpt("orcpt=X400;+2FS+3Dx;y NOTIFY=DELAY").orcpt == "X400;+2FS+3Dx;y");
  CHECK(rcpt("ORCPT=utf-8;caf\\x{E9}@good.test").orcpt == "utf-8;caf\\x{E9}@good.test");
  CHECK(rcpt("ORCPT=rfc822;" + std::string(493, 'x')).orcpt.size() == 500);
  CHECK(rcpt("NOTIFY=NEVER ORCPT=rfc822;x").notify.never);
}

TEST_CASE("what DSN adds is refused where it is malformed or given twice", "[SMTP-26]") {
  const std::string mails[] = {
      "RET",
      "RET=",
      "RET=ALL",
      "RET=FULL,HDRS",
      "RET=FULL RET=FULL",
      "RET=FULL RET=HDRS",
      "ENVID",
      "ENVID=",
      "ENVID=a+2",
      "ENVID=a+2b",
      "ENVID=a+",
      "ENVID=a=b",
      "ENVID=a+0Ab",
      "ENVID=+00",
      "ENVID=caf+C3+A9",
      "ENVID=caf\xe9",
      "ENVID=x ENVID=x",
      "ENVID=" + std::string(101, 'x'),
  };
  for (const auto& parameters : mails) {
    const auto reply = parsed<Reply>("MAIL FROM:<a@sender.test> " + parameters);
    CAPTURE(parameters);
    CHECK(reply.code == 501);
    CHECK(reply.enhanced == "5.5.4");
    CHECK_FALSE(reply.text.empty());
  }
  const std::string rcpts[] = {
      "NOTIFY",
      "NOTIFY=",
      "NOTIFY=ALWAYS",
      "NOTIFY=NEVER,DELAY",
      "NOTIFY=DELAY,NEVER",
      "NOTIFY=NEVER,NEVER",
      "NOTIFY=SUCCESS,",
      "NOTIFY=,SUCCESS",
      "NOTIFY=SUCCESS,,DELAY",
      "NOTIFY=SUCCESS;DELAY",
      "NOTIFY=SUCCESS NOTIFY=SUCCESS",
      "NOTIFY=NEVER NOTIFY=DELAY",
      "ORCPT",
      "ORCPT=",
      "ORCPT=b@good.test",
      "ORCPT=rfc822",
      "ORCPT=rfc822;",
      "ORCPT=;b@good.test",
      "ORCPT=rfc@822;b",
      "ORCPT=\"rfc822\";b",
      "ORCPT=rfc822;b+4",
      "ORCPT=rfc822;b+4a",
      "ORCPT=rfc822;b=c",
      "ORCPT=rfc822;caf\xe9",
      "ORCPT=rfc822;b ORCPT=rfc822;b",
      "ORCPT=rfc822;" + std::string(494, 'x'),
  };
  for (const auto& parameters : rcpts) {
    const auto reply = parsed<Reply>("RCPT TO:<b@good.test> " + parameters);
    CAPTURE(parameters);
    CHECK(reply.code == 501);
    CHECK(reply.enhanced == "5.5.4");
    CHECK_FALSE(reply.text.empty());
  }
}

TEST_CASE("what DSN adds is unknown where DSN was not offered and with the other command", "[SMTP-26]") {
  for (const std::string line :
       {"MAIL FROM:<a@sender.test> RET=FULL", "MAIL FROM:<a@sender.test> ENVID=x", "RCPT TO:<b@good.test> NOTIFY=NEVER",
        "RCPT TO:<b@good.test> ORCPT=rfc822;b@good.test"}) {
    const auto command = parse_command(line);
    REQUIRE(std::holds_alternative<Reply>(command));
    CHECK(std::get<Reply>(command).code == 555);
  }
  for (const char* parameter : {"NOTIFY=NEVER", "ORCPT=rfc822;b"})
    CHECK(parsed<Reply>(std::string("MAIL FROM:<> ") + parameter).code == 555);
  for (const char* parameter : {"RET=FULL", "ENVID=x"})
    CHECK(parsed<Reply>(std::string("RCPT TO:<b@good.test> ") + parameter).code == 555);
}

TEST_CASE("ORCPT of type utf-8 is taken in both forms and in UTF-8 with SMTPUTF8 only", "[SMTP-26][SMTP-62]") {
  struct Row {
    const char* value;
    bool good, good_with_smtputf8;
  };
  const Row rows[] = {
      {"utf-8;m\\x{FC}ller@good.test", true, true},         {"UTF-8;b\\x{2B}c@good.test", true, true},
      {"utf-8;m\xc3\xbcller@good.test", false, true},       {"utf-8;m\xfcller@good.test", false, false},
      {"rfc822;m\xc3\xbcller@good.test", false, false},     {"m\xc3\xbc;b@good.test", false, false},
      {"utf-8;m\\x{110000}@good.test", true, true},  // as plain xtext
      {"utf-8;m\xc3\xbc\\x{D800}@good.test", false, false}, {"utf-8;", false, false},
  };
  for (const Row& row : rows) {
    for (const bool utf8 : {true, false}) {
      INFO(row.value);
      auto offer = with_dsn;
      offer.utf8_addresses = utf8;
      const auto command = parse_command(std::string("RCPT TO:<b@good.test> ORCPT=") + row.value, offer);
      const auto* taken = std::get_if<Rcpt>(&command);
      REQUIRE((taken != nullptr) == (utf8 ? row.good_with_smtputf8 : row.good));
      if (taken != nullptr) CHECK(taken->orcpt == row.value);
    }
  }
}
