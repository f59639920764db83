// The PROXY protocol's header: whole, in pieces, broken in every way.
#include "protocol/net/proxy_protocol.hpp"

#include <catch2/catch.hpp>

using namespace net;
using namespace std::string_literals;
using Command = ProxyHeader::Command;

namespace {

std::string block(char command, char family, const std::string& octets) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header += {command, family, static_cast<char>(octets.size() >> 8), static_cast<char>(octets.size() & 0xff)};
  return header + octets;
}

/// 192.0.2.1:56324 to 198.51.100.2:25
const auto ipv4 = "\xc0\0\2\1\xc6\x33\x64\2\xdc\4\0\x19"s;
const auto ipv6 = "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2\xff\xff\0\0"s;
const auto extension = "\x04\0\3abc"s;

ProxyHeader header(std::string_view octets) {
  const auto state = parse_proxy_header(octets);
  INFO(octets);
  if (const auto* bad = std::get_if<ProxyHeaderInvalid>(&state)) FAIL(bad->reason);
  REQUIRE(std::holds_alternative<ProxyHeader>(state));
  return std::get<ProxyHeader>(state);
}

bool is_invalid(std::string_view octets) {
  const auto state = parse_proxy_header(octets);
  const auto* bad = std::get_if<ProxyHeaderInvalid>(&state);
  if (bad != nullptr) {
    CHECK(bad->reason.starts_with("PROXY protocol: "));
    CHECK(bad->reason.size() < 300);
  }
  return bad != nullptr;
}

std::size_t needs(std::string_view octets) {
  const auto state = parse_proxy_header(octets);
  REQUIRE(std::holds_alternative<ProxyHeaderNeeds>(state));
  return std::get<ProxyHeaderNeeds>(state).octets;
}

const std::string whole[] = {
    "PROXY TCP4 192.0.2.1 198.51.100.2 56324 25\r\n",
    "PROXY TCP6 2001:db8::1 2001:DB8:0:0:0:0:0:2 65535 0\r\n",
    "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
    "PROXY UNKNOWN\r\n",
    "PROXY UNKNOWN ffff::1 what ever 1 2 3\r\n",
    "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n",
    block(0x21, 0x11, ipv4),
    block(0x21, 0x11, ipv4 + extension),
    block(0x21, 0x21, ipv6),
    block(0x21, 0x21, ipv6 + std::string(4096 - 36, 'x')),
    block(0x21, 0x31, std::string(216, 'x')),
    block(0x21, 0x00, ""),
    block(0x21, 0x00, extension),
    block(0x20, 0x00, ""),
    block(0x20, 0x11, ipv4),
    block(0x20, 0x7f, "x"),
};

}  // namespace

TEST_CASE("a line names the client that a balancer speaks for", "[SMTP-39]") {
  CHECK(header(whole[0]) == ProxyHeader{44, Command::proxy, "192.0.2.1", 56324, "198.51.100.2", 25});
  CHECK(header(whole[1]) == ProxyHeader{whole[1].size(), Command::proxy, "2001:db8::1", 65535, "2001:db8::2", 0});
  CHECK(header(whole[2]).source == "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  CHECK(header("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 1 2\r\n").source == "192.0.2.1");
  for (const auto& line : {whole[3], whole[4], whole[5]}) CHECK(header(line) == ProxyHeader{line.size()});
  CHECK(whole[5].size() == longest_proxy_line);
}

TEST_CASE("a block names the client and its extensions are passed over", "[SMTP-39]") {
  const ProxyHeader expected{28, Command::proxy, "192.0.2.1", 56324, "198.51.100.2", 25};
  CHECK(header(block(0x21, 0x11, ipv4)) == expected);
  auto extended = expected;
  extended.length += extension.size();
  CHECK(header(block(0x21, 0x11, ipv4 + extension)) == extended);
  CHECK(header(block(0x21, 0x21, ipv6)) == ProxyHeader{52, Command::proxy, "2001:db8::1", 65535, "2001:db8::2", 0});
  const auto mapped = "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1"s;
  CHECK(header(block(0x21, 0x21, mapped + mapped + "\0\1\0\2"s)).source == "192.0.2.1");
}

TEST_CASE("a header that names nobody leaves the peer its address", "[SMTP-39]") {
  for (const auto& octets : {block(0x20, 0x00, ""), block(0x20, 0x11, ipv4), block(0x20, 0x7f, "x"),
                             block(0x21, 0x00, extension), block(0x21, 0x31, std::string(216, 'x'))})
    CHECK(header(octets) == ProxyHeader{octets.size()});
}

TEST_CASE("a header is the same however it is split and whatever stands behind it", "[SMTP-39]") {
  for (const auto& octets : whole) {
    const auto expected = header(octets);
    CHECK(expected.length == octets.size());
    for (const auto& behind : {"EHLO client.example\r\n"s, "\x16\3\1"s, "\r\n"s, "\0"s, octets})
      CHECK(header(octets + behind) == expected);
    for (std::size_t size = 0; size < octets.size(); ++size) {
      const auto more = needs(std::string_view(octets).substr(0, size));
      REQUIRE(more > 0);
      REQUIRE(size + more <= octets.size());
    }
  }
}

TEST_CASE("who reads no more than is needed comes to the end", "[SMTP-39]") {
  for (const auto& octets : whole) {
    std::size_t size = 0, reads = 0;
    for (; size < octets.size(); ++reads) size += needs(std::string_view(octets).substr(0, size));
    CHECK(size == octets.size());
    CHECK(reads < 60);
  }
}

TEST_CASE("a line with anything odd in it is no header", "[SMTP-39]") {
  for (const auto* line : {"PROXY \r\n",
                           "PROXY TCP4\r\n",
                           "PROXY TCP4 \r\n",
                           "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
                           "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
                           "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
                           "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
                           "PROXY TCP4  192.0.2.1 192.0.2.2 1\r\n",
                           "PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n",
                           "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
                           "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
                           "PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
                           "PROXY TCP4 192.0.2.1 192.0.2.2 1 000002\r\n",
                           "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
                           "PROXY TCP4 ::1 ::1 1 2\r\n",
                           "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
                           "PROXY TCP6 ::1 fe80::1%lo 1 2\r\n",
                           "PROXY TCP4 client.example 192.0.2.2 1 2\r\n",
                           "PROXY tcp4 192.0.2.1 192.0.2.2 1 2\r\n",
                           "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
                           "PROXY UNKNOWNS\r\n",
                           "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
                           "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rX",
                           "PROXY TCP4 192.0.2.1\t192.0.2.2 1 2\r\n",
                           "PROXY UNKNOWN\n",
                           "PROXY UNKNOWN \x80\r\n",
                           "proxy UNKNOWN\r\n",
                           "PROXY\r\n",
                           "EHLO client.example\r\n",
                           "\x16\x03\x01",
                           "\r\nP",
                           " PROXY UNKNOWN\r\n"})
    CHECK(is_invalid(line));
  CHECK(is_invalid("PROXY UNKNOWN\0\r\n"s));
  CHECK(is_invalid("PROXY UNKNOWN " + std::string(92, 'x') + "\r\n"));
  CHECK(is_invalid("PROXY UNKNOWN " + std::string(92, 'x')));
  CHECK(is_invalid(std::string("PROXY ") + std::string(5000, 'x')));
}

TEST_CASE("a block with anything odd in it is no header", "[SMTP-39]") {
  for (int command = 0; command < 256; ++command) {
    if (command != 0x20 && command != 0x21) CHECK(is_invalid(block(static_cast<char>(command), 0x11, ipv4)));
  }
  for (int family = 0; family < 256; ++family) {
    const bool known = family == 0x00 || family == 0x11 || family == 0x21 || family == 0x31;
    CHECK(is_invalid(block(0x21, static_cast<char>(family), std::string(216, 'x'))) != known);
  }
  CHECK(is_invalid(block(0x21, 0x11, ipv4.substr(1))));
  CHECK(is_invalid(block(0x21, 0x11, "")));
  CHECK(is_invalid(block(0x21, 0x21, ipv6.substr(1))));
  CHECK(is_invalid(block(0x21, 0x31, std::string(215, 'x'))));
  CHECK(is_invalid(block(0x21, 0x00, std::string(4097, 'x')).substr(0, 16)));
  CHECK(is_invalid(block(0x20, 0x00, std::string(4097, 'x'))));
  // A wrong octet in the signature shows at once.
  const auto good = block(0x21, 0x11, ipv4);
  for (std::size_t at = 0; at < 13; ++at) {
    auto bad = good.substr(0, at + 1);
    bad.back() = static_cast<char>(bad.back() ^ 0x80);
    CHECK(is_invalid(bad));
  }
}

TEST_CASE("a header that is refused stays refused", "[SMTP-39]") {
  for (const auto& octets : {"PROXY TCP4 x\r\n"s, "PROXX"s, "PROXY UNKNOWN\n"s, block(0x21, 0x12, ipv4)}) {
    std::string more = octets;
    for (int i = 0; i < 120; ++i) CHECK(is_invalid(more += '\n'));
  }
}
