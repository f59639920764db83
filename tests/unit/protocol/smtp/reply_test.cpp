// Replies: read from octets of any kind, made fit to be shown, written within the limits.
#include "protocol/smtp/reply.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <ostream>

namespace smtp {

std::ostream& operator<<(std::ostream& out, const Reply& reply) {
  return out << reply.code << " <" << reply.enhanced << "> " << reply.text;
}

}  // namespace smtp

using smtp::Reply;
using smtp::ReplyReader;

namespace {

struct Read {
  ReplyReader::State state = ReplyReader::State::more;
  Reply reply;
  std::string fault;
  std::size_t consumed = 0;
};

/// Feeds `octets` in pieces of `piece`.
Read read(std::string_view octets, std::size_t piece = 1u << 20) {
  ReplyReader reader;
  Read result;
  while (result.state == ReplyReader::State::more && result.consumed < octets.size()) {
    std::size_t consumed = 0;
    const auto part = octets.substr(result.consumed, piece);
    result.state = reader.feed(part, consumed);
    REQUIRE(consumed <= part.size());
    result.consumed += consumed;
    if (result.state == ReplyReader::State::more) REQUIRE(consumed == part.size());
  }
  if (result.state == ReplyReader::State::complete) result.reply = reader.reply();
  result.fault = reader.fault();
  return result;
}

std::vector<std::string> lines_of(const std::string& wire) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < wire.size();) {
    const auto end = wire.find("\r\n", begin);
    REQUIRE(end != std::string::npos);
    lines.push_back(wire.substr(begin, end - begin));
    begin = end + 2;
  }
  return lines;
}

}  // namespace

TEST_CASE("A reply is read by its code whatever its text and line ends are", "[SMTP-45]") {
  struct Row {
    const char* wire;
    Reply reply;
  };
  const Row rows[] = {
      {"250 ok\r\n", {250, "", "ok"}},
      {"250\r\n", {250, "", ""}},
      {"250 \r\n", {250, "", ""}},
      {"250 ok\n", {250, "", "ok"}},
      {"299 2.1.5 fine\r\n", {299, "2.1.5", "fine"}},
      {"577 5.1.1 no\r\n", {577, "5.1.1", "no"}},
      {"250-2.1.0 one\r\n250-2.1.0 two\r\n250 2.1.0 three\r\n", {250, "2.1.0", "one\ntwo\nthree"}},
      {"250-2.1.0 one\r\n250-two\r\n250 2.1.1 three\r\n", {250, "2.1.0", "one\ntwo\n2.1.1 three"}},
      {"220-mx\r\n220-says\n220 hello\r\n", {220, "", "mx\nsays\nhello"}},
      {"250-\r\n250\r\n", {250, "", "\n"}},
      {"550 421 4.2.1 busy\r\n", {550, "", "421 4.2.1 busy"}},
      {"550 2.1.5 fine\r\n", {550, "2.1.5", "fine"}},
      {"550 5.7.1\r\n", {550, "5.7.1", ""}},
      {"550 5.123.999 x\r\n", {550, "5.123.999", "x"}},
      {"550 5.1234.1 x\r\n", {550, "", "5.1234.1 x"}},
      {"550 5.1.1x\r\n", {550, "", "5.1.1x"}},
      {"550 3.1.1 x\r\n", {550, "", "3.1.1 x"}},
      {"550 5..1 x\r\n", {550, "", "5..1 x"}},
      {"550 5.1\r\n", {550, "", "5.1"}},
      {"354 go on\r\n", {354, "", "go on"}},
  };
  for (const Row& row : rows) {
    INFO(row.wire);
    for (const std::size_t piece : {1u, 2u, 5u, 1000u}) {
      const Read result = read(row.wire, piece);
      REQUIRE(result.state == ReplyReader::State::complete);
      CHECK(result.reply == row.reply);
    }
  }
}

TEST_CASE("What is no reply is malformed", "[SMTP-45]") {
  for (const char* wire :
       {"hello there\r\n", "150 what\r\n", "650 what\r\n", "25\r\n", "\r\n", "250x\r\n", "2500 ok\r\n", "25a ok\r\n",
        " 250 ok\r\n", "250-2.1.5 yes\r\n550 5.1.1 no\r\n", "250-a\r\n\r\n"}) {
    INFO(wire);
    for (const std::size_t piece : {1u, 1000u}) {
      const Read result = read(wire, piece);
      CHECK(result.state == ReplyReader::State::malformed);
      CHECK(std::none_of(result.fault.begin(), result.fault.end(), [](char c) { return c < 0x20 || c > 0x7e; }));
    }
  }
  CHECK(read("hello\x01there\r\n").fault == "hello\\x01there");
}

TEST_CASE("A reader stops at the end of the first reply", "[SMTP-20][SMTP-45]") {
  const std::string wire = "250-a\r\n250 b\r\n550 c\r\n";
  ReplyReader reader;
  std::size_t consumed = 0;
  REQUIRE(reader.feed(wire, consumed) == ReplyReader::State::complete);
  CHECK(consumed == 14);
  reader.reset();
  REQUIRE(reader.feed(std::string_view(wire).substr(consumed), consumed) == ReplyReader::State::complete);
  CHECK(reader.reply() == Reply{550, "", "c"});
  reader.reset();
  CHECK(reader.feed("25", consumed) == ReplyReader::State::more);
}

TEST_CASE("Overlong and endless replies are cut off", "[SMTP-38]") {
  const std::string fits = "250 " + std::string(8 * 1024 - 6, 'x') + "\r\n";
  CHECK(read(fits).state == ReplyReader::State::complete);
  CHECK(read("250 " + std::string(8 * 1024 - 5, 'x') + "\r\n").state == ReplyReader::State::malformed);

  std::string endless;
  while (endless.size() < 70 * 1024) endless += "250-and so on\r\n";
  for (const std::size_t piece : {1u, 1460u, 100'000u}) {
    const Read lines = read(endless, piece);
    CHECK(lines.state == ReplyReader::State::malformed);
    CHECK(lines.consumed <= 64 * 1024);
    const Read line = read("250-" + std::string(70 * 1024, 'x'), piece);
    CHECK(line.state == ReplyReader::State::malformed);
    CHECK(line.consumed <= 8 * 1024);
    CHECK(line.fault.size() < 200);
  }
}

TEST_CASE("A reply of an MX is made fit for a client", "[SMTP-27]") {
  struct Row {
    Reply from_mx, cleaned;
  };
  const Row rows[] = {
      {{550, "5.1.1", "no such user"}, {550, "5.1.1", "no such user"}},
      {{550, "", "no such user"}, {550, "5.0.0", "no such user"}},
      {{550, "2.1.5", "fine"}, {550, "5.0.0", "fine"}},
      {{451, "5.1.1", "later"}, {451, "4.0.0", "later"}},
      {{250, "", ""}, {250, "2.0.0", ""}},
      {{354, "2.0.0", "go on"}, {354, "", "go on"}},
      {{550, "5.1.1\r\n250 ok", "x"}, {550, "5.0.0", "x"}},
      {{550, "5.1.1", "a\tb\r"}, {550, "5.1.1", "a b\\r"}},
      {{550, "5.1.1", "a\x1b[31m\xc3\xa9"}, {550, "5.1.1", "a\\x1b[31m\\xc3\\xa9"}},
      {{550, "5.1.1", "\n\na\n\nb\n"}, {550, "5.1.1", "a\nb"}},
  };
  for (const Row& row : rows) {
    Reply result = smtp::cleaned(row.from_mx);
    // The escapes' case is of no matter here.
    for (char& c : result.text)
      if (c >= 'A' && c <= 'F') c = static_cast<char>(c | 0x20);
    CHECK(result == row.cleaned);
    CHECK(smtp::cleaned(result) == result);
  }
}

TEST_CASE("A cleaned reply is short however long the MX talked", "[SMTP-27]") {
  std::string text;
  for (int i = 0; i < 40; ++i) text += std::string(3000, 'x') + "\n";
  const Reply result = smtp::cleaned({550, "5.1.1", text});
  CHECK(std::count(result.text.begin(), result.text.end(), '\n') < 8);
  CHECK(result.text.size() <= 2048);

  std::string wire;
  smtp::append(wire, result);
  for (const auto& line : lines_of(wire)) {
    CHECK(line.size() + 2 <= 512);
    CHECK((line.starts_with("550-5.1.1 ") || line.starts_with("550 5.1.1 ")));
  }
}

TEST_CASE("Replies are written with code and enhanced code on every line", "[SMTP-27]") {
  struct Row {
    Reply reply;
    const char* wire;
  };
  const Row rows[] = {
      {{250, "2.0.0", "ok"}, "250 2.0.0 ok\r\n"},
      {{250, "2.0.0", "a\nb\nc"}, "250-2.0.0 a\r\n250-2.0.0 b\r\n250 2.0.0 c\r\n"},
      {{220, "", "mx ready"}, "220 mx ready\r\n"},
      {{250, "", "mx\nSIZE 1\nHELP"}, "250-mx\r\n250-SIZE 1\r\n250 HELP\r\n"},
      {{250, "", ""}, "250\r\n"},
      {{550, "5.0.0", ""}, "550 5.0.0\r\n"},
      {{550, "5.0.0", "a\n\nb"}, "550-5.0.0 a\r\n550-5.0.0\r\n550 5.0.0 b\r\n"},
      {{550, "5.0.0", "a\r\n250 ok\x01\x80"}, "550-5.0.0 a?\r\n550 5.0.0 250 ok??\r\n"},
      {{550, "5.0.0\r\n", "a-b"}, "550 a-b\r\n"},
  };
  for (const Row& row : rows) {
    std::string wire = "before\r\n";
    smtp::append(wire, row.reply);
    CHECK(wire == std::string("before\r\n") + row.wire);
  }
}

TEST_CASE("Long lines of a reply are wrapped at blanks and lose no word", "[SMTP-27]") {
  std::string text;
  for (int i = 0; i < 300; ++i) text += "word" + std::to_string(i) + ' ';
  text += std::string(1200, 'x');
  std::string wire, joined;
  smtp::append(wire, {550, "5.7.1", text});
  for (const auto& line : lines_of(wire)) {
    CHECK(line.size() + 2 <= 512);
    joined += line.substr(10);
    if (line.find('x') == std::string::npos) joined += ' ';
  }
  CHECK(joined == text);
}

TEST_CASE("A reply on one line is bounded and printable", "[SMTP-27]") {
  CHECK(smtp::on_one_line({550, "5.1.1", "no such\nuser"}) == "550 5.1.1 no such user");
  CHECK(smtp::on_one_line({550, "", ""}) == "550 5.0.0");
  CHECK(smtp::on_one_line({}) == "");
  const std::string cut = smtp::on_one_line({550, "", std::string(399, 'x')}, 50);
  CHECK(cut.size() <= 50);
  CHECK(cut.ends_with("..."));
}
