// AUTH= of MAIL (RFC 4954 §5): what is taken, what refuses the line, and that it is unknown where AUTH was not offered.
#include <catch2/catch.hpp>

#include "protocol/smtp/command.hpp"

using namespace smtp;

namespace {

Command mail(const std::string& parameters, bool offered = true) {
  return parse_command("MAIL FROM:<a@sender.test> " + parameters, {.auth = offered});
}

}  // namespace

TEST_CASE("AUTH of MAIL is taken with its xtext undone", "[SMTP-57]") {
  const std::pair<const char*, const char*> rows[] = {
      {"AUTH=<>", ""},
      {"auth=ann@sender.test", "ann@sender.test"},
      {"AUTH=e+3Dmc2@sender.test", "e=mc2@sender.test"},
      {"AUTH=+61@sender.test", "a@sender.test"},
      {"AUTH=a+2Bb@Sender.Test", "a+b@Sender.Test"},
      {"AUTH=\"a+20b\"@[192.0.2.1]", "\"a b\"@[192.0.2.1]"},
      {"SIZE=5 AUTH=ann@sender.test BODY=7BIT", "ann@sender.test"},
  };
  for (const auto& [parameters, auth] : rows) {
    CAPTURE(parameters);
    const auto command = mail(parameters);
    REQUIRE(std::holds_alternative<Mail>(command));
    CHECK(std::get<Mail>(command).auth == std::string(auth));
  }
  CHECK_FALSE(std::get<Mail>(mail("SIZE=5")).auth);
}

TEST_CASE("AUTH of MAIL that is no mailbox refuses the line", "[SMTP-57]") {
  for (const std::string value :
       {"", "=", "=<", "=ann", "=<ann@sender.test>", "=postmaster", "=@hop.test:ann@sender.test", "=ann@sender.test+3E",
        "=ann+", "=ann+4", "=ann+4x@sender.test", "=+00@sender.test", "=+0D+0A@sender.test", "=ann@sender..test",
        "=<> AUTH=<>", "=+FF@sender.test", "=a+20b@sender.test", "=<>x"}) {
    CAPTURE(value);
    const auto command = mail("AUTH" + value);
    REQUIRE(std::holds_alternative<Reply>(command));
    CHECK(std::get<Reply>(command).code == 501);
    CHECK(std::get<Reply>(command).enhanced == "5.5.4");
  }
  for (const auto* parameter : {"AUTH=<>", "AUTH=ann@sender.test", "AUTH"}) {
    const auto command = mail(parameter, false);
    REQUIRE(std::holds_alternative<Reply>(command));
    CHECK(std::get<Reply>(command).code == 555);
  }
  CHECK(std::get<Reply>(parse_command("RCPT TO:<b@good.test> AUTH=<>", {.auth = true})).code == 555);
}
