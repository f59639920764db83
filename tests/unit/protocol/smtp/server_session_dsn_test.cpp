// The server machine and DSN: whom it is offered to, what reaches the owner, how long a line may be with it.
#include <catch2/catch.hpp>

#include "tests/unit/protocol/smtp/server_session_driver.hpp"

using namespace smtp;
using smtp::testing::Driver;

namespace {

const std::string hello = "EHLO client.test\r\n";
const std::string mail = "MAIL FROM:<a@sender.test>\r\n";

std::string padded(const std::string& start, std::size_t size) {
  return start + std::string(size - start.size() - 2, ' ') + "\r\n";
}

}  // namespace

TEST_CASE("DSN is offered to EHLO and LHLO and not to HELO", "[SMTP-26]") {
  for (const std::string verb : {"EHLO", "LHLO"}) {
    Driver d;
    d.feed("");
    CHECK(d.says(verb + " x\r\n").find("DSN\r\n") != std::string::npos);
    CHECK(d.says("MAIL FROM:<a@sender.test> RET=HDRS ENVID=QQ+2B1\r\n").starts_with("250"));
    REQUIRE(d.mails.size() == 1);
    CHECK(d.mails[0].ret == Return::headers);
    CHECK(d.mails[0].envid == "QQ+2B1");
    CHECK(d.says("RCPT TO:<b@good.test> NOTIFY=NEVER,DELAY\r\n").starts_with("501 5.5.4"));
    CHECK(d.says("RCPT TO:<b@good.test> NOTIFY=DELAY\r\n").starts_with("250"));
    CHECK(d.session.accepted_recipients() == 1);
  }
  Driver old;
  old.feed("HELO x\r\n");
  CHECK(old.says("MAIL FROM:<a@sender.test> RET=HDRS\r\n").starts_with("555 5.5.4"));
  CHECK(old.says("MAIL FROM:<a@sender.test> ENVID=x\r\n").starts_with("555 5.5.4"));
  CHECK(old.says(mail).starts_with("250"));
  CHECK(old.says("RCPT TO:<b@good.test> NOTIFY=NEVER\r\n").starts_with("555 5.5.4"));
  CHECK(old.says("RCPT TO:<b@good.test> ORCPT=rfc822;b\r\n").starts_with("555 5.5.4"));
  CHECK(old.says("RCPT TO:<b@good.test>\r\n").starts_with("250"));
}

TEST_CASE("recipients that are asked about together keep each their own parameters", "[SMTP-26]") {
  const std::string all =
      "RCPT TO:<b@good.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;B@good.test\r\nRCPT TO:<c@good.test>\r\n"
      "RCPT TO:<d@good.test> NOTIFY=NEVER\r\n";
  for (const std::size_t read : {std::size_t{1}, std::size_t{64u << 10}}) {
    Driver d;
    d.read_size = read;
    std::vector<Rcpt> asked;
    d.answer_rcpt = [&asked](const Rcpt& rcpt) {
      asked.push_back(rcpt);
      return Reply{250, "2.1.5", "ok"};
    };
    d.feed(hello + mail + all);
    REQUIRE(asked.size() == 3);
    CHECK(asked[0].notify == Notify{.given = true, .success = true, .delay = true});
    CHECK(asked[0].orcpt == "rfc822;B@good.test");
    CHECK(asked[1].notify == Notify{});
    CHECK(asked[1].orcpt.empty());
    CHECK(asked[2].notify == Notify{.given = true, .never = true});
  }
}

TEST_CASE("MAIL and RCPT lines may be longer by what DSN adds", "[SMTP-26][SMTP-07]") {
  const std::string envid(100, 'e');
  const std::string orcpt = "rfc822;" + std::string(493, 'o');
  const std::string longest = "RCPT TO:<b@good.test> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=" + orcpt;
  constexpr std::size_t mail_limit = 512 + 26 + 116 + 10, rcpt_limit = 512 + 536;
  for (const std::size_t read : {std::size_t{1}, std::size_t{7}, std::size_t{64u << 10}}) {
    Driver d;
    d.read_size = read;
    d.feed(hello);
    CHECK(d.says(padded("MAIL FROM:<a@sender.test> RET=FULL ENVID=" + envid, mail_limit + 1)).starts_with("500 5.5.2"));
    CHECK(d.says(padded("MAIL FROM:<a@sender.test> RET=FULL ENVID=" + envid, mail_limit)).starts_with("250"));
    CHECK(d.says(padded(longest, rcpt_limit + 1)).starts_with("500 5.5.2"));
    CHECK(d.says(padded(longest, rcpt_limit)).starts_with("250"));
    // Behind one that is good, in one batch where it is read at once.
    const auto replies = d.says(longest + "\r\n" + padded(longest, rcpt_limit) + padded(longest, rcpt_limit + 1));
    CHECK(replies == "250 2.1.5 ok\r\n250 2.1.5 ok\r\n500 5.5.2 the line is too long\r\n");
    CHECK(d.session.accepted_recipients() == 3);
    CHECK(d.says(padded("NOOP", 513)).starts_with("500 5.5.2"));
    CHECK(d.says(padded("NOOP", 512)).starts_with("250"));
  }
  Driver old;
  old.feed("HELO x\r\n" + mail);
  CHECK(old.says(padded("RCPT TO:<b@good.test>", 513)).starts_with("500 5.5.2"));
  CHECK(old.says(padded("RCPT TO:<b@good.test>", 512)).starts_with("250"));
}
