// Addresses of type utf-8: both 7-bit and 8-bit forms there and back, and what is none.
#include "protocol/base/utf8_address.hpp"

#include <catch2/catch.hpp>

#include "protocol/base/text.hpp"

TEST_CASE("an address of type utf-8 has a form in ASCII and one in UTF-8", "[SMTP-62][SMTP-26]") {
  struct Row {
    const char* given;
    const char* address;
    const char* xtext;
  };
  const Row rows[] = {
      {"b@good.test", "b@good.test", "b@good.test"},
      {"m\\x{FC}ller@good.test", "m\xc3\xbcller@good.test", "m\\x{FC}ller@good.test"},
      {"m\\x{fc}ller@good.test", "m\xc3\xbcller@good.test", "m\\x{FC}ller@good.test"},
      {"m\xc3\xbcller@good.test", "m\xc3\xbcller@good.test", "m\\x{FC}ller@good.test"},
      {"a\\x{2B}b\\x{3D}\\x{5C}\\x{20}@x", "a+b=\\ @x", "a\\x{2B}b\\x{3D}\\x{5C}\\x{20}@x"},
      {"\\x{80}\\x{7FF}\\x{800}\\x{20AC}\\x{FFFD}\\x{10000}\\x{10FFFF}",
       "\xc2\x80\xdf\xbf\xe0\xa0\x80\xe2\x82\xac\xef\xbf\xbd\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
       "\\x{80}\\x{7FF}\\x{800}\\x{20AC}\\x{FFFD}\\x{10000}\\x{10FFFF}"},
  };
  for (const Row& row : rows) {
    INFO(row.given);
    CHECK(base::decoded_utf8_address(row.given) == std::string(row.address));
    CHECK(base::utf8_address_xtext(row.address) == row.xtext);
    CHECK(base::is_utf8(row.address));
  }
}

TEST_CASE("what no address of type utf-8 may hold is refused", "[SMTP-62][SMTP-26]") {
  for (const char* text : {"",          "a b",         "a+b",          "a=b",     "a\\b",    "\\x{}",   "\\x{E9",
                           "\\xE9",     "\\x{G}",      "\\x{0}",       "\\x{0D}", "\\x{0A}", "\\x{7F}", "\\x{D800}",
                           "\\x{DFFF}", "\\x{110000}", "\\x{00000E9}", "\xe9",    "\xc3",    "a\r\nb",  "\x7f"}) {
    INFO(text);
    CHECK_FALSE(base::decoded_utf8_address(text));
  }
}

TEST_CASE("octets that are no UTF-8 have an ASCII form too", "[SMTP-62]") {
  CHECK(base::utf8_address_xtext("\xe9\r\n") == "\\x{E9}\\x{0D}\\x{0A}");
  CHECK(base::with_ascii_escapes("a+b=\\ m\xc3\xbcller \xff\r\n") == "a+b=\\ m\\x{FC}ller \\x{FF}\r\n");
}
