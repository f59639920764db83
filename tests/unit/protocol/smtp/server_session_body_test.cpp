// The server machine's message bodies: the hold, the stream, refused content, lost clients.
#include <catch2/catch.hpp>
#include <numeric>
#include <random>

#include "protocol/smtp/server_session.hpp"
#include "tests/unit/protocol/smtp/data_scanner_reference.hpp"
#include "tests/unit/protocol/smtp/server_session_driver.hpp"

using namespace smtp;
using smtp::testing::Driver;

namespace {

const std::string begin = "EHLO client.test\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<b@good.test>\r\nDATA\r\n";
const std::string lmtp_begin =
    "LHLO client.test\r\nMAIL FROM:<a@sender.test>\r\nRCPT TO:<b@good.test>\r\nRCPT TO:<no@good.test>\r\nRCPT "
    "TO:<c@two.test>\r\nDATA\r\n";
const std::string envelope = "mail a@sender.test, rcpt b@good.test, body";

std::string joined(const std::vector<std::string>& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::string());
}

std::string code_at(const std::string& output, std::size_t line) {
  std::size_t at = 0;
  while (line-- > 0) at = output.find("\r\n", at) + 2;
  return output.substr(at, 9);
}

}  // namespace

TEST_CASE("a message below the hold is one part and comes when it is complete", "[SMTP-42]") {
  for (const std::size_t read : {1u, 2u, 3u, 10u, 1000u}) {
    Driver d;
    d.read_size = read;
    d.feed(begin + "Subject: x\r\n\r\n..dot\r\ntext\r\n");
    CHECK(d.parts.empty());
    CHECK(d.session.in_body());
    d.feed(".\r");
    CHECK(d.parts.empty());
    d.feed("\n");
    CHECK(d.parts == std::vector<std::string>{"Subject: x\r\n\r\n..dot\r\ntext\r\n"});
    CHECK(d.event_list() == envelope + ", last, end");
    CHECK_FALSE(d.session.in_body());
    CHECK_FALSE(d.session.in_transaction());
    CHECK(d.session.body().octets == 26);
  }
}

TEST_CASE("a message above the hold begins to stream when the buffer is full", "[SMTP-42][SMTP-04]") {
  const std::string body = [] {
    std::string text;
    for (int i = 0; text.size() < 50000; ++i)
      text += std::string(static_cast<std::size_t>(i % 90), 'y') + "\r\n..z\r\n";
    return text;
  }();
  for (const std::size_t read : {1u, 1000u, 4096u, 100000u}) {
    Driver d(Driver::defaults(), Admission::served, 4096);
    d.read_size = read;
    d.feed(begin);
    std::size_t fed = 0;
    while (d.parts.empty()) {
      d.feed(body.substr(fed, 1));
      ++fed;
    }
    CHECK(fed == 4096);
    CHECK(d.parts.front().size() >= 4094);
    CHECK(body.substr(0, d.parts.front().size()) == d.parts.front());
    d.feed(body.substr(fed) + ".\r\nNOOP\r\n");
    CHECK(joined(d.parts) == body);
    CHECK(d.event_list() == envelope + ", last, end");
    CHECK(d.output.substr(d.output.size() - 14) == "250 2.0.0 ok\r\n");
  }
}

TEST_CASE("a message that ends where the hold does comes whole", "[SMTP-42]") {
  for (std::size_t size = 4085; size <= 4100; ++size) {
    for (const std::size_t read : {1u, 7u, 4096u}) {
      Driver d(Driver::defaults(), Admission::served, 4096);
      d.read_size = read;
      const std::string body = std::string(size - 2, 'x') + "\r\n";
      d.feed(begin).feed(body + ".\r\n");
      CHECK(d.messages == std::vector<std::string>{body});
      CHECK((d.parts.size() == 1) == (size + 3 <= 4096));
      CHECK(d.event_list() == envelope + ", last, end");
    }
  }
}

TEST_CASE("a body that is not canonical is held in its canonical form", "[SMTP-03][SMTP-42][S-3]") {
  auto options = Driver::defaults();
  options.bare_newline = BareNewline::normalize;
  std::string body;
  for (int i = 0; i < 3000; ++i) body += i % 3 == 0 ? "line\n" : i % 3 == 1 ? ".\n" : "..x\r\n";
  for (const std::size_t read : {1u, 5u, 1000u, 65536u}) {
    Driver d(options, Admission::served, 4096);
    d.read_size = read;
    d.feed(begin + body.substr(0, 1000));
    CHECK(d.parts.empty());
    d.feed(body.substr(1000) + ".\r\nNOOP\r\n");
    const auto expected = reference::decode(body + ".\r\n", BareNewline::normalize);
    REQUIRE(expected);
    CHECK(joined(d.parts) == reference::stuffed(expected->content));
    CHECK(d.session.body().octets == expected->content.size());
    for (const auto& part : d.parts) CHECK(part.size() <= 3 * 4096);
  }
}

TEST_CASE("no doubtful end lets a second message in", "[SMTP-02][SMTP-03][S-1][S-2]") {
  const std::string ends[] = {"\n.\n", "\n.\r\n", "\r\n.\n",   "\r.\r",       "\r.\r\n",      "\r\n.\r",
                              "\r.\n", "\n.\r",   "\n\n.\r\n", "\r\n.\r\r\n", "\r\r\n.\r\r\n"};
  const std::string evil =
      "MAIL FROM:<evil@sender.test>\r\nRCPT TO:<victim@in.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\n";
  for (const auto& end : ends) {
    for (const std::size_t read : {1u, 3u, 1000u}) {
      CAPTURE(end, read);
      Driver d;
      d.read_size = read;
      d.feed(begin);
      CHECK(d.says("before" + end + evil + "QUIT\r\n").substr(0, 9) == "550 5.6.0");
      CHECK(d.event_list() == envelope + ", abandon refused content, close quit");
      CHECK(d.parts.empty());

      auto options = Driver::defaults();
      options.bare_newline = BareNewline::normalize;
      Driver normalizing(options);
      normalizing.read_size = read;
      normalizing.feed(begin + "before" + end + evil + "QUIT\r\n");
      CHECK(normalizing.event_list() == envelope + ", last, end, close quit");
      REQUIRE(normalizing.messages.size() == 1);
      CHECK(normalizing.messages[0].find("smuggled\r\n") != std::string::npos);
    }
  }
}

TEST_CASE("refused content is abandoned as soon as it is known and swallowed to its end",
          "[SMTP-03][SMTP-11][SMTP-21][SMTP-41]") {
  auto options = Driver::defaults();
  options.message_size = 20000;
  options.received_limit = 3;
  struct Row {
    std::string first;  // shows what is wrong
    const char* reply;
  };
  const Row rows[] = {
      {"a\nb", "550 5.6.0"},
      {"Received: a\r\nReceived: b\r\nReceived: c\r\n", "554 5.4.6"},
      {std::string(20001, 'x'), "552 5.3.4"},
  };
  for (const Row& row : rows) {
    for (const std::size_t read : {11u, 1000u, 65536u}) {
      Driver d(options);
      d.read_size = read;
      d.feed(begin + row.first);
      CHECK(d.event_list() == envelope + ", abandon refused content");
      CHECK(d.session.in_body());
      for (int i = 0; i < 20; ++i) CHECK(d.says(std::string(10000, 'y')).empty());
      CHECK(d.says("\r\n.\r\n").substr(0, 9) == row.reply);
      CHECK(d.event_list() == envelope + ", abandon refused content");
      CHECK(d.parts.empty());
      CHECK_FALSE(d.session.in_transaction());
      CHECK(d.session.body().octets > 200000);
      d.feed("MAIL FROM:<a@sender.test>\r\nRCPT TO:<b@good.test>\r\nDATA\r\nx\r\n.\r\n");
      CHECK(d.messages == std::vector<std::string>{"x\r\n"});
    }
  }
}

TEST_CASE("content is refused at the limit and not below it", "[SMTP-11][SMTP-21]") {
  auto options = Driver::defaults();
  options.message_size = 3000;
  for (const unsigned count : {99u, 100u}) {
    std::string body;
    for (unsigned i = 0; i < count; ++i) body += "Received: by x\r\n";
    Driver d(options);
    d.feed(begin);
    CHECK(d.says(body + "\r\n.\r\n").substr(0, 9) == (count < 100 ? "250 2.0.0" : "554 5.4.6"));
  }
  for (const std::size_t size : {3000u, 3001u}) {
    const std::string body = "." + std::string(size - 3, 'x') + "\r\n";
    Driver d(options);
    d.feed(begin);
    CHECK(d.says(reference::stuffed(body) + ".\r\n").substr(0, 9) == (size == 3000 ? "250 2.0.0" : "552 5.3.4"));
  }
}

TEST_CASE("content that shows its fault behind the hold stops the stream", "[SMTP-41][SMTP-42]") {
  Driver d(Driver::defaults(), Admission::served, 4096);
  d.feed(begin + std::string(10000, 'x'));
  CHECK_FALSE(d.parts.empty());
  d.feed("\nrest");
  CHECK(d.event_list() == envelope + ", abandon refused content");
  CHECK(joined(d.parts).find('\n') == std::string::npos);
  CHECK(d.says("\r\n.\r\n").substr(0, 9) == "550 5.6.0");
}

TEST_CASE("a client lost in the body is never followed by an end", "[SMTP-41]") {
  const std::string cuts[] = {"",
                              "Subj",
                              "Subject: x\r\n\r\nhalf",
                              "x\r",
                              "x\r\n",
                              "x\r\n.",
                              "x\r\n.\r",
                              std::string(10000, 'y'),
                              std::string(10000, 'z') + "\r\n.\r"};
  for (const auto& cut : cuts) {
    Driver d(Driver::defaults(), Admission::served, 4096);
    d.feed(begin + cut).hang_up();
    CHECK(d.event_list() == envelope + ", abandon client gone, close client gone");
  }
  Driver refused;
  refused.feed(begin + "a\nb").hang_up();
  CHECK(refused.event_list() == envelope + ", abandon refused content, close client gone");
}

TEST_CASE("after LHLO each accepted recipient has its own reply", "[SMTP-65]") {
  Driver d;
  d.answer_rcpt = [](const Rcpt& to) {
    return to.forward_path.local == "no" ? Reply{550, "5.1.1", "no"} : Reply{250, "2.1.5", "ok"};
  };
  d.answer_end = [](std::size_t count) {
    CHECK(count == 2);
    return std::vector<Reply>{{250, "2.0.0", "one"}, {452, "4.3.1", "two"}};
  };
  d.feed(lmtp_begin);
  CHECK(d.says("x\r\n.\r\nNOOP\r\n") == "250 2.0.0 one\r\n452 4.3.1 two\r\n250 2.0.0 ok\r\n");
}

TEST_CASE("after LHLO refused content is refused for each accepted recipient", "[SMTP-65][SMTP-03]") {
  Driver d;
  d.answer_rcpt = [](const Rcpt& to) {
    return to.forward_path.local == "no" ? Reply{550, "5.1.1", "no"} : Reply{250, "2.1.5", "ok"};
  };
  d.feed(lmtp_begin);
  const std::string replies = d.says("a\nb\r\n.\r\nNOOP\r\n");
  CHECK(code_at(replies, 0) == "550 5.6.0");
  CHECK(code_at(replies, 1) == "550 5.6.0");
  CHECK(code_at(replies, 2) == "250 2.0.0");
  CHECK(d.session.accepted_recipients() == 0);
}

TEST_CASE("a refused DATA leaves the transaction as it was", "[SMTP-06]") {
  Driver d;
  d.answer_data = {451, "4.3.0", "later"};
  d.feed(begin);
  CHECK(d.session.in_transaction());
  d.answer_data = {354, "", "go on"};
  CHECK(d.says("DATA\r\n").substr(0, 3) == "354");
}

TEST_CASE("facts of a message stay until the next MAIL") {
  Driver d;
  d.feed(begin + "Subject: caf\xe9\r\nReceived: x\r\n\r\n.\r\n");
  CHECK(d.session.body().eight_bit_header);
  CHECK(d.session.body().received == 1);
  d.feed("NOOP\r\nRSET\r\n");
  CHECK(d.session.body().received == 1);
  d.feed("MAIL FROM:<>\r\n");
  CHECK(d.session.body().received == 0);
}

TEST_CASE("headers of parts are looked at where the client asked for SMTPUTF8", "[SMTP-24]") {
  const std::string content =
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nSubject: \xc3\xa9\r\n\r\nx\r\n--b--\r\n";
  for (const bool asked : {true, false}) {
    for (const bool chunk : {true, false}) {
      Driver d;
      d.feed(std::string("EHLO c.test\r\nMAIL FROM:<a@sender.test>") + (asked ? " SMTPUTF8" : "") +
             "\r\nRCPT TO:<b@good.test>\r\n");
      if (chunk)
        d.feed("BDAT " + std::to_string(content.size()) + " LAST\r\n" + content);
      else
        d.feed("DATA\r\n" + content + ".\r\n");
      CHECK(d.session.body().eight_bit);
      CHECK(d.session.body().eight_bit_header == asked);
    }
  }
}

TEST_CASE("random bodies pass through hold and stream unchanged in any reads", "[SMTP-04][S-4]") {
  std::mt19937 random(7);
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  const std::string pieces[] = {"\r\n",     ".",
                                "..",       "\r\n.",
                                "\r\n..",   std::string(70, 'x'),
                                "\t",       "\xc3\xa9",
                                "\r\n\r\n", std::string(1, '\0'),
                                "\r\n.\r\n"};
  for (int round = 0; round < 100; ++round) {
    std::string content;
    for (std::size_t count = below(2000); count > 0; --count) content += pieces[below(std::size(pieces))];
    content += "\r\n";
    Driver d(Driver::defaults(), Admission::served, 4096);
    d.read_size = 1 + below(below(2) == 0 ? 5000 : 50);
    d.feed(begin);
    CHECK(d.says(reference::stuffed(content) + ".\r\nNOOP\r\n").substr(0, 9) == "250 2.0.0");
    REQUIRE(d.messages.size() == 1);
    REQUIRE(d.messages[0] == reference::stuffed(content));
    REQUIRE(d.session.body().octets == content.size());
    REQUIRE(d.event_list() == envelope + ", last, end");
  }
}
