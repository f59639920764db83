// Dialogues as scanners, printers and old appliances hold them, against a listener with the `devices` profile and
// against one without: what passes, what the session says that it let pass, and that nothing else got looser.
#include <catch2/catch.hpp>

#include "tests/unit/protocol/smtp/server_session_driver.hpp"

using namespace smtp;
using smtp::testing::Driver;

namespace {

const Leniency all{true, true, true, true, true, true, true};

struct Line {
  std::string client;
  const char* server;  // how the replies to it begin; empty: none
};
using Dialogue = std::vector<Line>;

ServerOptions profile(const Leniency& leniency, ServerOptions::Auth auth = ServerOptions::Auth::none) {
  auto options = Driver::defaults();
  options.leniency = leniency;
  options.auth = auth;
  return options;
}

/// How many lines were answered as the dialogue has it.
std::size_t hold(Driver& d, const Dialogue& dialogue) {
  d.feed("").said();  // the greeting
  std::size_t held = 0;
  for (const auto& [client, server] : dialogue) {
    const auto reply = d.says(client);
    if (*server == '\0' ? !reply.empty() : !reply.starts_with(server)) break;
    ++held;
  }
  return held;
}

/// Without quit: scanners of many makes just close.
const Dialogue copier = {{"EHLO\r\n", "250-relay.test"},
                         {"AUTH LOGIN c2Nhbm5lcg==\r\n", "334 UGFzc3dvcmQ6\r\n"},
                         {"c2VjcmV0\r\n", "235 2.7.0"},
                         {"MAIL FROM: < scanner@office.test >\r\n", "250"},
                         {"RCPT TO:  <ann@office.test>\r\n", "250"},
                         {"DATA\r\n", "354"},
                         {"Subject: Scan\r\n\r\nline\nline\r\n.\r\n", "250"}};

const Dialogue fax = {{"HELO 192.168.1.9 \r\n", "250 relay.test\r\n"},
                      {"MAIL FROM:fax_1@office.test\r\n", "250"},
                      {"RCPT TO:ann@office.test\r\n", "250"},
                      {"DATA\r\n", "354"},
                      {"fax of 3 pages\r\n.\r\n", "250"},
                      {"QUIT\r\n", "221"}};

const Dialogue ups = {{"EHLO UPS_rack_2\r\n", "250-"},
                      {"RSET\r\n", "250"},
                      {"mail from : <ups@office.test>\r\n", "250"},
                      {"rcpt to : ann@office.test\r\n", "250"},
                      {"data \r\n", "354"},
                      {"on battery\r\n.\r\n", "250"},
                      {"quit\r\n", "221"}};

}  // namespace

TEST_CASE("a copier that sends no name and its user inline is served", "[A-1][E-1][E-2]") {
  for (const std::size_t read : {std::size_t{1}, std::size_t{5}, std::size_t{4000}}) {
    Driver d(profile(all, ServerOptions::Auth::always), Admission::must_authenticate);
    d.read_size = read;
    CHECK(hold(d, copier) == copier.size());
    d.hang_up();
    CHECK(d.event_list() ==
          "login :scanner:secret, mail scanner@office.test, rcpt ann@office.test, body, last, end, close quit");
    CHECK(d.messages == std::vector<std::string>{"Subject: Scan\r\n\r\nline\r\nline\r\n"});
    CHECK(d.session.leniencies_used() == Leniency{.bare_newlines = true,
                                                  .helo_names = true,
                                                  .blanks_in_paths = true,
                                                  .inline_auth_login = true,
                                                  .no_quit = true});
  }
}

TEST_CASE("each part of the profile that is off stops the copier where it needs it", "[A-1][E-1][E-2]") {
  const std::pair<bool Leniency::*, std::size_t> rows[] = {
      {&Leniency::helo_names, 0},    {&Leniency::inline_auth_login, 1},      {&Leniency::blanks_in_paths, 3},
      {&Leniency::bare_newlines, 6}, {&Leniency::paths_without_brackets, 7}, {&Leniency::no_quit, 7},
      {&Leniency::missing_fields, 7}};
  for (const auto& [part, held] : rows) {
    auto without = all;
    without.*part = false;
    Driver d(profile(without, ServerOptions::Auth::always), Admission::must_authenticate);
    CHECK(hold(d, copier) == held);
    CHECK_FALSE(d.session.leniencies_used().*part);
    CHECK_FALSE(d.closed);
    d.hang_up();
    if (part == &Leniency::no_quit) CHECK(d.events.back() == "close client gone");
  }
}

TEST_CASE("a fax that knows HELO only and no brackets is served", "[E-1][E-2]") {
  Driver d(profile({.paths_without_brackets = true}));
  CHECK(hold(d, fax) == fax.size());
  CHECK(d.mails.front().reverse_path.address == "fax_1@office.test");
  CHECK(d.session.client().hello == "192.168.1.9");
  CHECK(d.session.leniencies_used() == Leniency{.paths_without_brackets = true});
  Driver strict(profile({}));
  CHECK(hold(strict, fax) == 1);
}

TEST_CASE("a power supply with blanks before its colons is served", "[E-1][E-2]") {
  Driver d(profile(all));
  CHECK(hold(d, ups) == ups.size());
  CHECK(d.session.leniencies_used() == Leniency{.blanks_in_paths = true, .paths_without_brackets = true});
  Driver strict(profile({}));
  CHECK(hold(strict, ups) == 2);
}

TEST_CASE("a client that needs none of it is not said to have", "[SMTP-05]") {
  const Dialogue good = {{"EHLO client.test\r\n", "250-"},
                         {"MAIL FROM:<a@sender.test>\r\n", "250"},
                         {"RCPT TO: <b@good.test>\r\n", "250"},
                         {"DATA\r\n", "354"},
                         {"x\r\n.\r\n", "250"},
                         {"QUIT\r\n", "221"}};
  for (const auto& leniency : {all, Leniency{}}) {
    Driver d(profile(leniency));
    CHECK(hold(d, good) == good.size());
    CHECK(d.session.leniencies_used() == Leniency{});
  }
}

TEST_CASE("recipients in one read are understood as leniently as alone", "[SMTP-20]") {
  Driver d(profile(all));
  d.feed(
      "HELO x\r\nMAIL FROM:<>\r\nRCPT TO:a@good.test\r\nRCPT TO:< b@good.test >\r\nRCPT TO:<c@good.test>\r\nRCPT "
      "TO:\r\n");
  CHECK(d.event_list() == "mail , rcpt a@good.test b@good.test c@good.test");
  CHECK(d.output.ends_with("501 5.1.3 an address in angle brackets was expected\r\n"));
}

TEST_CASE("bare newlines are said to be used once they came and stay said", "[SMTP-03]") {
  const std::string begin = "HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@good.test>\r\nDATA\r\n";
  for (const bool by_profile : {true, false}) {
    auto options = profile({.bare_newlines = by_profile});
    if (!by_profile) options.bare_newline = BareNewline::normalize;
    Driver d(options);
    d.feed(begin + "x\r\n.\r\n");
    CHECK_FALSE(d.session.leniencies_used().bare_newlines);
    d.feed(begin + "x\ny\n.\n\r\n");
    CHECK(d.session.leniencies_used().bare_newlines);
    CHECK(d.messages.size() == 1);
    d.feed(".\r\n" + begin + "z\r\n.\r\n");
    CHECK(d.messages == std::vector<std::string>{"x\r\n", "x\r\ny\r\n..\r\n\r\n", "z\r\n"});
    CHECK(d.session.leniencies_used().bare_newlines);
  }
  Driver strict(profile({}));
  strict.feed(begin + "x\ny\r\n.\r\n");
  CHECK_FALSE(strict.session.leniencies_used().bare_newlines);
}

TEST_CASE("no profile ends a command or a message anywhere else", "[SMTP-01][SMTP-02]") {
  Driver d(profile(all));
  CHECK(d.says("HELO x\nMAIL FROM:<>\r\n").ends_with("HELO x") == false);
  CHECK(d.says("NOOP\n\r\n").starts_with("500 5.5.2"));
  CHECK(d.events.empty());
  for (const std::string end : {"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r"}) {
    Driver smuggler(profile(all));
    smuggler.feed("HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<b@good.test>\r\nDATA\r\nx" + end +
                  "MAIL FROM:<evil@sender.test>\r\n");
    CHECK(smuggler.messages.empty());
    smuggler.feed("\r\n.\r\n");
    CHECK(smuggler.messages.size() == 1);
    CHECK(smuggler.mails.size() == 1);
  }
}

TEST_CASE("only an end between transactions is as good as QUIT", "[SMTP-41]") {
  const std::string steps[] = {
      "", "EHLO x\r\n", "MAIL FROM:<>\r\n", "RCPT TO:<b@good.test>\r\n", "DATA\r\n", "x\r\n", ".\r\n", "NO"};
  const char* ends[] = {"client gone", "quit",        "client gone", "client gone",
                        "client gone", "client gone", "quit",        "client gone"};
  std::string so_far;
  for (std::size_t i = 0; i < std::size(steps); ++i) {
    so_far += steps[i];
    Driver d(profile({.no_quit = true}));
    d.feed(so_far);
    d.hang_up();
    CAPTURE(so_far);
    CHECK(d.events.back() == std::string("close ") + ends[i]);
    CHECK(d.session.leniencies_used().no_quit == (std::string(ends[i]) == "quit"));
  }
  Driver in_auth(profile({.no_quit = true}, ServerOptions::Auth::always));
  in_auth.feed("EHLO x\r\nAUTH PLAIN\r\n").hang_up();
  CHECK(in_auth.events.back() == "close client gone");
}
