// Reports on SMTPUTF8 messages (RFC 6533): the international forms, and the ASCII forms that are made of them for a way
// back without SMTPUTF8.
#include <catch2/catch.hpp>

#include "protocol/mime/report_parts.hpp"
#include "tests/unit/protocol/mime/report_samples.hpp"

using namespace report;

namespace {

const std::string mueller = "m\xc3\xbcller@good.test";
const std::string utf8_message =
    "From: a@sender.test\r\nTo: m\xc3\xbcller@good.test\r\nSubject: "
    "Gr\xc3\xbc\xc3\x9f\x65\r\n\r\nHall\xc3\xb6\r\n..dot\r\n";

mime::DeliveryReport international() {
  auto one = failed();
  one.address = mueller;
  one.orcpt = "utf-8;b\\x{FC}b@alias.test";
  auto wanted = about({one, given_up()});
  wanted.international = true;
  wanted.original = utf8_message;
  wanted.return_whole = true;
  return wanted;
}

/// The ASCII forms as a reader has them.
Report converted(const mime::DeliveryReport& wanted) {
  const auto text = mime::in_ascii(mime::delivery_report(wanted));
  REQUIRE(text);
  auto result = read(*text);
  REQUIRE(result.fault == "");
  REQUIRE_FALSE(result.international);
  return result;
}

}  // namespace

TEST_CASE("a report on an SMTPUTF8 message has its international form", "[SMTP-62]") {
  const auto got = read_back(international());
  REQUIRE(got.international);
  REQUIRE(got.parts.size() == 3);
  CHECK(has(got.header, "To: a@sender.test"));
  CHECK(got.parts[0].body.find("   <" + mueller + ">\r\n") != std::string::npos);
  const auto& status = got.parts[1].body;
  CHECK(has(status, "Original-Recipient: utf-8;b\xc3\xbc\x62@alias.test"));
  CHECK(has(status, "Final-Recipient: utf-8;" + mueller));
  CHECK(has(status, "Final-Recipient: rfc822;c@exact.test"));
  CHECK(got.parts[2].fields == "Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n");
  CHECK(got.parts[2].body.find("Subject: Gr\xc3\xbc\xc3\x9f\x65\r\n") != std::string::npos);

  auto header_only = international();
  header_only.return_whole = false;
  header_only.to = "\xc3\xa9@sender.test";
  const auto other = read_back(header_only);
  CHECK(has(other.header, "To: \xc3\xa9@sender.test"));
  CHECK(other.parts.at(2).fields == "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n");
  CHECK(other.parts[2].body == utf8_message.substr(0, utf8_message.find("\r\n\r\n") + 2));
  // RFC 6533 §4: such an address cannot be told in ASCII.
  CHECK_FALSE(mime::in_ascii(mime::delivery_report(header_only)));
}

TEST_CASE("the ASCII forms of an international report say the same", "[SMTP-62]") {
  const auto got = converted(international());
  CHECK(got.parts.at(0).body.find("   <m\\x{FC}ller@good.test>\r\n") != std::string::npos);
  CHECK(has(got.parts[1].body, "Original-Recipient: utf-8;b\\x{FC}b@alias.test"));
  CHECK(has(got.parts[1].body, "Final-Recipient: utf-8;m\\x{FC}ller@good.test"));
  CHECK(has(got.parts[1].body, "Final-Recipient: rfc822;c@exact.test"));
  // No message/rfc822 holds a header in UTF-8: the header alone comes back, encoded, and the words say so.
  CHECK(got.parts.at(2).fields ==
        "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: quoted-printable\r\n");
  CHECK(decoded_quoted_printable(got.parts[2].body) == utf8_message.substr(0, utf8_message.find("\r\n\r\n") + 2));
  CHECK(got.parts[0].body.find("The header of your message is attached.") != std::string::npos);
}

TEST_CASE("the ASCII form is the report that would have been written in ASCII", "[SMTP-62]") {
  const std::string nested =
      "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nSubject: \xc3\xa9\r\n\r\nx\r\n--b--\r\n";
  struct Row {
    std::string original;
    bool whole, whole_in_ascii;
  };
  const Row rows[] = {
      {utf8_message, true, false},
      {utf8_message, false, false},
      {message, true, true},
      {message, false, false},
      {"Subject: x\r\n\r\nHall\xc3\xb6\r\n", true, true},  // 8-bit content is none of SMTPUTF8's
      {nested, true, false},                               // a header within it is
      {"Subject: \xe9\r\n\r\nx\r\n", true, false},         // not UTF-8: no message/global either
      {"Subject: " + std::string(2000, 'x') + "\r\n\r\nx\r\n", true, true},
      {"", true, true},
      {"\r\nbody only\r\n", true, true},
      {"Subject: \xc3\xa9", true, false},
  };
  for (const Row& row : rows) {
    INFO(row.original);
    auto wanted = international();
    wanted.original = row.original;
    wanted.return_whole = row.whole;
    const auto text = mime::in_ascii(mime::delivery_report(wanted));
    wanted.international = false;
    wanted.return_whole = row.whole_in_ascii;
    CHECK(text == mime::delivery_report(wanted));
  }
}

TEST_CASE("for a way back that takes nothing 8-bit a report is ASCII from end to end", "[SMTP-62][SMTP-28]") {
  for (const bool is_international : {true, false}) {
    auto wanted = international();
    wanted.international = is_international;
    wanted.original = "Subject: x\r\n\r\nHall\xc3\xb6\r\n";
    const auto text = mime::in_ascii(mime::delivery_report(wanted), false);
    wanted.international = false;
    wanted.return_whole = false;
    CHECK(text == mime::delivery_report(wanted));
    REQUIRE(text);
    CHECK(ascii(*text));
    CHECK_FALSE(mime::in_ascii(*text, false));
  }
}

TEST_CASE("what is no international report of ours has no ASCII form", "[SMTP-62]") {
  auto plain = international();
  plain.international = false;
  CHECK_FALSE(mime::in_ascii(mime::delivery_report(plain)));
  CHECK_FALSE(mime::in_ascii(""));
  CHECK_FALSE(mime::in_ascii(utf8_message));
  const auto whole = mime::delivery_report(international());
  for (std::size_t cut = 0; cut < whole.size(); ++cut) CHECK_FALSE(mime::in_ascii(whole.substr(0, cut)));
}

TEST_CASE("addresses that no report can hold as UTF-8 are written as before", "[SMTP-62]") {
  auto wanted = international();
  wanted.recipients[0].address = "b\xe9@good.test";
  wanted.recipients[0].orcpt = "utf-8;b+0D+0A@x";
  const auto got = read_back(wanted);
  CHECK(has(got.parts.at(1).body, "Final-Recipient: rfc822;b\\xe9@good.test"));
  CHECK(got.parts[1].body.find("Original-Recipient") == std::string::npos);
  wanted.recipients[0].orcpt = "utf-8;b+C3+A9@x";  // of a sender that knows RFC 3461 only
  CHECK(has(read_back(wanted).parts.at(1).body, "Original-Recipient: utf-8;b\xc3\xa9@x"));
}
