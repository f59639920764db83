// The scanner of message bodies: ends, dots and newlines, at every split, against a reference that knows no splits.
#include "protocol/smtp/data_scanner.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <random>

#include "tests/unit/protocol/smtp/data_scanner_reference.hpp"

using reference::stuffed;
using smtp::BareNewline;
using smtp::DataScanner;

namespace {

struct Result {
  bool end = false;
  std::size_t consumed = 0;
  std::string canonical;
  smtp::BodyFacts facts;
  std::size_t most_left = 0;  ///< octets that a call left unconsumed
};

/// Scans `wire` in reads of the given sizes (the last repeats).
Result scan(std::string_view wire, BareNewline mode, const std::vector<std::size_t>& reads) {
  DataScanner scanner(mode);
  Result result;
  std::size_t come = 0;
  for (std::size_t i = 0; !result.end && come < wire.size(); ++i) {
    come = std::min(wire.size(), come + reads[std::min(i, reads.size() - 1)]);
    const auto piece = scanner.scan(wire.substr(result.consumed, come - result.consumed));
    result.consumed += piece.consumed;
    result.canonical += piece.canonical;
    result.end = piece.end;
    result.most_left = std::max(result.most_left, piece.end ? 0 : come - result.consumed);
  }
  result.facts = scanner.facts();
  return result;
}

void check_against_reference(std::string_view wire, BareNewline mode, const std::vector<std::size_t>& reads) {
  const auto expected = reference::decode(wire, mode);
  const auto result = scan(wire, mode, reads);
  CAPTURE(std::string(wire), mode == BareNewline::reject);
  REQUIRE(result.end == expected.has_value());
  REQUIRE(result.most_left <= 2);
  if (!expected) return;
  REQUIRE(result.consumed == expected->consumed);
  REQUIRE(result.facts.bare_newline == expected->bare_newline);
  const auto& content = expected->content;
  REQUIRE(result.facts.eight_bit ==
          std::any_of(content.begin(), content.end(), [](char c) { return (c & 0x80) != 0; }));
  if (mode == BareNewline::reject && expected->bare_newline) return;  // refused: what came out is not sent
  REQUIRE(result.canonical == stuffed(content));
  REQUIRE(result.facts.octets == content.size());
}

/// The endings of the smuggling advisories of 2023, and what follows them in an attack.
const std::pair<const char*, std::string> doubtful_ends[] = {
    {"LF . LF", "\n.\n"},
    {"LF . CRLF", "\n.\r\n"},
    {"CRLF . LF", "\r\n.\n"},
    {"CR . CR", "\r.\r"},
    {"CR . CRLF", "\r.\r\n"},
    {"CRLF . CR", "\r\n.\r"},
    {"CR . LF", "\r.\n"},
    {"LF . CR", "\n.\r"},
    {"CRLF NUL . CRLF", std::string("\r\n\0.\r\n", 6)},
    {"CRLF . NUL CRLF", std::string("\r\n.\0\r\n", 6)},
    {"LF LF . CRLF", "\n\n.\r\n"},
    {"CRLF . CR CRLF", "\r\n.\r\r\n"},
    {"CR CRLF . CR CRLF", "\r\r\n.\r\r\n"},
};
const std::string evil = "MAIL FROM:<evil@sender.test>\r\nRCPT TO:<victim@in.test>\r\nDATA\r\nsmuggled\r\n.\r\n";

}  // namespace

TEST_CASE("no doubtful end of a message ends it", "[SMTP-02][SMTP-03][S-1][S-2][S-3]") {
  for (const auto& [name, end] : doubtful_ends) {
    CAPTURE(name);
    const std::string wire = "Subject: x\r\n\r\nbefore" + end + evil;
    const bool bare = end.find('\0') == std::string::npos;
    for (const auto mode : {BareNewline::reject, BareNewline::normalize}) {
      const auto result = scan(wire, mode, {wire.size()});
      REQUIRE(result.end);
      CHECK(result.consumed == wire.size());
      CHECK(result.facts.bare_newline == bare);
      if (mode == BareNewline::reject && bare) continue;
      // What goes on holds one message only, for a strict reader and for one that takes any newline for a line end.
      CHECK(result.canonical.find("smuggled\r\n") != std::string::npos);
      CHECK(result.canonical.find("\r\n.\r\n") == std::string::npos);
      for (std::size_t i = 0; i < result.canonical.size(); ++i) {
        if (result.canonical[i] == '\n') REQUIRE(result.canonical[i - 1] == '\r');
        if (result.canonical[i] == '\r') REQUIRE(result.canonical[i + 1] == '\n');
      }
    }
  }
}

TEST_CASE("bare newlines become CRLF and a dot behind one is content", "[SMTP-03][S-1][S-3]") {
  const std::pair<std::string, std::string> rows[] = {
      {"a\nb\r\n", "a\r\nb\r\n"},
      {"a\rb\r\n", "a\r\nb\r\n"},
      {"a\r\r\nb\r\n", "a\r\n\r\nb\r\n"},
      {"a\n.\r\nb\r\n", "a\r\n..\r\nb\r\n"},
      {"a\n.\nb\r\n", "a\r\n..\r\nb\r\n"},
      {"a\n..\r\nb\r\n", "a\r\n...\r\nb\r\n"},
      {"a\r\r\n..\r\r\ny\r\n", "a\r\n\r\n..\r\n\r\ny\r\n"},
      {"a\r\n.\nb\r\n", "a\r\n\r\nb\r\n"},
      {"a\r\n..\nb\r\n", "a\r\n..\r\nb\r\n"},
      {"\n\r\r\n", "\r\n\r\n\r\n"},
      {"\n.x\r\n", "\r\n..x\r\n"},
      {".\r\r\n", "\r\n\r\n"},
  };
  for (const auto& [content, canonical] : rows) {
    CAPTURE(content);
    for (std::size_t read = 1; read < 8; ++read) {
      const auto result = scan(content + ".\r\n", BareNewline::normalize, {read});
      CHECK(result.end);
      CHECK(result.canonical == canonical);
      CHECK(result.facts.bare_newline);
    }
  }
}

TEST_CASE("dots are undone and redone exactly at every split", "[SMTP-04][S-4]") {
  std::string content;
  for (std::size_t dots = 0; dots < 5; ++dots) {
    for (const char* tail : {"", "x", " ", ".x"}) content += std::string(dots, '.') + tail + "\r\n";
  }
  const std::string wire = stuffed(content) + ".\r\n";
  for (const auto mode : {BareNewline::reject, BareNewline::normalize}) {
    for (std::size_t first = 1; first <= wire.size(); ++first)
      check_against_reference(wire, mode, {first, wire.size()});
    for (std::size_t read = 1; read <= 9; ++read) check_against_reference(wire, mode, {read});
  }
  CHECK(scan(wire, BareNewline::reject, {wire.size()}).facts.octets == content.size());
}

TEST_CASE("a dot that a sloppy client did not double is deleted", "[SMTP-04]") {
  for (std::size_t read = 1; read < 8; ++read) {
    const auto result = scan(".x\r\n. \r\n..y\r\n.\r\n", BareNewline::reject, {read});
    CHECK(result.end);
    CHECK(result.canonical == "x\r\n \r\n..y\r\n");
    CHECK(result.facts.octets == 10);
    CHECK_FALSE(result.facts.bare_newline);
  }
}

TEST_CASE("a message can be empty", "[SMTP-02]") {
  const auto result = scan(".\r\nQUIT\r\n", BareNewline::reject, {100});
  CHECK(result.end);
  CHECK(result.consumed == 3);
  CHECK(result.canonical.empty());
  CHECK(result.facts.octets == 0);
}

TEST_CASE("a canonical message is never copied", "[SMTP-04]") {
  const std::string wire = "Subject: x\r\n\r\n..dot\r\ntext \xc3\xa9\r\n.\r\nNOOP\r\n";
  DataScanner scanner(BareNewline::normalize);
  const auto piece = scanner.scan(wire);
  CHECK(piece.end);
  CHECK(piece.canonical.data() == wire.data());
  CHECK(piece.canonical.size() + 3 == piece.consumed);
  CHECK(wire.substr(piece.consumed) == "NOOP\r\n");
}

TEST_CASE("what the scanner cannot decide it leaves", "[SMTP-02]") {
  for (const std::string tail : {"\r", ".", ".\r"}) {
    DataScanner scanner(BareNewline::reject);
    const std::string wire = "x\r\n" + tail;
    const auto piece = scanner.scan(wire);
    CHECK(piece.consumed == 3);
    CHECK(piece.canonical == "x\r\n");
    CHECK_FALSE(piece.end);
    CHECK(scanner.scan(tail).consumed == 0);
    CHECK_FALSE(scanner.facts().bare_newline);
  }
}

TEST_CASE("every message of six pieces is read as the reference reads it at every split",
          "[SMTP-02][SMTP-03][SMTP-04]") {
  const std::string pieces[] = {"\r", "\n", ".", "x"};
  std::string wire;
  const std::function<void(int)> extend = [&](int left) {
    if (left == 0) {
      const std::string whole = wire + "\r\n.\r\n";
      for (const auto mode : {BareNewline::reject, BareNewline::normalize}) {
        for (std::size_t read = 1; read <= 3; ++read) check_against_reference(whole, mode, {read});
        check_against_reference(whole, mode, {whole.size()});
      }
      return;
    }
    for (const auto& piece : pieces) {
      wire += piece;
      extend(left - 1);
      wire.resize(wire.size() - piece.size());
    }
  };
  extend(6);
}

TEST_CASE("random messages in random reads are read as the reference reads them", "[SMTP-02][SMTP-03][SMTP-04]") {
  std::mt19937 random(20261125);
  const std::string pieces[] = {"\r\n",
                                "\r\n",
                                "\r\n.",
                                "\r\n..",
                                ".",
                                "..",
                                "\r",
                                "\n",
                                std::string(1, '\0'),
                                "x",
                                std::string(70, 'y'),
                                "\xc3\xa9",
                                "\r\n\r\n",
                                "\r\n.\r\n",
                                "Received: "};
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  for (int round = 0; round < 3000; ++round) {
    const bool clean = round % 2 == 0;
    std::string wire;
    for (std::size_t count = below(30); count > 0; --count) {
      const auto& piece = pieces[below(std::size(pieces))];
      if (clean && (piece == "\r" || piece == "\n")) continue;
      wire += piece;
    }
    wire += "\r\n.\r\nQUIT\r\n";
    std::vector<std::size_t> reads;
    for (int i = 0; i < 40; ++i) reads.push_back(1 + below(20));
    for (const auto mode : {BareNewline::reject, BareNewline::normalize}) check_against_reference(wire, mode, reads);
  }
}

TEST_CASE("a long line passes in one piece and in many", "[SMTP-07][S-5]") {
  for (const std::size_t length : {998u, 999u, 1103u, 4096u, 1u << 20}) {
    const std::string wire = std::string(length, 'b') + "\r\n.\r\n";
    for (const std::size_t read : {std::size_t{1000}, wire.size()}) {
      const auto result = scan(wire, BareNewline::reject, {read});
      CHECK(result.end);
      CHECK(result.canonical == wire.substr(0, wire.size() - 3));
    }
  }
}

TEST_CASE("only header fields named Received are counted", "[SMTP-11]") {
  struct Row {
    std::string content;
    unsigned received;
  };
  const Row rows[] = {
      {"", 0},
      {"\r\nReceived: in the body\r\n", 0},
      {"Received: a\r\n", 1},
      {"received:a\r\nRECEIVED : b\r\nReceived\t: c\r\n\r\nReceived: d\r\n", 3},
      {"Received-SPF: pass\r\nX-Received: x\r\n Received: folded\r\nReceive: x\r\nReceivedx: x\r\n", 0},
      {"Received: a\r\n\tby b;\r\n date\r\nSubject: Received: x\r\nReceived: b\r\n\r\n", 2},
      {"Received a:\r\n", 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.content);
    const std::string wire = stuffed(row.content) + ".\r\n";
    for (const std::size_t read : {std::size_t{1}, std::size_t{3}, wire.size()}) {
      CHECK(scan(wire, BareNewline::reject, {read}).facts.received == row.received);
    }
  }
  CHECK(scan("Received: a\nReceived: b\n\nReceived: body\r\n.\r\n", BareNewline::normalize, {5}).facts.received == 2);
}

TEST_CASE("octets above 127 are seen wherever they stand") {
  for (std::size_t at = 0; at < 40; ++at) {
    std::string body(40, 'x');
    body[at] = '\x80';
    auto facts = scan("Subject: x\r\n\r\n" + body + "\r\n.\r\n", BareNewline::reject, {1000}).facts;
    CHECK(facts.eight_bit);
    CHECK_FALSE(facts.eight_bit_header);
    facts = scan("Subject: " + body + "\r\n\r\nx\r\n.\r\n", BareNewline::reject, {7}).facts;
    CHECK(facts.eight_bit);
    CHECK(facts.eight_bit_header);
  }
  CHECK_FALSE(scan("Subject: x\r\n\r\nx\x7f\r\n.\r\n", BareNewline::reject, {1000}).facts.eight_bit);
}
