// TLS-Required: No: what counts, what does not, in pieces of any size.
#include "protocol/mime/header_scanner.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace {

bool counts(std::string_view message, std::size_t piece = std::string_view::npos) {
  mime::HeaderScanner scanner;
  while (!message.empty()) {
    scanner.scan(message.substr(0, piece));
    message.remove_prefix(std::min(piece, message.size()));
  }
  scanner.end();
  return scanner.tls_required_no();
}

}  // namespace

TEST_CASE("the header field counts once with the value No", "[RTLS-09]") {
  const std::string from = "From: <a@sender.test>\r\n", rest = "Subject: x\r\n\r\nhello\r\n";
  struct Row {
    std::string field;
    bool counts;
  };
  const Row rows[] = {
      {"TLS-Required: No\r\n", true},
      {"tls-REQUIRED:no\r\n", true},
      {"TLS-Required:\tNO \t\r\n", true},
      {"TLS-Required :  No\r\n", true},
      {"TLS-Required:\r\n No\r\n", true},
      {"TLS-Required: No\r\n \t\r\n", true},
      {"TLS-Required: (not (so)\\) secret) No (really)\r\n", true},
      {"", false},
      {"TLS-Required: Yes\r\n", false},
      {"TLS-Required:\r\n", false},
      {"TLS-Required: N\r\n", false},
      {"TLS-Required: Nope\r\n", false},
      {"TLS-Required: No thanks\r\n", false},
      {"TLS-Required: No\r\n way\r\n", false},
      {"TLS-Required: N o\r\n", false},
      {"TLS-Required: N\r\n o\r\n", false},
      {"TLS-Required: N(x)o\r\n", false},
      {"TLS-Required: No (open\r\n", false},
      {"TLS-Required: No)\r\n", false},
      {"TLS-Required: \"No\"\r\n", false},
      {"TLS-Required: No;\r\n", false},
      {"TLS-Required: No" + std::string(100, ' ') + "x\r\n", false},
      {"TLS-Required: No\r\nTLS-Required: No\r\n", false},
      {"TLS-Required: No\r\ntls-required: yes\r\n", false},
      {"TLS-Required: Yes\r\nTLS-Required: No\r\n", false},
      {"X-TLS-Required: No\r\n", false},
      {"TLS-Required-X: No\r\n", false},
      {"TLS-Requires: No\r\n", false},
      {"TLS Required: No\r\n", false},
      {"X: y\r\n TLS-Required: No\r\n", false},
      {"\xc3\xa9: y\r\nTLS-Required: No\r\n", false},
      {"no field\r\nTLS-Required: No\r\n", false},
      {"TLS-Required: No\r\nno field\r\n", false},
      {": nothing\r\nTLS-Required: No\r\n", false},
      {"..TLS-Required: No\r\n", false},
      {"\r\nTLS-Required: No\r\n", false},
      {"X: a\rTLS-Required: No\r\n", false},
      {"X: a\nTLS-Required: No\r\n", false},
      {std::string("TLS-Required: No\0\r\n", 19), false},
  };
  for (const auto& row : rows) {
    const std::string message = from + row.field + rest;
    INFO(row.field);
    CHECK(counts(message) == row.counts);
    for (std::size_t piece = 1; piece < 8; ++piece) CHECK(counts(message, piece) == row.counts);
  }
}

TEST_CASE("only a header that is complete counts", "[RTLS-09]") {
  mime::HeaderScanner scanner;
  scanner.scan("TLS-Required: No\r\nFrom: <a@sender.test>\r\n");
  CHECK_FALSE(scanner.tls_required_no());
  scanner.scan("\r");
  CHECK_FALSE(scanner.tls_required_no());
  scanner.scan("\n");
  CHECK(scanner.complete());
  CHECK(scanner.tls_required_no());
  scanner.scan("TLS-Required: No\r\n\r\n");  // the body changes nothing
  CHECK(scanner.tls_required_no());

  CHECK(counts("TLS-Required: No\r\n"));  // a message without a body
  CHECK_FALSE(counts("TLS-Required: No"));
  CHECK_FALSE(counts("TLS-Required: No\r"));
  CHECK_FALSE(counts(" TLS-Required: No\r\n"));
  CHECK_FALSE(counts(""));
  CHECK_FALSE(counts("\r\nTLS-Required: No\r\n"));
}

TEST_CASE("fields of any length leave the scanner small and right", "[RTLS-09]") {
  const std::string longest(70000, 'x');
  CHECK(counts("X: " + longest + "\r\n " + longest + "\r\nTLS-Required: No\r\n\r\n"));
  CHECK(counts(longest + ": y\r\nTLS-Required: No (" + longest + ")\r\n\r\n"));
  CHECK_FALSE(counts("TLS-Required" + longest + ": No\r\n\r\n"));
  CHECK_FALSE(counts("TLS-Required: No" + longest + "\r\n\r\n"));
}
