// A message in DATA's form as one chunk: every octet but the stuffing.
#include "protocol/smtp/chunk.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "protocol/smtp/data_scanner.hpp"

TEST_CASE("a chunk counts its octets and carries no stuffing", "[SMTP-23]") {
  CHECK(smtp::last_chunk("", "") == "BDAT 0 LAST\r\n");
  CHECK(smtp::last_chunk("R: x\r\n", "a\r\n") == "BDAT 9 LAST\r\nR: x\r\na\r\n");
  CHECK(smtp::last_chunk("", "..\r\n") == "BDAT 3 LAST\r\n.\r\n");
  CHECK(smtp::last_chunk("", "a.b\r\n...\r\n..\r\nx..\r\n") == "BDAT 17 LAST\r\na.b\r\n..\r\n.\r\nx..\r\n");
  // A field in front is never stuffed.
  CHECK(smtp::last_chunk("..x\r\n", "y\r\n") == "BDAT 8 LAST\r\n..x\r\ny\r\n");
}

TEST_CASE("any message has the same octets as a chunk and through DATA", "[SMTP-23]") {
  std::mt19937 random(7);
  const std::string_view pieces[] = {".", "..", "\r\n", "a", "\r\n.", "\r\n..", std::string_view("\0", 1), "\xc3\xa4"};
  for (int run = 0; run < 2000; ++run) {
    std::string message;
    for (unsigned n = static_cast<unsigned>(random() % 30); n > 0; --n) message += pieces[random() % std::size(pieces)];
    if (!message.ends_with("\r\n")) message += "\r\n";
    std::string stuffed = message.starts_with('.') ? "." : "";
    for (std::size_t i = 0; i < message.size(); ++i) {
      stuffed += message[i];
      if (message[i] == '\n' && i + 1 < message.size() && message[i + 1] == '.') stuffed += '.';
    }
    CHECK(smtp::last_chunk("", stuffed) == "BDAT " + std::to_string(message.size()) + " LAST\r\n" + message);
  }
}
