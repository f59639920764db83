// Date and Message-ID where a device wrote none: what is added to which header.
#include "protocol/mime/missing_fields.hpp"

#include <catch2/catch.hpp>

namespace {

const base::Time now{std::chrono::seconds(1'764'050'400)};
const std::string date = "Date: Tue, 25 Nov 2025 06:00:00 +0000\r\n", message_id = "Message-ID: <4f2a@relay.test>\r\n";

std::string added(std::string_view message, std::size_t piece = std::string_view::npos) {
  mime::HeaderScanner scanner;
  while (!message.empty()) {
    scanner.scan(message.substr(0, piece));
    message.remove_prefix(std::min(piece, message.size()));
  }
  scanner.end();
  return mime::missing_fields(scanner, now, "4f2a", "relay.test");
}

}  // namespace

TEST_CASE("what is missing is added and nothing else") {
  const std::string has_date = "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\n", has_id = "Message-ID: <1@device>\r\n";
  struct Row {
    std::string header;
    std::string added;
  };
  const Row rows[] = {
      {"From: <a@b.test>\r\nSubject: Scan\r\n", date + message_id},
      {"", date + message_id},
      {has_date, message_id},
      {has_id, date},
      {has_date + has_id, ""},
      {"DATE:x\r\nmessage-id :y\r\n", ""},
      {"Date:\r\n\tfolded\r\nMessage-Id:\r\n x\r\n", ""},
      {"Message-ID: <1@d>\r\n Date: folded is no field\r\n", date},
      {"X-Date: x\r\nResent-Date: x\r\nResent-Message-ID: x\r\nDated: x\r\nMessage-IDs: x\r\nMessage-I: x\r\n",
       date + message_id},
      {std::string(100'000, 'X') + ": y\r\n", date + message_id},
  };
  for (const Row& row : rows) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::string::npos}) {
      CAPTURE(row.header.substr(0, 60));
      CHECK(added(row.header + "\r\nbody\r\nDate: not this\r\n", piece) == row.added);
      CHECK(added(row.header, piece) == row.added);
    }
  }
}

TEST_CASE("a header that cannot be read gets nothing added") {
  for (const std::string message :
       {"no field\r\n\r\nx", "Subject: x\r\nhello\r\nDate: y\r\n\r\n", " folded: from the start\r\n\r\n", ": x\r\n\r\n",
        "caf\xc3\xa9: x\r\n\r\n", "Subject: cut", "Subject: x\r"}) {
    CAPTURE(message);
    CHECK(added(message).empty());
  }
  // Nor one whose end has not come.
  mime::HeaderScanner scanner;
  scanner.scan("Subject: x\r\n");
  CHECK(mime::missing_fields(scanner, now, "4f2a", "relay.test").empty());
}

TEST_CASE("the scanner tells which fields are there") {
  mime::HeaderScanner scanner;
  CHECK(scanner.fields() == mime::HeaderScanner::Fields{});
  scanner.scan("From: a@b.test\r\nmessage-ID: x\r\n");
  CHECK(scanner.fields() == mime::HeaderScanner::Fields{.from = true, .message_id = true});
  scanner.scan("\r\nDate: in the body\r\n");
  CHECK(scanner.fields() == mime::HeaderScanner::Fields{.from = true, .message_id = true});
}
