// What is shown of the queue: fits the screen, says what is to be known, and is harmless whatever clients and hosts
// say.
#include "proxy/cli/queue_view.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/proxy/queue/queued_message.hpp"

namespace {

using namespace std::chrono_literals;
using proxy::Screen;
using test::noon;
using test::queued;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    REQUIRE(end != text.npos);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

bool holds(const std::string& text, std::string_view part) {
  return text.find(part) != text.npos;
}

bool is_harmless(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7f); });
}

}  // namespace

TEST_CASE("spans and sizes are short", "[SMTP-29]") {
  CHECK(proxy::span_words(-5s) == "0s");
  CHECK(proxy::span_words(59s) == "59s");
  CHECK(proxy::span_words(60s) == "1m");
  CHECK(proxy::span_words(3599s) == "59m");
  CHECK(proxy::span_words(1h) == "1h");
  CHECK(proxy::span_words(47h + 59min) == "47h");
  CHECK(proxy::span_words(48h) == "2d");
  CHECK(proxy::size_words(0) == "0");
  CHECK(proxy::size_words(1023) == "1023");
  CHECK(proxy::size_words(1024) == "1.0K");
  CHECK(proxy::size_words(10 * 1024) == "10K");
  CHECK(proxy::size_words(1024 * 1024 - 1) == "1.0M");
  CHECK(proxy::size_words(50 << 20) == "50M");
  CHECK(proxy::size_words(std::uint64_t{3} << 40) == "3.0T");
}

TEST_CASE("a table says age and size and id and path and when and why", "[SMTP-29]") {
  auto message = queued(7, {"b@x.test", "c@x.test"});
  message.size = 1234;
  const auto wide = lines_of(proxy::table_rows({.width = 160}, message, noon + 4min));
  REQUIRE(wide.size() == 1);
  for (const auto* part : {"  4m", "1.2K", "id7", "a@sender.test -> b@x.test +1", "in 1m", "451 4.7.4 x.test"})
    CHECK(holds(wide[0], part));
  const auto narrow = lines_of(proxy::table_rows({.width = 80}, message, noon + 6min));
  REQUIRE(narrow.size() == 2);
  CHECK(holds(narrow[0], "due"));
  CHECK(holds(narrow[1], "451 4.7.4 x.test"));
  message.held = true;
  message.recipients[0].reason.clear();
  const auto held = proxy::table_rows({.width = 160}, message, noon);
  CHECK(holds(held, "held"));
  CHECK(holds(held, "not tried yet"));
  CHECK(holds(proxy::table_rows({.width = 160}, queued(8, {"b@x.test"}, ""), noon), "<> -> b@x.test"));
}

TEST_CASE("no line of the table is longer than the screen", "[SMTP-29]") {
  auto message = queued(7, {std::string(60, 'r') + "@" + std::string(60, 'd') + ".test", "c@x.test"},
                        std::string(60, 's') + "@" + std::string(60, 'd') + ".test");
  message.size = std::uint64_t{1} << 50;
  message.received = noon - 24h * 100000;
  message.recipients[0].reason = std::string(400, 'w');
  for (std::size_t width = 1; width < 300; ++width) {
    CAPTURE(width);
    const Screen screen{.width = width};
    for (const auto& line : lines_of(proxy::table_head(screen) + proxy::table_rows(screen, message, noon)))
      CHECK(line.size() <= width);
  }
}

TEST_CASE("neither of two long addresses is lost", "[SMTP-29]") {
  const auto message = queued(7, {"recipient-with-a-long-name@x.test"}, "sender-with-a-very-long-name@sender.test");
  const auto both = proxy::table_rows({.width = 90}, message, noon);
  CHECK(holds(both, "sender-with-a-"));
  CHECK(holds(both, "-> recipient-with-"));
  const auto mostly = proxy::table_rows({.width = 90}, queued(7, {"b@x.test"}, std::string(60, 's') + "@s.test"), noon);
  CHECK(holds(mostly, "... -> b@x.test"));
}

TEST_CASE("colour is there only when asked for", "[SMTP-29]") {
  auto message = queued(7, {"b@x.test"});
  message.held = true;
  const std::string escape = "\x1b[";
  CHECK_FALSE(holds(proxy::table_head({}) + proxy::table_rows({}, message, noon), escape));
  CHECK(holds(proxy::table_head({.width = 80, .colour = true}), escape));
  const auto painted = proxy::table_rows({.width = 160, .colour = true}, message, noon);
  CHECK(holds(painted, escape + "33mheld"));
  CHECK(painted.ends_with(escape + "0m\n"));
}

TEST_CASE("what others said cannot move a cursor nor forge a line", "[SMTP-29][SMTP-64]") {
  auto message = queued(7, {"b@x.test"});
  const std::string bad = "\x1b[2J\nid8 \r\t\x80";
  message.id = message.client = message.mail.envid = bad;
  message.mail.reverse_path.address = message.recipients[0].rcpt.forward_path.address = bad;
  message.recipients[0].reason = bad;
  const auto header = proxy::header_lines("Subject: \x1b]0;owned\x07\r\nFrom: " + bad + "\r\n\r\n");
  CHECK(is_harmless(proxy::table_rows({.width = 160}, message, noon)));
  CHECK(lines_of(proxy::table_rows({.width = 160}, message, noon)).size() == 1);
  CHECK(is_harmless(proxy::plain_lines(message)));
  CHECK(lines_of(proxy::plain_lines(message)).size() == 1);
  CHECK(is_harmless(proxy::whole(message, header, noon)));
  CHECK_FALSE(holds(proxy::whole(message, header, noon), "\nid8"));
  CHECK_FALSE(holds(boost::json::serialize(proxy::whole_json(message, header)), "u001b"));
}

TEST_CASE("a pipe gets a whole line for each recipient", "[SMTP-29]") {
  auto message = queued(7, {"b@x.test", "c@y.test"}, "");
  message.size = 1234;
  const auto lines = lines_of(proxy::plain_lines(message));
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] ==
        "id7  2027-01-15T08:00:00Z  1234  <>  <b@x.test>  waiting  attempts 1  next 2027-01-15T08:05:00Z  "
        "451 4.7.4 x.test demands verified TLS: mx1.x.test: no STARTTLS");
  CHECK(holds(lines[1], "<c@y.test>"));
}

TEST_CASE("a list ends with what it held", "[SMTP-29]") {
  proxy::QueueTotals totals;
  CHECK(proxy::words(totals, false, noon) == "the queue is empty");
  CHECK(proxy::words(totals, true, noon) == "nothing in the queue matches");
  auto message = queued(7, {"b@x.test"});
  message.size = 100;
  totals.add(message);
  CHECK(proxy::words(totals, false, noon + 2h) == "1 message for 1 recipient, 100 octets, the oldest 2h old");
  message = queued(8, {"b@x.test", "c@x.test"});
  message.received = noon - 1h;
  message.size = 5000;
  message.held = true;
  totals.add(message);
  CHECK(proxy::words(totals, true, noon) == "2 messages (1 held) for 3 recipients, 5.0K, the oldest 1h old");
}

TEST_CASE("programs get every field under its name", "[SMTP-29]") {
  auto message = queued(7, {"b@x.test", "c@x.test"});
  message.size = 1234;
  message.held = true;
  message.recipients[1].reason.clear();
  auto object = proxy::json_of(message);
  CHECK(boost::json::serialize(object) ==
        R"({"id":"id7","sender":"a@sender.test","size":1234,"received":"2027-01-15T08:00:00Z",)"
        R"("expires":"2027-01-20T08:00:00Z","held":true,"recipients":[{"address":"b@x.test","state":"held",)"
        R"("attempts":1,"next_attempt":"2027-01-15T08:05:00Z",)"
        R"("reason":"451 4.7.4 x.test demands verified TLS: mx1.x.test: no STARTTLS"},{"address":"c@x.test",)"
        R"("state":"held","attempts":1,"next_attempt":"2027-01-15T08:05:00Z","reason":null}]})");
  message.mail.ret = smtp::Return::headers;
  message.mail.envid = "QQ314159";
  message.mail.requiretls = true;
  object = proxy::whole_json(message, {{"Subject", "hello"}});
  CHECK(object["client"] == "192.0.2.7");
  CHECK(object["requiretls"] == true);
  CHECK(object["tls_required_no"] == false);
  CHECK(object["ret"] == "HDRS");
  CHECK(object["envid"] == "QQ314159");
  CHECK(object["header"].as_object()["Subject"] == "hello");
}

TEST_CASE("the header is read as far as it tells who and what", "[SMTP-29]") {
  const auto lines = proxy::header_lines(
      "Received: by x\r\n\tfor you\r\nFROM : a@s.test\r\nsubject: one\r\n two\r\nSubject: second\r\n"
      "X-To: no\r\nMessage-Id: <1@x>\r\n\r\nTo: in the body\r\n");
  CHECK(lines == proxy::HeaderLines{{"From", "a@s.test"}, {"Subject", "one two"}, {"Message-ID", "<1@x>"}});
  CHECK(proxy::header_lines("").empty());
  CHECK(proxy::header_lines("no header\r\n folded into nothing\r\n").empty());
  const auto endless = proxy::header_lines("Subject:" + std::string(60000, 'x'));
  REQUIRE(endless.size() == 1);
  CHECK(endless[0].second.size() <= 400);
  std::string folded = "Subject: x\r\n";
  for (int i = 0; i < 5000; ++i) folded += " folded\r\n";
  CHECK(proxy::header_lines(folded)[0].second.size() <= 400);
}

TEST_CASE("what is shown of one message names all that decides about it", "[SMTP-29]") {
  auto message = queued(7, {"b@x.test", "c@y.test"});
  message.tls_required_no = true;
  const auto text = proxy::whole(message, {{"From", "a@s.test"}}, noon + 1min);
  for (const auto* part :
       {"id              id7\n", "sender          <a@sender.test>\n", "received        2027-01-15T08:00:00Z (1m ago)\n",
        "held            no\n", "tls_required_no yes\n", "From            a@s.test\n", "recipient       <c@y.test>\n",
        "next_attempt    2027-01-15T08:05:00Z (in 4m)\n", "reason          451 4.7.4"})
    CHECK(holds(text, part));
  CHECK_FALSE(holds(text, "envid"));
}
