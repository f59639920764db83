// The server machine's commands: dialogues, sequence, pipelining, errors, ends. The body has
// server_session_body_test.cpp.
#include "protocol/smtp/server_session.hpp"

#include <catch2/catch.hpp>
#include <regex>
#include <sstream>

#include "tests/unit/protocol/smtp/server_session_driver.hpp"

using namespace smtp;
using smtp::testing::Driver;

namespace {

const std::string hello = "EHLO client.test\r\n";
const std::string mail = "MAIL FROM:<a@sender.test>\r\n";
const std::string rcpt = "RCPT TO:<b@good.test>\r\n";

/// The codes of the replies, "250 354", and a check that each line is one.
std::string codes(const std::string& output) {
  std::string list;
  for (std::size_t begin = 0, end; begin < output.size(); begin = end + 2) {
    end = output.find("\r\n", begin);
    REQUIRE(end != std::string::npos);
    const std::string line = output.substr(begin, end - begin);
    REQUIRE(line.size() + 2 <= 512);
    REQUIRE(std::regex_search(line, std::regex("^[2-5][0-9][0-9][ -]")));
    if (line[3] == ' ') list += (list.empty() ? "" : " ") + line.substr(0, 3);
  }
  return list;
}

}  // namespace

TEST_CASE("the greeting and the replies to EHLO and HELO have no enhanced code", "[SMTP-27][SMTP-20][SMTP-65]") {
  const std::string offer =
      "250-relay.test\r\n250-PIPELINING\r\n250-SIZE "
      "52428800\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-CHUNKING\r\n250-ENHANCEDSTATUSCODES\r\n250-DSN\r\n250 LIMITS "
      "RCPTMAX=1000\r\n";
  Driver d;
  CHECK(d.says("") == "220 relay.test ESMTP\r\n");
  CHECK(d.says("HELO x\r\n") == "250 relay.test\r\n");
  CHECK(d.says("EHLO x\r\n") == offer);
  CHECK(d.session.client().hello == "x");
  Driver lmtp;
  lmtp.feed("");
  CHECK(lmtp.says("LHLO x\r\n") == offer);
  CHECK(lmtp.says("LHLO y\r\n") == offer);
  CHECK(lmtp.session.lmtp());
}

TEST_CASE("dialogues get the codes that RFC 5321 gives them",
          "[SMTP-05][SMTP-06][SMTP-36][SMTP-54][SMTP-64][SMTP-07][SMTP-01][E-1][E-2]") {
  struct Row {
    std::vector<std::string> commands;
    const char* last;  // the reply to the last command
  };
  const std::string m = "MAIL FROM:<a@sender.test>", r = "RCPT TO:<b@good.test>";
  const Row rows[] = {
      {{"FROBNICATE"}, "500 5.5.1"},
      {{r}, "503 5.5.1"},
      {{"DATA"}, "503 5.5.1"},
      {{m, "DATA"}, "503 5.5.1"},
      {{m, "RCPT TO:<>", "DATA"}, "554 5.5.1"},
      {{m, "RCPT TO:<refused@good.test>", "DATA"}, "554 5.5.1"},
      {{m, m}, "503 5.5.1"},
      {{"MAIL"}, "501 5.5.4"},
      {{"MAIL FROM:<a@@sender.test>"}, "501 5.1.7"},
      {{"MAIL FROM: <a@sender.test>"}, "250 2.1.0"},
      {{m, "RCPT TO: <b@good.test>"}, "250 2.1.5"},
      {{m, "RCPT TO:<>"}, "501 5.1.3"},
      {{m, "RCPT TO:<caf\xe9@good.test>"}, "501 5.1.3"},
      {{m + " WHAT=EVER"}, "555 5.5.4"},
      {{m, r + " WHAT=EVER"}, "555 5.5.4"},
      {{m + " SIZE=many"}, "501 5.5.4"},
      {{m + " SIZE=52428801"}, "552 5.3.4"},
      {{m + " SIZE=99999999999999999999"}, "552 5.3.4"},
      {{m + " SIZE=52428800"}, "250 2.1.0"},
      {{m + " SIZE=52428801", r}, "503 5.5.1"},
      {{m + " SIZE=52428801", m}, "250 2.1.0"},
      {{"VRFY b"}, "252 2.5.0"},
      {{"VRFY"}, "501 5.5.4"},
      {{"EXPN list"}, "502 5.5.1"},
      {{"HELP"}, "214 2.0.0"},
      {{"NOOP with words"}, "250 2.0.0"},
      {{"RSET"}, "250 2.0.0"},
      {{m, "RSET", r}, "503 5.5.1"},
      {{m, "EHLO again", r}, "503 5.5.1"},
      {{m, "HELO again", r}, "503 5.5.1"},
      {{m, "NOOP", r}, "250 2.1.5"},
      {{m, "WHAT", r}, "250 2.1.5"},
      {{m, "EHLO", r}, "250 2.1.5"},
      {{m, "LHLO x", r}, "250 2.1.5"},
      {{m, "RCPT TO:<>", r}, "250 2.1.5"},
      {{m, "DATA", r}, "250 2.1.5"},
      {{m, r, "DATA now"}, "501 5.5.4"},
      {{m, r, "DATA now", "DATA"}, "354 go"},
      {{"EHLO"}, "501 5.5.4"},
      {{"HELO "}, "501 5.5.4"},
      {{"EHLO", m}, "250 2.1.0"},
      {{"EHLO my_app_1.net_x"}, "250 LIMITS"},
      {{"EHLO [IPV6:2001:db8::1]"}, "250 LIMITS"},
      {{"EHLO evil);(x by\tfake.test with\x1b[31m"}, "250 LIMITS"},
      {{"HELO client"}, "250 relay.test"},
      {{"LHLO x"}, "503 5.5.1"},
      {{"mAiL FrOm:<a@sender.test> size=1000"}, "250 2.1.0"},
      {{"AUTH PLAIN AGEAYg=="}, "502 5.5.1"},
      {{"STARTTLS"}, "502 5.5.1"},
      {{"STARTTLS now"}, "501 5.5.4"},
      {{"BDAT 0 LAST"}, "503 5.5.1"},
      {{std::string("NOOP a\0b", 8)}, "500 5.5.2"},
      {{"NOOP " + std::string(505, 'x')}, "250 2.0.0"},
      {{"NOOP " + std::string(506, 'x')}, "500 5.5.2"},
      {{"NOOP " + std::string(2100, 'x')}, "500 5.5.2"},
      {{"NOOP " + std::string(5000, 'x'), m}, "250 2.1.0"},
      {{"NOOP " + std::string(200000, 'x'), m}, "250 2.1.0"},
      {{m + std::string(662 - m.size(), ' ')}, "250 2.1.0"},
      {{m + std::string(663 - m.size(), ' ')}, "500 5.5.2"},
      {{"M\xc3\x84IL"}, "500 5.5.1"},
      {{"QUIT"}, "221 2.0.0"},
  };
  for (const Row& row : rows) {
    for (const std::size_t read : {std::size_t{64u << 10}, std::size_t{1}, std::size_t{7}}) {
      Driver d;
      d.read_size = read;
      d.answer_rcpt = [](const Rcpt& to) {
        return to.forward_path.local == "refused" ? Reply{550, "5.1.1", "no"} : Reply{250, "2.1.5", "ok"};
      };
      d.feed(hello);
      std::string reply;
      for (const auto& command : row.commands) reply = d.says(command + "\r\n");
      CAPTURE(row.commands.back().substr(0, 60), read);
      const std::string last_line = reply.substr(
          reply.rfind("\r\n", reply.size() - 3) == std::string::npos ? 0 : reply.rfind("\r\n", reply.size() - 3) + 2);
      CHECK(last_line.substr(0, std::strlen(row.last)) == row.last);
    }
  }
}

TEST_CASE("what needs no greeting is served before it", "[SMTP-36][SMTP-05]") {
  Driver d;
  d.feed("");
  CHECK(codes(d.says("NOOP\r\nRSET\r\nVRFY b\r\nHELP\r\n")) == "250 250 252 214");
  CHECK(d.says(mail).substr(0, 9) == "503 5.5.1");
  CHECK(codes(d.says("HELO x\r\n" + mail)) == "250 250");
}

TEST_CASE("a command ends in CRLF only", "[SMTP-01]") {
  for (const std::string line : {"NOOP\n\r\n", "NOOP\rRSET\r\n", "MAIL FROM:<a@sender.test>\nRCPT TO:<b@good.test>\r\n",
                                 "\nNOOP\r\n", "NOOP\r\r\n"}) {
    for (const std::size_t read : {100u, 1u}) {
      CAPTURE(line, read);
      Driver d;
      d.read_size = read;
      d.feed(hello);
      CHECK(d.says(line).substr(0, 9) == "500 5.5.2");
      CHECK(codes(d.says("VRFY b\r\n")) == "252");
      CHECK(d.events.empty());
    }
  }
  Driver d;
  d.feed(hello);
  CHECK(d.says("NOOP\n").empty());
  CHECK(d.says("NOOP\r").empty());
}

TEST_CASE("an endless line costs no memory and its end is found", "[SMTP-07]") {
  for (const std::size_t read : {64u << 10, 4097u, 511u}) {
    Driver d(Driver::defaults(), Admission::served, 4096);
    d.read_size = read;
    d.feed(hello);
    d.said();
    for (int i = 0; i < 200; ++i) CHECK(d.says(std::string(10000, 'B')).empty());
    CHECK(d.says("\r").empty());
    CHECK(codes(d.says("\nNOOP\r\n")) == "500 250");
  }
}

TEST_CASE("a pipelined transaction is answered in order", "[SMTP-20]") {
  const std::string all =
      hello + mail + rcpt + "RCPT TO:<>\r\nRCPT TO:<c@good.test>\r\nRCPT TO:<d@good.test>\r\nDATA\r\n";
  for (const std::size_t read : {1u, 2u, 3u, 17u, 40u, 1000u}) {
    Driver d;
    d.read_size = read;
    d.feed("");
    CHECK(codes(d.says(all)) == "250 250 250 501 250 250 354");
    CHECK(d.session.accepted_recipients() == 3);
    CHECK(d.session.in_transaction());
    CHECK(codes(d.says("x\r\n.\r\n" + mail + rcpt + "DATA\r\n.\r\nQUIT\r\n")) == "250 250 250 354 250 221");
    CHECK(d.messages == std::vector<std::string>{"x\r\n", ""});
    CHECK(d.events.back() == "close quit");
  }
}

TEST_CASE("recipients that are buffered are asked about together", "[SMTP-20]") {
  Driver d;
  d.feed(hello + mail + rcpt + "RCPT TO:<c@good.test>\r\nRCPT TO:<>\r\nRCPT TO:<d@good.test>\r\nRCPT T");
  CHECK(d.event_list() == "mail a@sender.test, rcpt b@good.test c@good.test, rcpt d@good.test");
}

TEST_CASE("input behind a refused command is kept", "[SMTP-20][SMTP-05]") {
  Driver d;
  d.answer_mail = {451, "4.3.0", "later"};
  d.feed("");
  CHECK(codes(d.says(hello + mail + rcpt + rcpt + "DATA\r\nRSET\r\nNOOP\r\n")) == "250 451 503 503 503 250 250");
  CHECK_FALSE(d.session.in_transaction());
}

TEST_CASE("recipients above the limit are for another transaction and the accepted ones keep", "[SMTP-08]") {
  auto options = Driver::defaults();
  options.recipients = 100;
  Driver d(options);
  d.answer_rcpt = [n = 0](const Rcpt&) mutable {
    return ++n == 5 ? Reply{451, "4.7.5", "no"} : Reply{250, "2.1.5", "ok"};
  };
  std::string all;
  for (int i = 0; i < 150; ++i) all += rcpt;
  d.feed(hello + mail);
  const std::string replies = codes(d.says(all));
  std::string expected = "250 250 250 250 451";
  for (int i = 0; i < 96; ++i) expected += " 250";
  for (int i = 0; i < 49; ++i) expected += " 452";
  CHECK(replies == expected);
  CHECK(d.output.find("452 4.5.3 ") != std::string::npos);
  CHECK(d.session.accepted_recipients() == 100);
  CHECK(codes(d.says("DATA\r\nx\r\n.\r\n")) == "354 250");
  CHECK(codes(d.says(mail + rcpt)) == "250 250");
}

TEST_CASE("what ends a transaction is told to the owner first", "[SMTP-06]") {
  for (const std::string end : {"RSET\r\n", "EHLO x\r\n", "HELO x\r\n", "QUIT\r\n"}) {
    Driver d;
    d.feed(hello + mail);
    d.feed(end);
    CHECK(d.events.at(1) == "abandon reset");
    CHECK_FALSE(d.session.in_transaction());
    Driver with_recipient;
    with_recipient.feed(hello + mail + rcpt);
    with_recipient.feed(end);
    CHECK(with_recipient.events.at(2) == "abandon reset");
    CHECK(with_recipient.session.accepted_recipients() == 0);
    Driver without;
    without.feed(hello + end + "NOOP\r\n");
    CHECK(without.event_list() == (end == "QUIT\r\n" ? "close quit" : ""));
  }
}

TEST_CASE("a client that is lost between commands is told of once", "[SMTP-41]") {
  Driver d;
  d.feed(hello + mail + rcpt + "NO").hang_up();
  CHECK(d.event_list() == "mail a@sender.test, rcpt b@good.test, abandon client gone, close client gone");
  Driver idle;
  idle.feed(hello).hang_up();
  CHECK(idle.event_list() == "close client gone");
  Driver half_closed;  // everything was sent before the end of the stream, so everything is served
  half_closed.read_size = 1000;
  half_closed.feed(hello + mail + rcpt + "DATA\r\nx\r\n.\r\nQUIT\r\n").hang_up();
  CHECK(half_closed.events.back() == "close quit");
  CHECK(half_closed.messages.size() == 1);
}

TEST_CASE("too many errors in a row end the session", "[SMTP-49]") {
  auto options = Driver::defaults();
  options.errors = 5;
  Driver d(options);
  d.feed("");
  CHECK(codes(d.says("A\r\nB\r\nC\r\nD\r\nNOOP\r\nA\r\nB\r\nC\r\nD\r\nE\r\nNOOP\r\n")) ==
        "500 500 500 500 250 500 500 500 500 421");
  CHECK(d.output.find("421 4.7.0 ") != std::string::npos);
  CHECK(d.event_list() == "close too many errors");

  Driver in_transaction(options);
  in_transaction.feed(hello + mail + "A\r\nA\r\nA\r\nA\r\nA\r\n");
  CHECK(in_transaction.event_list() == "mail a@sender.test, abandon reset, close too many errors");

  Driver refused(
      options);  // a refused recipient is no error of the client's, nor is what was pipelined behind a refused MAIL
  refused.answer_rcpt = [](const Rcpt&) { return Reply{550, "5.1.1", "no"}; };
  std::string many;
  for (int i = 0; i < 50; ++i) many += rcpt;
  refused.feed(hello + mail + many + "RSET\r\nMAIL FROM:<> SIZE=99999999999\r\n" + many + "DATA\r\n");
  CHECK_FALSE(refused.closed);
}

TEST_CASE("a client that may not use the listener is served only QUIT", "[OPS-01]") {
  Driver d(Driver::defaults(), Admission::refused);
  d.feed("");
  CHECK(d.said().substr(0, 15) == "554 relay.test ");
  CHECK(codes(d.says(hello + mail + rcpt + "DATA\r\nNOOP\r\nWHAT\r\nQUIT\r\n")) == "503 503 503 503 503 503 221");
  CHECK(d.event_list() == "close quit");
}

TEST_CASE("a greeting can be a refusal", "[OPS-01]") {
  Driver d(Driver::defaults(), Reply{421, "4.7.0", "too many connections"});
  d.feed("EHLO x\r\n");
  CHECK(d.output == "421 relay.test too many connections\r\n");
  CHECK(d.event_list() == "close refused");
}

TEST_CASE("LMTP and SMTP do not mix", "[SMTP-65]") {
  Driver d;
  d.feed("");
  CHECK(codes(d.says("LHLO x\r\nEHLO x\r\nHELO x\r\nLHLO y\r\n")) == "250 503 503 250");
  Driver smtp;
  smtp.feed("");
  CHECK(codes(smtp.says("HELO x\r\nLHLO x\r\nEHLO x\r\nLHLO x\r\n")) == "250 503 250 503");
  auto options = Driver::defaults();
  options.lmtp = false;
  Driver port_25(options);
  port_25.feed("");
  CHECK(codes(port_25.says("LHLO x\r\nEHLO x\r\n")) == "500 250");
}

TEST_CASE("a shutdown waits for the reply that is owed", "[SMTP-49]") {
  Driver idle;
  idle.feed(hello + mail);
  idle.said();
  idle.session.shut_down("going down");
  idle.run();
  CHECK(idle.said() == "421 4.3.2 going down\r\n");
  CHECK(idle.event_list() == "mail a@sender.test, abandon reset, close shutdown");

  Driver in_body;
  in_body.feed(hello + mail + rcpt + "DATA\r\nx\r\n");
  in_body.session.shut_down("going down");
  CHECK(in_body.says("y\r\n").empty());
  CHECK(codes(in_body.says(".\r\nNOOP\r\n")) == "250 421");
  CHECK(in_body.messages == std::vector<std::string>{"x\r\ny\r\n"});
  CHECK(in_body.events.back() == "close shutdown");
}

TEST_CASE("a session can be ended at once", "[SMTP-49]") {
  Driver d;
  d.feed(hello + mail + rcpt + "DATA\r\nx\r\n");
  d.said();
  d.session.close_with({421, "4.4.2", "too slow"});
  d.run();
  CHECK(d.said() == "421 4.4.2 too slow\r\n");
  CHECK(d.event_list() == "mail a@sender.test, rcpt b@good.test, body, abandon reset, close shutdown");

  auto options = Driver::defaults();
  ServerSession owed(options);
  std::vector<char> buffer(4096);
  owed.lend(buffer);
  const std::string octets = hello + mail;
  std::copy(octets.begin(), octets.end(), owed.input().begin());
  owed.received(octets.size());
  REQUIRE(std::holds_alternative<ask::MailFrom>(owed.next()));
  owed.close_with({421, "4.4.2", "too slow"});
  CHECK(std::holds_alternative<ask::Close>(owed.next()));
  CHECK(owed.reclaim().size() == buffer.size());
}

TEST_CASE("an idle session holds no buffer and a busy one keeps it") {
  auto options = Driver::defaults();
  ServerSession session(options);
  std::vector<char> buffer(4096);
  CHECK_FALSE(session.holds_buffer());
  CHECK(std::holds_alternative<ask::Input>(session.next()));
  session.lend(buffer);
  CHECK(session.input().size() == 4096);
  session.input()[0] = 'N';
  session.received(1);
  CHECK(std::holds_alternative<ask::Input>(session.next()));
  CHECK(session.reclaim().empty());
  const std::string rest = "OOP\r\n";
  std::copy(rest.begin(), rest.end(), session.input().begin());
  session.received(rest.size());
  CHECK(std::holds_alternative<ask::Input>(session.next()));
  CHECK(session.reclaim().data() == buffer.data());
  CHECK_FALSE(session.holds_buffer());
}

TEST_CASE("what is to be said goes out between commands however many come at once") {
  Driver d;
  d.feed("");
  std::string many;
  constexpr std::size_t count = 5000;
  for (std::size_t i = 0; i < count; ++i) many += "EHLO x\r\n";
  const auto said = d.says(many + "NOOP\r\n");
  std::size_t ends = 0;
  for (auto at = said.find("\r\n250 LIMITS"); at != std::string::npos; at = said.find("\r\n250 LIMITS", at + 1)) ++ends;
  CHECK(ends == count);
  CHECK(said.ends_with("250 2.0.0 ok\r\n"));
  CHECK(d.most_output < 10'000);
  // The owner could not write: nothing more is asked for.
  d.feed(many);
  d.hang_up();
  CHECK(d.closed);
}

TEST_CASE("an owner that breaks the rules is told so") {
  auto options = Driver::defaults();
  ServerSession session(options);
  std::vector<char> buffer(4096);
  std::vector<char> small(4095);
  CHECK_THROWS_AS(session.lend(small), std::logic_error);
  CHECK_THROWS_AS(session.answer({250, "2.0.0", "ok"}), std::logic_error);
  session.lend(buffer);
  CHECK_THROWS_AS(session.lend(buffer), std::logic_error);
  CHECK_THROWS_AS(session.received(4097), std::logic_error);
  const std::string octets = hello + mail;
  std::copy(octets.begin(), octets.end(), session.input().begin());
  session.received(octets.size());
  REQUIRE(std::holds_alternative<ask::MailFrom>(session.next()));
  CHECK_THROWS_AS(session.next(), std::logic_error);
  const std::vector<Reply> two(2, Reply{250, "2.0.0", "ok"});
  CHECK_THROWS_AS(session.answer(two), std::logic_error);
  session.answer(two.front());
  CHECK(session.in_transaction());
}

TEST_CASE("what the client gave for a sender and a size reaches the owner", "[SMTP-37][SMTP-51]") {
  Driver d;
  d.feed(hello + "MAIL FROM:<> SIZE=17 BODY=8BITMIME\r\nRSET\r\nMAIL FROM:<MiXed+x@Sender.test>\r\n");
  REQUIRE(d.mails.size() == 2);
  CHECK(d.mails[0].reverse_path.null());
  CHECK(d.mails[0].size == 17);
  CHECK(d.mails[0].body == Body::eight_bit);
  CHECK(d.mails[1].reverse_path.address == "MiXed+x@Sender.test");
}

TEST_CASE("limits that are set are offered", "[SMTP-35]") {
  const auto offers = [](std::size_t recipients, std::size_t domains, const std::string& verb) {
    auto options = Driver::defaults();
    options.recipients = recipients;
    options.recipient_domains = domains;
    Driver d(options);
    const auto replies = d.says(verb + " x\r\n");
    const auto at = replies.find("LIMITS");
    return at == std::string::npos ? "" : replies.substr(at, replies.find("\r\n", at) - at);
  };
  CHECK(offers(100, 0, "EHLO") == "LIMITS RCPTMAX=100");
  CHECK(offers(100, 1, "EHLO") == "LIMITS RCPTMAX=100 RCPTDOMAINMAX=1");
  CHECK(offers(100, 1, "LHLO") == "LIMITS RCPTMAX=100");  // there each recipient has its own reply
  CHECK(offers(999'999, 0, "EHLO") == "LIMITS RCPTMAX=999999");
  CHECK(offers(1'000'000, 0, "EHLO").empty());  // more than the grammar can say
  CHECK(offers(1'000'000, 2, "EHLO") == "LIMITS RCPTDOMAINMAX=2");
  CHECK(offers(100, 1, "HELO").empty());
}

TEST_CASE("while recipients are asked for it is known whether a client who sends no more has asked for all") {
  for (const auto& [behind, waits] : std::vector<std::pair<std::string, bool>>{{"", true},
                                                                               {"DATA\r\n", true},
                                                                               {"data\r\n", true},
                                                                               {"DATA\r\nx\r\n.\r\n", false},
                                                                               {"QUIT\r\n", false},
                                                                               {"BDAT 1 LAST\r\nx", false}}) {
    INFO(behind);
    Driver d;
    std::vector<bool> seen;
    d.watch = [&](const smtp::ServerAction& action) {
      if (std::get_if<smtp::ask::Recipients>(&action) != nullptr) seen.push_back(d.session.waits_for_more());
    };
    d.feed("EHLO client\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\n" + behind);
    CHECK(seen == std::vector<bool>{waits});
  }
}
