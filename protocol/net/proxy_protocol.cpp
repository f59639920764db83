// Both versions of the header. Section numbers are those of HAProxy's proxy-protocol.txt.
#include "protocol/net/proxy_protocol.hpp"

#include <algorithm>
#include <optional>

#include "protocol/base/cursor.hpp"
#include "protocol/base/text.hpp"
#include "protocol/net/address_octets.hpp"

namespace net {
namespace {

using Command = ProxyHeader::Command;

constexpr std::string_view line_start = "PROXY ";
constexpr std::string_view shortest_line = "PROXY UNKNOWN\r\n";
constexpr std::string_view signature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t fixed_part = 16;  // signature, version and command, family, length

ProxyHeaderInvalid invalid(std::string reason) {
  return {"PROXY protocol: " + std::move(reason)};
}

// ---- version 1 (§2.1)

std::optional<std::uint16_t> port(std::string_view text) {
  const auto value = base::decimal(text, 5);
  if (value < 0 || value > 65535 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

/// The text up to the next blank; the last field has none behind it.
std::string_view field(std::string_view& rest) {
  const auto end = std::min(rest.find(' '), rest.size());
  const auto taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

ProxyHeaderState parse_line(std::string_view line) {
  ProxyHeader header{.length = line.size() + 2};
  auto rest = line.substr(line_start.size());
  if (std::count(rest.begin(), rest.end(), ' ') != 4 || rest.ends_with(' ')) {
    // §2.1: behind UNKNOWN the receiver ignores all up to the CRLF.
    if (rest == "UNKNOWN" || rest.starts_with("UNKNOWN ")) return header;
    return invalid("its line has not six fields: " + base::printable(line, 120));
  }
  const auto family = field(rest);
  if (family == "UNKNOWN") return header;
  if (family != "TCP4" && family != "TCP6") return invalid("unknown family " + base::printable(family, 40));
  const auto octets = family == "TCP4" ? ipv4_octets : ipv6_octets;
  const auto source = octets(field(rest)), destination = octets(field(rest));
  const auto source_port = port(field(rest)), destination_port = port(field(rest));
  if (!source || !destination) return invalid("an address that is none: " + base::printable(line, 120));
  if (!source_port || !destination_port) return invalid("a port that is none: " + base::printable(line, 120));
  header.command = Command::proxy;
  header.source = plain_address_text(*source);
  header.source_port = *source_port;
  header.destination = plain_address_text(*destination);
  header.destination_port = *destination_port;
  return header;
}

ProxyHeaderState version_one(std::string_view octets) {
  const auto end = std::find_if_not(octets.begin(), octets.end(), base::is_printable);
  const auto length = static_cast<std::size_t>(end - octets.begin());
  if (length + 2 > longest_proxy_line) return invalid("its line is longer than 107 octets");
  if (length == octets.size()) return ProxyHeaderNeeds{std::max(shortest_line.size(), length + 2) - length};
  if (octets[length] != '\r') return invalid("its line does not end with CRLF");
  if (length + 1 == octets.size()) return ProxyHeaderNeeds{1};
  if (octets[length + 1] != '\n') return invalid("its line does not end with CRLF");
  return parse_line(octets.substr(0, length));
}

// ---- version 2 (§2.2)

/// What the 14th octet stands for.
struct Family {
  std::uint8_t octet;
  std::size_t addresses;  ///< octets of both addresses and ports
  std::size_t address;    ///< octets of an address that counts; 0: the real peer's counts
};
// §2.2: all else, the datagram protocols too, does not fit a TCP connection: "must be dropped".
constexpr Family families[] = {{0x00, 0, 0}, {0x11, 12, 4}, {0x21, 36, 16}, {0x31, 216, 0}};

ProxyHeaderState parse_block(std::string_view block, std::uint8_t family_octet) {
  const auto family = std::ranges::find(families, family_octet, &Family::octet);
  if (family == std::end(families)) return invalid("family and protocol that no TCP connection has");
  if (block.size() < family->addresses) return invalid("too short for the addresses of its family");
  ProxyHeader header{.length = fixed_part + block.size()};
  if (family->address == 0) return header;
  base::Cursor cursor(block);
  header.command = Command::proxy;
  header.source = plain_address_text(cursor.take(family->address));
  header.destination = plain_address_text(cursor.take(family->address));
  header.source_port = cursor.u16();
  header.destination_port = cursor.u16();
  return header;  // what follows are extensions (§2.2.7), of which none says anything that we ask
}

ProxyHeaderState version_two(std::string_view octets) {
  constexpr std::uint8_t local = 0x20, proxy = 0x21;
  base::Cursor cursor(octets, signature.size());
  const auto command = cursor.u8();
  if (cursor.ok() && command != local && command != proxy) return invalid("neither version 2 nor a known command");
  const auto family = cursor.u8();
  const std::size_t length = cursor.u16();
  if (!cursor.ok()) return ProxyHeaderNeeds{fixed_part - octets.size()};
  if (length > longest_proxy_block) return invalid("longer than 4096 octets");
  const auto block = cursor.take(length);
  if (!cursor.ok()) return ProxyHeaderNeeds{fixed_part + length - octets.size()};
  // §2.2: with LOCAL the receiver discards the block, its family included.
  if (command == local) return ProxyHeader{.length = fixed_part + length};
  return parse_block(block, family);
}

/// Whether one is the beginning of the other.
bool agree(std::string_view octets, std::string_view start) {
  const auto common = std::min(octets.size(), start.size());
  return octets.substr(0, common) == start.substr(0, common);
}

}  // namespace

ProxyHeaderState parse_proxy_header(std::string_view octets) {
  if (agree(octets, line_start)) return version_one(octets);
  if (!agree(octets, signature)) return invalid("no header where one is due");
  if (octets.size() < signature.size()) return ProxyHeaderNeeds{fixed_part - octets.size()};
  return version_two(octets);
}

}  // namespace net
