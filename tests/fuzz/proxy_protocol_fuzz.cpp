// The PROXY protocol's header: no split and nothing behind it changes it, and it never claims what is not its own.
#include <cstdint>
#include <string_view>

#include "protocol/net/proxy_protocol.hpp"
#include "tests/fuzz/must.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view octets(reinterpret_cast<const char*>(data), size);
  const auto whole = net::parse_proxy_header(octets);
  if (const auto* header = std::get_if<net::ProxyHeader>(&whole)) {
    MUST(header->length >= 15 && header->length <= size);
    MUST(header->length <= 16 + net::longest_proxy_block);
    const bool proxy = header->command == net::ProxyHeader::Command::proxy;
    MUST(proxy != header->source.empty() && proxy != header->destination.empty());
    MUST(proxy || (header->source_port == 0 && header->destination_port == 0));
    const auto alone = net::parse_proxy_header(octets.substr(0, header->length));
    MUST(std::holds_alternative<net::ProxyHeader>(alone) && std::get<net::ProxyHeader>(alone) == *header);
    MUST(std::holds_alternative<net::ProxyHeaderNeeds>(net::parse_proxy_header(octets.substr(0, header->length - 1))));
  }
  // As a careful reader takes it.
  std::size_t taken = 0;
  for (;;) {
    const auto state = net::parse_proxy_header(octets.substr(0, taken));
    if (const auto* needs = std::get_if<net::ProxyHeaderNeeds>(&state)) {
      MUST(needs->octets > 0);
      if (taken + needs->octets > size) {
        MUST(!std::holds_alternative<net::ProxyHeader>(whole));
        break;
      }
      taken += needs->octets;
      continue;
    }
    MUST(state.index() == whole.index());
    if (const auto* header = std::get_if<net::ProxyHeader>(&state)) MUST(header->length == taken);
    if (const auto* bad = std::get_if<net::ProxyHeaderInvalid>(&state))
      MUST(!bad->reason.empty() && bad->reason.size() < 300);
    break;
  }
  return 0;
}
