// lab.toml, read with toml++.
#include "tests/lab/judge/lab_config.hpp"

#include <arpa/inet.h>

#include <toml++/toml.h>
#include <filesystem>

namespace lab::judge {
namespace {

[[noreturn]] void bad(const std::string& file, const toml::source_region& at, const std::string& words) {
  throw BadConfig(file + ":" + std::to_string(at.begin.line) + ": " + words);
}

std::uint16_t port(const std::string& file, const std::string& key, const toml::node& value) {
  const auto number = value.value<std::int64_t>();
  if (!value.is_integer() || *number < 1 || *number > 65535)
    bad(file, value.source(), key + " is no port, a number from 1 to 65535 was expected");
  return static_cast<std::uint16_t>(*number);
}

std::string text(const std::string& file, const std::string& key, const toml::node& value) {
  const auto found = value.value<std::string>();
  if (!value.is_string() || found->empty()) bad(file, value.source(), key + " is no text, a text was expected");
  return *found;
}

std::string address(const std::string& file, const std::string& key, const toml::node& value) {
  const std::string found = text(file, key, value);
  in_addr parsed{};
  if (::inet_pton(AF_INET, found.c_str(), &parsed) != 1)
    bad(file, value.source(), key + " is no IPv4 address, as 127.0.0.1 is");
  return found;
}

}  // namespace

LabConfig read_config(const std::string& file) {
  LabConfig config;
  if (file.empty()) return config;
  toml::table table;
  try {
    table = toml::parse_file(file);
  } catch (const toml::parse_error& error) {
    bad(file, error.source(), std::string(error.description()));
  }
  for (const auto& [key, value] : table) {
    const std::string name(key.str());
    if (name == "zone") {
      config.zone = text(file, name, value);
    } else if (name == "directory") {
      config.directory = text(file, name, value);
    } else if (name == "dns_address") {
      config.servers.dns_address = address(file, name, value);
    } else if (name == "policy_address") {
      config.servers.policy_address = address(file, name, value);
    } else if (name == "mx_address") {
      config.servers.mx_address = address(file, name, value);
    } else if (name == "dns_port") {
      config.servers.dns_port = port(file, name, value);
    } else if (name == "smtp_port") {
      config.servers.smtp_port = port(file, name, value);
    } else if (name == "https_port") {
      config.servers.https_port = port(file, name, value);
    } else {
      bad(file, value.source(),
          "unknown key " + name +
              ", expected one of zone, directory, dns_address, dns_port, policy_address, https_port, mx_address, "
              "smtp_port");
    }
  }
  config.directory = (std::filesystem::absolute(file).parent_path() / config.directory).string();
  return config;
}

}  // namespace lab::judge
