// Values of the configuration from text.
#include "proxy/config/values.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <vector>

#include "protocol/base/text.hpp"

namespace proxy {
namespace {

constexpr std::size_t number_digits = 12;
constexpr std::int64_t ten_years_ms = 10LL * 366 * 24 * 3600 * 1000;
constexpr std::uint64_t greatest_size = std::uint64_t{1} << 50;

struct Unit {
  std::string_view name;
  std::int64_t factor;
};
constexpr std::array<Unit, 5> durations{{{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};
constexpr std::array<Unit, 4> sizes{{{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}}};

template <std::size_t n>
std::optional<std::int64_t> with_unit(std::string_view text, const std::array<Unit, n>& units, std::int64_t greatest) {
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = base::decimal(text.substr(0, digits), number_digits);
  const auto unit =
      std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == text.substr(digits); });
  if (number < 0 || unit == units.end() || number > greatest / unit->factor) return std::nullopt;
  return number * unit->factor;
}

/// Four or sixteen octets, or none.
std::vector<unsigned char> octets_of(const std::string& address) {
  std::array<unsigned char, 16> octets{};
  if (inet_pton(AF_INET, address.c_str(), octets.data()) == 1) return {octets.begin(), octets.begin() + 4};
  if (inet_pton(AF_INET6, address.c_str(), octets.data()) == 1) return {octets.begin(), octets.end()};
  return {};
}

std::string text_of(const std::vector<unsigned char>& octets) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(octets.size() == 4 ? AF_INET : AF_INET6, octets.data(), text.data(), text.size());
  return text.data();
}

bool is_mapped(const std::vector<unsigned char>& octets) {
  return octets.size() == 16 &&
         std::all_of(octets.begin(), octets.begin() + 10, [](unsigned char o) { return o == 0; }) &&
         octets[10] == 0xff && octets[11] == 0xff;
}

/// How many bits from the left agree.
bool same_prefix(const std::vector<unsigned char>& a, const std::vector<unsigned char>& b, unsigned bits) {
  for (std::size_t i = 0; i < a.size() && bits > 0; ++i) {
    const unsigned here = std::min(bits, 8U);
    if (((a[i] ^ b[i]) >> (8 - here)) != 0) return false;
    bits -= here;
  }
  return true;
}

}  // namespace

std::optional<Milliseconds> parse_duration(std::string_view text) {
  const auto value = with_unit(text, durations, ten_years_ms);
  if (!value) return std::nullopt;
  return Milliseconds(*value);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto value = with_unit(text, sizes, static_cast<std::int64_t>(greatest_size));
  if (!value) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::optional<std::string> parse_address(std::string_view text) {
  const bool bracketed = text.size() > 2 && text.front() == '[' && text.back() == ']';
  if (bracketed) text = text.substr(1, text.size() - 2);
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const auto octets = octets_of(std::string(text));
  if (octets.empty() || (bracketed && octets.size() == 4)) return std::nullopt;
  return text_of(octets);
}

std::optional<HostPort> parse_host_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const auto host = text.substr(0, colon);
  const auto port = base::decimal(text.substr(colon + 1), 5);
  // Without brackets the last group of ::1 would be taken for a port.
  if (port < 0 || port > 65535 || (host.find(':') != std::string_view::npos && !host.starts_with('[')))
    return std::nullopt;
  auto address = parse_address(host);
  if (!address) return std::nullopt;
  return HostPort{std::move(*address), static_cast<std::uint16_t>(port)};
}

base::Parsed<Network> parse_network(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = parse_address(text.substr(0, slash));
  if (!address || text.starts_with('[')) return base::ParseError{0, "is no address, with or without /PREFIX"};
  Network network{std::string(text), octets_of(*address), 0};
  auto bits = static_cast<unsigned>(network.octets.size() * 8);
  network.prefix = bits;
  if (slash != std::string_view::npos) {
    const auto prefix = base::decimal(text.substr(slash + 1), 3);
    if (prefix < 0 || prefix > bits)
      return base::ParseError{slash + 1, "has a prefix that is not 0 to " + std::to_string(bits)};
    network.prefix = static_cast<unsigned>(prefix);
  }
  auto cut = network.octets;
  for (unsigned bit = network.prefix; bit < bits; ++bit)
    cut[bit / 8] &= static_cast<unsigned char>(~(0x80U >> bit % 8));
  if (cut != network.octets) {
    return base::ParseError{slash + 1, "has bits set behind its prefix; the range is " + text_of(cut) + '/' +
                                           std::to_string(network.prefix) + ", the host alone is " + *address};
  }
  if (is_mapped(network.octets) && network.prefix >= 96) {
    network.octets.erase(network.octets.begin(), network.octets.begin() + 12);
    network.prefix -= 96;
  }
  return network;
}

bool Network::contains(const std::vector<unsigned char>& address) const {
  if (is_mapped(address)) return contains({address.begin() + 12, address.end()});
  return address.size() == octets.size() && same_prefix(address, octets, prefix);
}

bool is_loopback(const std::string& address) {
  static const Network v4{"127.0.0.0/8", {127, 0, 0, 0}, 8};
  const auto octets = octets_of(address);
  return v4.contains(octets) || address == "::1";
}

void Nearest::consider(std::string_view known) {
  // Levenshtein's distance, a row at a time.
  std::vector<std::size_t> row(known.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 0; i < word_.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < known.size(); ++j) {
      const std::size_t replaced = diagonal + (base::to_lower(word_[i]) == known[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
    }
  }
  if (row.back() <= best_distance_ && (best_.empty() || row.back() < best_distance_)) {
    best_distance_ = row.back();
    best_ = known;
  }
}

}  // namespace proxy
