// The server machine and AUTH: where it is offered, every refusal, every step broken, what is forgotten and wiped.
#include <catch2/catch.hpp>

#include "protocol/base/base64.hpp"
#include "tests/unit/protocol/smtp/server_session_driver.hpp"

using namespace smtp;
using smtp::testing::Driver;
using Auth = ServerOptions::Auth;
using Tls = ServerOptions::Tls;

namespace {

const std::string hello = "EHLO client.test\r\n";
const std::string mail = "MAIL FROM:<a@sender.test>\r\n";
const std::string rcpt = "RCPT TO:<b@good.test>\r\n";
const std::string nul(1, '\0');
const std::string good = base::base64(nul + "ann" + nul + "secret");
const std::string bad = base::base64(nul + "ann" + nul + "guess");
const std::string auth = "AUTH PLAIN " + good + "\r\n";

ServerOptions with(Auth offered, Tls tls = Tls::none) {
  auto options = Driver::defaults();
  options.auth = offered;
  options.tls = tls;
  return options;
}

bool has(const std::string& output, const std::string& words) {
  return output.find(words) != std::string::npos;
}

Driver greeted(Admission admission = Admission::served, Auth offered = Auth::always) {
  Driver d(with(offered), admission);
  d.feed(hello);
  d.said();
  return d;
}

/// Nothing of the good password is in it, in base64.
void check_wiped(const std::vector<char>& buffer) {
  const std::string left(buffer.begin(), buffer.end());
  for (std::size_t i = 0; i + 8 <= good.size(); ++i) CHECK(left.find(good.substr(i, 8)) == std::string::npos);
}

}  // namespace

TEST_CASE("AUTH is offered where it may be used", "[SMTP-32]") {
  const std::string offer = "AUTH PLAIN LOGIN\r\n";
  CHECK_FALSE(has(Driver(with(Auth::none, Tls::implicit)).says(hello), "AUTH"));
  CHECK(has(Driver(with(Auth::over_tls, Tls::implicit)).says(hello), offer));
  CHECK(has(Driver(with(Auth::always)).says(hello), offer));
  CHECK(has(Driver(with(Auth::always)).says("LHLO x\r\n"), offer));
  CHECK_FALSE(has(Driver(with(Auth::always)).says("HELO x\r\n"), "AUTH"));
  Driver d(with(Auth::over_tls, Tls::starttls));
  CHECK_FALSE(has(d.says(hello), "AUTH"));
  CHECK(d.says(auth) == "538 5.7.11 Encryption required for requested authentication mechanism\r\n");
  CHECK(d.says("AUTH LOGIN\r\n").starts_with("538 5.7.11"));
  CHECK(d.says("STARTTLS\r\n").starts_with("220"));
  CHECK(d.says(auth) == "503 5.5.1 EHLO comes first\r\n");
  CHECK(has(d.says(hello), offer));
  CHECK(d.says(auth) == "235 2.7.0 welcome\r\n");
  CHECK(d.session.authenticated_user() == "ann");
  Driver required(with(Auth::over_tls, Tls::require_starttls));
  required.feed(hello);
  CHECK(required.says(auth) == "530 5.7.0 Must issue a STARTTLS command first\r\n");
}

TEST_CASE("AUTH out of its place is refused", "[SMTP-32]") {
  CHECK(has(Driver(with(Auth::always)).says(auth), "503 5.5.1 EHLO comes first\r\n"));
  CHECK(has(Driver(with(Auth::always)).says("HELO x\r\n" + auth), "503 5.5.1 EHLO comes first\r\n"));
  CHECK(has(Driver(with(Auth::none)).says(hello + auth), "502 5.5.1"));
  CHECK(has(Driver(with(Auth::none)).says(hello + "AUTH\r\n"), "502 5.5.1"));
  auto d = greeted();
  CHECK(d.says("AUTH\r\n").starts_with("501 5.5.4"));
  CHECK(d.says("AUTH CRAM-MD5\r\n").starts_with("504 5.5.4"));
  CHECK(d.says("AUTH GSSAPI " + good + "\r\n").starts_with("504 5.5.4"));
  CHECK(d.says("AUTH PLAIN ****\r\n").starts_with("501 5.5.2"));
  CHECK(d.says("AUTH PLAIN " + good + " " + good + "\r\n").starts_with("501 5.5.2"));
  CHECK(d.says(mail).starts_with("250"));
  CHECK(d.says(auth) == "503 5.5.1 a transaction is open\r\n");
  CHECK(d.session.in_transaction());
  CHECK(d.says("RSET\r\n").starts_with("250"));
  CHECK(d.says(auth).starts_with("235 2.7.0"));
  CHECK(d.says(auth) == "503 5.5.1 the client is authenticated already\r\n");
  CHECK(d.says("AUTH LOGIN\r\n").starts_with("503 5.5.1"));
  CHECK(d.event_list() == "mail a@sender.test, abandon reset, plain :ann:secret");
}

TEST_CASE("a wrong password can be mended and an outage is no verdict", "[SMTP-32]") {
  auto d = greeted(Admission::must_authenticate);
  CHECK(d.says("AUTH PLAIN " + bad + "\r\n") == "535 5.7.8 no\r\n");
  CHECK(d.session.authenticated_user().empty());
  CHECK(d.says(mail).starts_with("530 5.7.0"));
  d.answer_auth = [](const Credentials&) { return Reply{454, "4.7.0", "later"}; };
  CHECK(d.says(auth) == "454 4.7.0 later\r\n");
  CHECK(d.says(mail).starts_with("530 5.7.0"));
  d.answer_auth = [](const Credentials&) { return Reply{235, "2.7.0", "ok"}; };
  CHECK(d.says("AUTH PLAIN\r\n") == "334 \r\n");
  CHECK(d.says(good + "\r\n") == "235 2.7.0 ok\r\n");
  CHECK(d.session.authenticated_user() == "ann");
  CHECK(d.says(mail).starts_with("250"));
}

TEST_CASE("dialogues of PLAIN and LOGIN in reads of any size", "[SMTP-32][A-1]") {
  const auto user = base::base64("ann") + "\r\n", password = base::base64("secret") + "\r\n";
  struct Row {
    std::vector<std::string> lines;
    std::vector<std::string> replies;
    const char* event;
  };
  const Row rows[] = {
      {{auth}, {"235 2.7.0 welcome\r\n"}, "plain :ann:secret"},
      {{"auth plain " + good + "  \r\n"}, {"235 2.7.0 welcome\r\n"}, "plain :ann:secret"},
      {{"AUTH PLAIN\r\n", good + "\r\n"}, {"334 \r\n", "235 2.7.0 welcome\r\n"}, "plain :ann:secret"},
      {{"AUTH PLAIN\r\n", "*\r\n"}, {"334 \r\n", "501 5.7.0 authentication was cancelled\r\n"}, ""},
      {{"AUTH LOGIN\r\n", user, password},
       {"334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", "235 2.7.0 welcome\r\n"},
       "login :ann:secret"},
      {{"AUTH LOGIN\r\n", user, user},
       {"334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", "535 5.7.8 no\r\n"},
       "login :ann:ann"},
      {{"AUTH LOGIN\r\n", user, "*\r\n"},
       {"334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n", "501 5.7.0 authentication was cancelled\r\n"},
       ""},
      {{"AUTH PLAIN " + base::base64("bob" + nul + "ann" + nul + "secret") + "\r\n"},
       {"535 5.7.8 authentication failed\r\n"},
       ""},
      {{"AUTH LOGIN\r\n", "QUIT\r\n"}, {"334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"}, ""},  // it is base64
      {{"AUTH LOGIN\r\n", mail},
       {"334 VXNlcm5hbWU6\r\n", "501 5.5.2 the response is not what the mechanism says\r\n"},
       ""},
  };
  for (const Row& row : rows) {
    for (const std::size_t read : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
      auto d = greeted();
      d.read_size = read;
      for (std::size_t i = 0; i < row.lines.size(); ++i) {
        CAPTURE(row.lines[i], read);
        CHECK(d.says(row.lines[i]) == row.replies[i]);
      }
      CHECK(d.event_list() == row.event);
      CHECK_FALSE(d.closed);
      CHECK_FALSE(d.session.holds_buffer());
    }
  }
}

TEST_CASE("lines that come behind AUTH in one read are its responses in order", "[SMTP-32]") {
  auto d = greeted();
  CHECK(d.says("AUTH LOGIN\r\nYW5u\r\nc2VjcmV0\r\n" + mail + rcpt) ==
        "334 VXNlcm5hbWU6\r\n334 UGFzc3dvcmQ6\r\n235 2.7.0 welcome\r\n250 2.1.0 ok\r\n250 2.1.5 ok\r\n");
  auto refused = greeted();
  CHECK(has(refused.says("AUTH LOGIN\r\n%\r\n" + mail),
            "501 5.5.2 the response is not what the mechanism says\r\n250 2.1.0"));
}

TEST_CASE("a line of AUTH may have 12288 octets and no more", "[SMTP-32][SMTP-07]") {
  const auto padded = [](std::size_t octets) {  // a PLAIN message that is a line of so many, CRLF not counted
    return base::base64(nul + "ann" + nul + std::string(octets / 4 * 3 - 5, 'p'));
  };
  const std::string too_long = "500 5.5.6 the authentication line is too long\r\n";
  for (const std::size_t read : {std::size_t{1} << 16, std::size_t{4000}, std::size_t{1}}) {
    auto d = greeted();
    d.read_size = read;
    d.said();
    CHECK(d.says("AUTH PLAIN\r\n") == "334 \r\n");
    CHECK(d.says(padded(12284) + "\r\n") == "535 5.7.8 no\r\n");
    d.says("AUTH PLAIN\r\n");
    CHECK(d.says(padded(12288) + "\r\n") == too_long);
    CHECK(d.says("NOOP\r\n").starts_with("250"));  // the exchange is over
    d.says("AUTH LOGIN\r\n");
    CHECK(d.says(std::string(100'000, 'A') + "\r\n") == too_long);
    CHECK(d.says("AUTH PLAIN " + padded(12272) + "\r\n") == "535 5.7.8 no\r\n");
    CHECK(d.says("AUTH PLAIN " + padded(12276) + "\r\n") == too_long);
    CHECK(d.says("NOOP " + std::string(600, 'x') + "\r\n").starts_with("500 5.5.2"));
    CHECK(d.says(auth).starts_with("235"));
  }
  Driver none(with(Auth::none));
  none.feed(hello);
  CHECK(none.says("AUTH PLAIN " + std::string(600, 'A') + "\r\n").starts_with("500 5.5.2"));
}

TEST_CASE("the buffer of a listener with AUTH must hold its lines", "[SMTP-32]") {
  std::vector<char> buffer(16383), enough(16384);
  const auto options = with(Auth::over_tls);
  ServerSession session(options);
  CHECK_THROWS_AS(session.lend(buffer), std::logic_error);
  session.lend(enough);
  Driver smallest(options, Admission::served, 16384);
  smallest.feed(std::string(60, '\r'));
  CHECK(has(smallest.says("\n" + hello), "250"));
}

TEST_CASE("a client from outside is served mail once it has authenticated", "[OPS-01][SMTP-32]") {
  const std::string first = "530 5.7.0 Authentication required\r\n";
  auto d = greeted(Admission::must_authenticate);
  CHECK(d.says(mail) == first);
  CHECK(d.says(rcpt).starts_with("503"));
  CHECK(d.says("DATA\r\n").starts_with("503"));
  CHECK(d.says("BDAT 3\r\nabcNOOP\r\n") == "503 5.5.1 MAIL and RCPT come first\r\n250 2.0.0 ok\r\n");
  CHECK(d.says("VRFY x\r\n").starts_with("252"));
  CHECK(d.says(mail + rcpt + rcpt + "DATA\r\n" + "RSET\r\n").starts_with(first + "503"));
  CHECK(d.events.empty());
  CHECK(d.says(auth).starts_with("235"));
  CHECK(d.says(mail + rcpt + "DATA\r\nx\r\n.\r\n" + mail).ends_with("250 2.0.0 delivered\r\n250 2.1.0 ok\r\n"));
  Driver greeting(with(Auth::always), Admission::must_authenticate);
  CHECK(greeting.says("") == "220 relay.test ESMTP\r\n");
  CHECK(has(greeting.says(mail), "503 5.5.1 EHLO comes first"));
  // Before TLS there is no way to, and the words are the same.
  Driver plain(with(Auth::over_tls, Tls::starttls), Admission::must_authenticate);
  plain.feed(hello);
  CHECK(plain.says(mail) == first);
  CHECK(plain.says(auth).starts_with("538"));
  // HELO has no AUTH.
  Driver old(with(Auth::always), Admission::must_authenticate);
  old.feed("HELO x\r\n");
  CHECK(old.says(mail) == first);
}

TEST_CASE("refused MAIL without authentication is an error of the client and ends", "[OPS-01][SMTP-49]") {
  auto options = with(Auth::always);
  options.errors = 3;
  Driver d(options, Admission::must_authenticate);
  d.feed(hello + mail + mail + mail);
  CHECK(d.event_list() == "close too many errors");
  Driver guesses(options);
  guesses.feed(hello);
  CHECK(guesses.says("AUTH X\r\nAUTH PLAIN %\r\nAUTH LOGIN\r\n*\r\n").ends_with("421 4.7.0 too many errors\r\n"));
  CHECK(guesses.event_list() == "close too many errors");
  // So does whoever guesses passwords, but not whoever meets an outage.
  const std::string guess = "AUTH PLAIN " + bad + "\r\n";
  Driver wrong(options);
  wrong.feed(hello);
  CHECK(wrong.says(guess + guess + guess + auth) ==
        "535 5.7.8 no\r\n535 5.7.8 no\r\n535 5.7.8 no\r\n421 4.7.0 too many errors\r\n");
  CHECK(wrong.events.back() == "close too many errors");
  CHECK(wrong.session.authenticated_user().empty());
  Driver outage(options);
  outage.answer_auth = [](const Credentials&) { return Reply{454, "4.7.0", "later"}; };
  outage.feed(hello + auth + auth + auth + auth);
  CHECK_FALSE(outage.closed);
  // An owner with a lower limit of its own answers, and closes.
  Driver own(with(Auth::always));
  own.answer_auth = [](const Credentials&) { return Reply{535, "5.7.8", "no"}; };
  own.feed(hello + guess);
  own.said();
  own.session.close_with({421, "4.7.0", "too many failures"});
  own.run();
  CHECK(own.said() == "421 4.7.0 too many failures\r\n");
}

TEST_CASE("what EHLO and RSET forget and what STARTTLS forgets", "[SMTP-32][SMTP-19]") {
  Driver d(with(Auth::always, Tls::starttls), Admission::must_authenticate);
  d.feed(hello + auth);
  CHECK(d.session.authenticated_user() == "ann");
  d.feed(hello + "RSET\r\n");
  CHECK(d.session.authenticated_user() == "ann");  // RFC 4954 §4: until the connection ends
  d.feed("STARTTLS\r\n");
  CHECK(d.session.authenticated_user().empty());
  d.feed(hello);
  d.said();
  CHECK(d.says(mail).starts_with("530 5.7.0"));
  CHECK(d.says(auth).starts_with("235"));
}

TEST_CASE("an exchange that is cut at any octet ends with the session and nobody is authenticated", "[SMTP-32]") {
  const std::string dialogues[] = {"AUTH LOGIN\r\nYW5u\r\nc2VjcmV0", "AUTH PLAIN\r\n" + good,
                                   auth.substr(0, auth.size() - 2)};
  for (const auto& dialogue : dialogues) {
    for (std::size_t cut = 0; cut <= dialogue.size(); ++cut) {
      auto d = greeted();
      d.feed(std::string_view(dialogue).substr(0, cut));
      d.hang_up();
      CHECK(d.event_list() == "close client gone");
      auto stopped = greeted();
      stopped.feed(std::string_view(dialogue).substr(0, cut));
      stopped.said();
      stopped.session.shut_down("going down");
      stopped.run();
      CHECK(stopped.said() == "421 4.3.2 going down\r\n");
      CHECK(stopped.event_list() == "close shutdown");
      auto ended = greeted();
      ended.feed(std::string_view(dialogue).substr(0, cut));
      ended.said();
      ended.session.close_with({421, "4.4.2", "too slow"});
      ended.run();
      CHECK(ended.said() == "421 4.4.2 too slow\r\n");
    }
  }
}

TEST_CASE("an owner that does not answer Authenticate meets logic_error", "[SMTP-32]") {
  const auto options = with(Auth::always);
  std::vector<char> buffer(16384);
  ServerSession session(options);
  session.lend(buffer);
  const std::string octets = hello + auth;
  std::copy(octets.begin(), octets.end(), session.input().begin());
  session.received(octets.size());
  const auto action = session.next();
  REQUIRE(std::holds_alternative<ask::Authenticate>(action));
  CHECK(std::get<ask::Authenticate>(action).credentials.password == "secret");
  CHECK_THROWS_AS(session.next(), std::logic_error);
  session.close_with({421, "4.7.0", "too many failures"});
  CHECK(std::holds_alternative<ask::Close>(session.next()));
  CHECK(session.authenticated_user().empty());
}

TEST_CASE("no password stays in the buffer that is given back", "[SMTP-32]") {
  const auto options = with(Auth::always);
  const std::string dialogues[] = {hello + auth,
                                   hello + "AUTH PLAIN\r\n" + good + "\r\n",
                                   hello + "AUTH LOGIN\r\nYW5u\r\n" + good + "\r\n",
                                   hello + "AUTH PLAIN " + std::string(14000, 'x') + good + "\r\n",
                                   std::string(9000, 'x') + "\r\nNOOP\r\n" + hello + auth,
                                   "EHLO x\r\n" + auth + auth};
  for (const auto& dialogue : dialogues) {
    for (const std::size_t read : {std::size_t{1}, std::size_t{40}, std::size_t{16000}}) {
      std::vector<char> buffer(16384);
      ServerSession session(options);
      session.lend(buffer);
      for (std::size_t at = 0; at < dialogue.size();) {
        const auto action = session.next();
        if (std::holds_alternative<ask::Authenticate>(action)) session.answer({535, "5.7.8", "no"});
        if (!std::holds_alternative<ask::Input>(action)) continue;
        const auto room = session.input();
        const auto count = std::min({room.size(), read, dialogue.size() - at});
        std::copy_n(dialogue.begin() + static_cast<std::ptrdiff_t>(at), count, room.begin());
        session.received(count);
        at += count;
      }
      while (!std::holds_alternative<ask::Input>(session.next())) session.answer({535, "5.7.8", "no"});
      CHECK(session.reclaim().size() == buffer.size());
      check_wiped(buffer);
    }
  }
  // Nor where the session ends within the line.
  for (const std::string start : {"AUTH PLAIN ", "AUTH PLAIN\r\n"}) {
    for (const bool gone : {true, false}) {
      std::vector<char> buffer(16384);
      ServerSession session(options);
      session.lend(buffer);
      const std::string octets = hello + start + good;
      std::copy(octets.begin(), octets.end(), session.input().begin());
      session.received(octets.size());
      REQUIRE(std::holds_alternative<ask::Input>(session.next()));
      if (gone) session.received(0);
      if (!gone) session.shut_down("going down");
      REQUIRE(std::holds_alternative<ask::Close>(session.next()));
      CHECK(session.reclaim().size() == buffer.size());
      check_wiped(buffer);
    }
  }
}

TEST_CASE("MAIL takes AUTH where AUTH is offered and its line may be 500 octets longer", "[SMTP-57][SMTP-07]") {
  const std::string with_it = "MAIL FROM:<a@sender.test> AUTH=ann@sender.test\r\n";
  auto d = greeted();
  CHECK(d.says(with_it).starts_with("250"));
  CHECK(d.mails.back().auth == "ann@sender.test");
  CHECK(d.says("RSET\r\nMAIL FROM:<> AUTH=<>\r\n").ends_with("250 2.1.0 ok\r\n"));
  CHECK(d.mails.back().auth == "");
  CHECK(d.says("RSET\r\n" + mail).ends_with("250 2.1.0 ok\r\n"));
  CHECK_FALSE(d.mails.back().auth);
  Driver helo(with(Auth::always));
  helo.feed("HELO x\r\n");
  helo.said();
  CHECK(helo.says(with_it).starts_with("555 5.5.4"));
  Driver plain(with(Auth::over_tls, Tls::starttls));
  plain.feed(hello);
  CHECK(plain.says(with_it).starts_with("555 5.5.4"));
  plain.feed("STARTTLS\r\n");
  plain.feed(hello);
  CHECK(plain.says(with_it).starts_with("250"));

  const auto line = [](std::size_t size) {
    return mail.substr(0, mail.size() - 2) + std::string(size - mail.size(), ' ') + "\r\n";
  };
  constexpr std::size_t limit = 512 + 26 + 116 + 10;  // with the room for SIZE, DSN and SMTPUTF8
  CHECK(greeted().says(line(limit + 500)).starts_with("250"));
  CHECK(greeted().says(line(limit + 501)).starts_with("500 5.5.2"));
  CHECK(greeted(Admission::served, Auth::none).says(line(limit + 1)).starts_with("500 5.5.2"));
}
