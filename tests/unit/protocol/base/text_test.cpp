// base/text: ASCII rules, and that nothing unprintable ever passes printable().
#include "protocol/base/text.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

TEST_CASE("case is folded for ASCII letters only") {
  CHECK(base::lower("MiXed-09_\xc4") == "mixed-09_\xc4");
  CHECK(base::equals_ignoring_case("STARTTLS", "StartTls"));
  CHECK_FALSE(base::equals_ignoring_case("a", "ab"));
  CHECK_FALSE(base::equals_ignoring_case("@", "`"));
  CHECK(base::starts_with_ignoring_case("mail from:<>", "MAIL FROM:"));
  CHECK_FALSE(base::starts_with_ignoring_case("MAIL", "MAIL FROM:"));
}

TEST_CASE("trim takes blanks and tabs from both ends and nothing else") {
  CHECK(base::trim(" \t a b\t ") == "a b");
  CHECK(base::trim(" \t").empty());
  CHECK(base::trim("").empty());
  CHECK(base::trim("\ra\n") == "\ra\n");
}

TEST_CASE("printable leaves only printable ASCII and keeps to its limit", "[SMTP-64][E-2]") {
  CHECK(base::printable("abc ~") == "abc ~");
  CHECK(base::printable(std::string_view("a\0\x1b[31m\r\n\t\xe9\x7f", 12)) == "a\\x00\\x1b[31m\\r\\n\\t\\xe9\\x7f");
  std::string every;
  for (int i = 0; i < 256; ++i) every += static_cast<char>(i);
  for (std::size_t limit = 0; limit < 700; ++limit) {
    const std::string shown = base::printable(every, limit);
    REQUIRE(shown.size() <= limit);
    REQUIRE(std::all_of(shown.begin(), shown.end(), base::is_printable));
  }
  CHECK(base::printable("0123456789", 10) == "0123456789");
  CHECK(base::printable("0123456789a", 10) == "0123456...");
}

TEST_CASE("xtext is undone to any octets and strictly read", "[SMTP-26]") {
  CHECK(base::decoded_xtext("") == "");
  CHECK(base::decoded_xtext("rfc822;b@good.test") == "rfc822;b@good.test");
  CHECK(base::decoded_xtext("a+2Bb+3Dc+20d") == "a+b=c d");
  CHECK(base::decoded_xtext("+C3+A9+0D+0A") == "\xc3\xa9\r\n");
  CHECK(base::decoded_xtext("+00") == std::string(1, '\0'));
  for (const char* bad :
       {"+", "+2", "a+", "a+2", "+2b", "+2G", "+ 2", "++2B", "a b", "a=b", "caf\xe9", "a\tb", "a\x7f"})
    CHECK_FALSE(base::decoded_xtext(bad));
}

TEST_CASE("decimal takes digits only and bounds them") {
  CHECK(base::decimal("0") == 0);
  CHECK(base::decimal("000123") == 123);
  CHECK(base::decimal("999999999999999999") == 999999999999999999);
  for (const auto* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "1e3", "1000000000000000000"})
    CHECK(base::decimal(bad) == -1);
  CHECK(base::decimal("123", 2) == -1);
  CHECK(base::decimal("1234567890123456789012", 40) == -1);
}
