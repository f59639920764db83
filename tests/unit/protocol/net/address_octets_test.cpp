// Addresses from text: what inet_pton takes, and nothing else.
#include "protocol/net/address_octets.hpp"

#include <catch2/catch.hpp>

using namespace net;

namespace {

/// Through octets and back.
std::string again(const std::optional<std::string>& octets) {
  return octets ? plain_address_text(*octets) : "none";
}

}  // namespace

TEST_CASE("IPv4 addresses are four decimals without leading zeros", "[SMTP-39]") {
  for (const auto* text : {"0.0.0.0", "192.0.2.1", "255.255.255.255", "10.20.30.40"})
    CHECK(again(ipv4_octets(text)) == text);
  for (const auto* text :
       {"", "1", "1.2.3", "1.2.3.", "1.2.3.4.", ".1.2.3.4", "1..3.4", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.00",
        "1.2.3.0004", "1.2.3.-4", "1.2.3.+4", " 1.2.3.4", "1.2.3.4 ", "0x1.2.3.4", "a.b.c.d", "::1"})
    CHECK(again(ipv4_octets(text)) == "none");
}

TEST_CASE("IPv6 addresses come in every form of RFC 4291", "[SMTP-39]") {
  constexpr std::pair<const char*, const char*> cases[] = {
      {"::", "::"},
      {"::1", "::1"},
      {"1::", "1::"},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
      {"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
      {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
      {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
      {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
      {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
      {"1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"},
      {"::ffff:192.0.2.1", "192.0.2.1"},
      {"::FFFF:c000:0201", "192.0.2.1"},
  };
  for (const auto& [text, canonical] : cases) CHECK(again(ipv6_octets(text)) == canonical);
  for (const auto* text : {"",
                           ":",
                           ":::",
                           "1:::2",
                           "::1::",
                           "1::2::3",
                           ":1",
                           "1:",
                           "::1:",
                           ":1::",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "1:2:3:4:5:6:7:8::",
                           "::1:2:3:4:5:6:7:8",
                           "1:2:3:4::5:6:7:8",
                           "12345::",
                           "g::",
                           "::1%eth0",
                           "[::1]",
                           "::1 ",
                           " ::1",
                           "::256.1.1.1",
                           "::1.2.3",
                           "192.0.2.1::",
                           "::192.0.2.1:1",
                           "1:2:3:4:5:6:7:192.0.2.1",
                           "192.0.2.1",
                           "::ffff:192.0.02.1"})
    CHECK(again(ipv6_octets(text)) == "none");
}
