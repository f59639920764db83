// Values as the configuration writes them, from text. Pure: no file, no lookup. Nothing is guessed: what is not exactly
// of the form is refused.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/parsed.hpp"
#include "proxy/config/config.hpp"

namespace proxy {

/// 500ms, 60s, 5m, 24h, 5d; at most ten years.
std::optional<Milliseconds> parse_duration(std::string_view text);
/// 64KiB, 50MiB, 2GiB, or octets; at most 2^50.
std::optional<std::uint64_t> parse_size(std::string_view text);
/// 127.0.0.1:2525, [::1]:25. The address is kept as inet_ntop writes it.
std::optional<HostPort> parse_host_port(std::string_view text);
/// 127.0.0.0/8, ::1, 192.0.2.7. IPv4-mapped ranges become IPv4. Bits behind the prefix are an error: who
/// writes 10.1.2.3/8 may have meant either.
base::Parsed<Network> parse_network(std::string_view text);
/// An address alone, as inet_ntop writes it; brackets around IPv6 are taken away.
std::optional<std::string> parse_address(std::string_view text);

/// 127.0.0.0/8, ::1 and their IPv4-mapped forms; `address` as parse_address gives it.
bool is_loopback(const std::string& address);

/// The known word that `word` was most likely meant to be, or an empty text: at most a third of its letters differ.
class Nearest {
 public:
  explicit Nearest(std::string_view word) : word_(word), best_distance_(word.size() / 3 + 1) {}
  void consider(std::string_view known);
  std::string_view best() const { return best_; }

 private:
  std::string_view word_, best_;
  std::size_t best_distance_;
};

}  // namespace proxy
