// Base64 both ways, and everything that is not it.
#include "protocol/base/base64.hpp"

#include <catch2/catch.hpp>

using base::base64;
using base::decoded_base64;

TEST_CASE("base64 has the vectors of RFC 4648 section 10", "[SMTP-32]") {
  constexpr std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                       {"f", "Zg=="},
                                                                       {"fo", "Zm8="},
                                                                       {"foo", "Zm9v"},
                                                                       {"foob", "Zm9vYg=="},
                                                                       {"fooba", "Zm9vYmE="},
                                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [octets, text] : vectors) {
    CHECK(base64(octets) == text);
    CHECK(decoded_base64(text) == octets);
  }
}

TEST_CASE("every octet survives base64 at every length", "[SMTP-32]") {
  std::string octets;
  for (int i = 0; i < 300; ++i) {
    CHECK(decoded_base64(base64(octets)) == octets);
    octets += static_cast<char>(i * 7);
  }
}

TEST_CASE("what is not exactly base64 is refused", "[SMTP-32]") {
  using namespace std::string_view_literals;
  for (const auto text :
       {"Z"sv, "Zg"sv, "Zg="sv, "Zg==="sv, "===="sv, "="sv, "Z==="sv, "Zm8"sv, "Zm9v="sv, "Zm9v===="sv, "Zg==Zg=="sv,
        "Z=g="sv, "=Zg="sv, " Zm9v"sv, "Zm9v "sv, "Zm9v\r\n"sv, "Zm\n9"sv, "Zm9-"sv, "Zm9_"sv, "Zm9\0"sv, "Zm9\xff"sv,
        // bits that no octet uses
        "Zh=="sv, "Zm9="sv}) {
    CAPTURE(text);
    CHECK_FALSE(decoded_base64(text));
  }
}
