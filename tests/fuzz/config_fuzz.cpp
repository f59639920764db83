// The configuration: any text is either taken whole or refused with words that can be shown, and nothing makes an open
// relay unsaid. covers: OPS-15 OPS-01
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "protocol/base/text.hpp"
#include "proxy/config/config.hpp"
#include "proxy/config/values.hpp"
#include "tests/fuzz/must.hpp"

namespace {

// Beyond this the TOML library's own time grows, and nothing new is found.
constexpr std::size_t longest_input = 4096;

bool is_shown_safely(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), base::is_printable);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > longest_input) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto loaded = proxy::parse_config(text, "f", "/d", false);
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  for (const auto& error : loaded.errors) {
    MUST(is_shown_safely(error.words));
    MUST(error.line >= 0 && error.line <= lines + 1);
  }
  for (const auto& warning : loaded.warnings) MUST(is_shown_safely(warning));
  if (loaded.errors.empty()) {
    const auto& config = loaded.config;
    MUST(!config.listeners.empty() && config.state_dir.starts_with('/'));
    for (const auto& listener : config.listeners) MUST(!listener.allow.empty());
    for (const auto& destination : config.destinations) {
      MUST(!destination.domain.empty());
      MUST(!destination.route.exempt || !destination.route.reason.empty());
    }
    const auto route = proxy::route_for(config, "a.example.com");
    MUST(route.port != 0);
    MUST(proxy::route_for(config, "a.example.com").host == route.host);
  }
  // The values alone, which the table would seldom be given.
  proxy::parse_duration(text);
  proxy::parse_size(text);
  if (const auto endpoint = proxy::parse_host_port(text))
    MUST(proxy::parse_address(endpoint->address) == endpoint->address);
  if (const auto network = proxy::parse_network(text)) MUST(network->contains(network->octets));
  return 0;
}
