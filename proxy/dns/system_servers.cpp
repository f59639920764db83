// resolv.conf(5), the one keyword of it that counts here.
#include "proxy/dns/system_servers.hpp"

#include <boost/asio/ip/address.hpp>
#include <fstream>
#include <iterator>

namespace proxy {
namespace {

constexpr std::size_t max_servers = 3;  // MAXNS of the C library
constexpr std::size_t max_file = 65536;
constexpr std::uint16_t dns_port = 53;

/// Takes the next word off the line.
std::string_view next_word(std::string_view& line) {
  constexpr std::string_view blanks = " \t\r\f\v";
  line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(blanks));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

std::vector<HostPort> nameservers_of(std::string_view text) {
  std::vector<HostPort> servers;
  while (!text.empty() && servers.size() < max_servers) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (next_word(line) != "nameserver") continue;
    std::string_view word = next_word(line);
    std::string address(word.substr(0, word.find('%')));  // the scope is no part of the address
    boost::system::error_code error;
    boost::asio::ip::make_address(address, error);
    if (!error) servers.push_back({std::move(address), dns_port});
  }
  return servers;
}

std::vector<HostPort> system_servers(const std::string& path) {
  std::string text;
  if (std::ifstream file(path, std::ios::binary); file) {
    text.resize(max_file);
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
  }
  auto servers = nameservers_of(text);
  if (servers.empty()) servers.push_back({"127.0.0.1", dns_port});
  return servers;
}

}  // namespace proxy
