// What of a message goes back with a report: whole or its header, as it is or encoded, cut or endless.
#include "protocol/mime/returned_content.hpp"

#include <catch2/catch.hpp>

#include "tests/unit/protocol/mime/report_samples.hpp"

using namespace report;

TEST_CASE("a message that holds 8-bit content comes back and is declared so", "[SMTP-28]") {
  const std::string body = "Subject: x\r\n\r\ncaf\xc3\xa9\r\n";
  auto wanted = about({failed()});
  wanted.original = body;
  wanted.return_whole = true;
  auto got = read_back(wanted);
  REQUIRE(got.parts.size() == 3);
  CHECK(got.parts[2].fields == "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n");
  CHECK(got.parts[2].body == body);
  CHECK(has(got.header, "Content-Transfer-Encoding: 8bit"));
  // Of its header nothing is 8-bit.
  wanted.return_whole = false;
  got = read_back(wanted);
  CHECK(got.parts.at(2).fields == "Content-Type: text/rfc822-headers\r\n");
  CHECK(got.parts[2].body == "Subject: x\r\n");
  CHECK_FALSE(has(got.header, "Content-Transfer-Encoding: 8bit"));
}

TEST_CASE("a header that cannot go as it is goes as quoted-printable", "[SMTP-28]") {
  const std::string long_line = "X: " + std::string(2000, 'a') + "\r\n";
  const std::string headers[] = {"Subject: caf\xc3\xa9 = x \r\nTo: b\r\n",
                                 long_line,
                                 "Subject: x\r\n" + long_line,
                                 "X: " + std::string(71, 'a') + "\xe9\r\n",
                                 "X: \xe9" + std::string(200, ' ') + "\r\n",
                                 "X: " + std::string(1, '\0') + "\r\n"};
  for (const auto& header : headers) {
    for (const bool whole : {true, false}) {
      const std::string original = header + "\r\nbody\r\n";
      auto wanted = about({failed()});
      wanted.original = original;
      wanted.return_whole = whole;
      const auto got = read_back(wanted);
      REQUIRE(got.parts.size() == 3);
      if (got.parts[2].fields.find("message/rfc822") != std::string::npos) continue;
      CHECK(got.parts[2].fields ==
            "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n");
      CHECK(decoded_quoted_printable(got.parts[2].body) == header);
      std::string_view lines = got.parts[2].body;
      while (!lines.empty()) CHECK(next_line(lines).size() <= 76);
      CHECK(ascii(mime::delivery_report(wanted)));
    }
  }
}

TEST_CASE("a header ends cleanly wherever the message was cut", "[SMTP-28]") {
  const std::string header = "From: a\r\nSubject: x\r\n y\r\n..odd: z\r\n";
  const std::string original = header + "\r\nbody\r\n";
  for (std::size_t cut = 0; cut <= original.size(); ++cut) {
    INFO(cut);
    auto wanted = about({failed()});
    wanted.original = std::string_view(original).substr(0, cut);
    const auto got = read_back(wanted);
    const auto last = original.rfind("\r\n", cut < 2 ? 0 : std::min(cut - 2, header.size() - 2));
    if (cut < 2 || last == std::string::npos) {
      CHECK(got.parts.size() == 2);
      continue;
    }
    REQUIRE(got.parts.size() == 3);
    std::string fault;
    CHECK(got.parts[2].body == unstuffed(std::string_view(original).substr(0, last + 2), fault));
  }
}

TEST_CASE("a header that never ends is bounded and one that is empty is left out", "[SMTP-28]") {
  auto wanted = about({failed()});
  std::string endless;
  while (endless.size() < 200'000) endless += "X-Line: 1234567890\r\n";
  wanted.original = endless;
  auto got = read_back(wanted);
  REQUIRE(got.parts.size() == 3);
  CHECK(got.parts[2].body.size() <= 65536);
  CHECK(got.parts[2].body.size() > 65000);
  const std::string one_line(200'000, 'x');
  for (const bool whole : {true, false}) {
    wanted.return_whole = whole;
    wanted.original = one_line;
    CHECK(read_back(wanted).parts.size() == 2);
    wanted.original = "";
    CHECK(read_back(wanted).parts.size() == 2);
  }
  wanted.return_whole = false;
  wanted.original = "\r\nno header\r\n";
  got = read_back(wanted);
  CHECK(got.parts.size() == 2);
  CHECK(got.parts[0].body.find("attached") == std::string::npos);
  wanted.return_whole = true;
  CHECK(read_back(wanted).parts.at(2).body == "\r\nno header\r\n");
}
