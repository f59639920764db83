// The PROXY protocol's header, versions 1 and 2 (HAProxy's proxy-protocol.txt): whom a load balancer speaks for.
// Strict and bounded. Looks at octets and never takes any: what stands behind the header is the client's. Does not know
// who may send one: only a listed peer's header may be believed (SMTP-39).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace net {

/// A header that is whole.
struct ProxyHeader {
  std::size_t length = 0;  ///< in octets, with its CRLF or its extensions
  /// `local`: it names nobody (the balancer's own connection, or a family without Internet addresses): the real peer's
  /// address counts, and what follows here is empty.
  enum class Command { local, proxy } command = Command::local;
  std::string source{};  ///< canonical, as dns::address_text writes it; an IPv4-mapped address as IPv4
  std::uint16_t source_port = 0;
  std::string destination{};
  std::uint16_t destination_port = 0;

  bool operator==(const ProxyHeader&) const = default;
};

/// The header is not whole yet.
struct ProxyHeaderNeeds {
  std::size_t octets = 0;  ///< so many more belong to it at least: they may be read without reading too much
};

/// No header: the connection must be closed.
struct ProxyHeaderInvalid {
  std::string reason;  ///< printable and bounded
};

using ProxyHeaderState = std::variant<ProxyHeaderNeeds, ProxyHeader, ProxyHeaderInvalid>;

/// The longest header of version 1, with its CRLF.
constexpr std::size_t longest_proxy_line = 107;
/// The most octets that may follow the first 16 of version 2, extensions included.
constexpr std::size_t longest_proxy_block = 4096;

/// What the octets since the start of the connection are. More octets never change a header or an `invalid`.
ProxyHeaderState parse_proxy_header(std::string_view octets);

}  // namespace net
