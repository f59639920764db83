// The configuration from its file, completed with what the system knows. The only part of the configuration that opens
// files, asks the system for its name, or knows of the network.
#include <netdb.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "protocol/base/time_format.hpp"
#include "proxy/config/config.hpp"
#include "proxy/config/users.hpp"
#include "proxy/dns/system_servers.hpp"
#include "proxy/tls/server_contexts.hpp"

namespace proxy {
namespace {

constexpr std::size_t greatest_file = (1u << 20) + 1;  // one octet more than parse_config takes

/// The text, or why it cannot be had.
std::optional<std::string> contents(const std::string& file, std::string& why) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::string text(greatest_file, '\0');
  if (stream) {
    stream.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!stream.bad()) {
      text.resize(static_cast<std::size_t>(stream.gcount()));
      return text;
    }
  }
  why = errno != 0 ? std::strerror(errno) : "it is no file";
  return std::nullopt;
}

/// The system's full name, as the resolver completes it; the short one where it does not.
std::string system_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return {};
  addrinfo hints{};
  hints.ai_flags = AI_CANONNAME;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.data(), nullptr, &hints, &found) == 0) {
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
    const std::string_view full = found->ai_canonname != nullptr ? found->ai_canonname : "";
    if (full.find('.') != std::string_view::npos && full != "localhost.localdomain") return std::string(full);
  }
  return name.data();
}

void complete_hostname(LoadedConfig& loaded) {
  const auto found = system_name();
  const auto name = base::canonical_domain(found, base::Alphabet::host);
  if (!name) {
    loaded.errors.push_back({loaded.config.file, 0,
                             "no `hostname`, and the system's name `" + base::printable(found, 100) +
                                 "` is no domain name; expected hostname = \"relay.example.net\""});
    return;
  }
  loaded.config.hostname = *name;
  if (name->find('.') == std::string::npos) {
    loaded.warnings.push_back(message(
        {loaded.config.file, 0,
         "no `hostname`, and the system's name `" + *name + "` is not a full one: many MX hosts refuse it in EHLO"}));
  }
}

void check_certificates(LoadedConfig& loaded) {
  const auto& file = loaded.config.file;
  for (const auto& listener : loaded.config.listeners) {
    if (listener.tls == smtp::ServerOptions::Tls::none) continue;
    const auto checked = check_certificate({listener.certificate, listener.key, listener.old_tls});
    if (checked.fault) {
      const bool key = checked.fault->in == CertificateFileFault::In::key;
      loaded.errors.push_back({file, key ? listener.key_line : listener.certificate_line,
                               checked.fault->words + ", expected a PEM certificate chain and its key"});
    } else if (checked.not_after < std::chrono::system_clock::now()) {
      loaded.warnings.push_back(message(
          {file, listener.certificate_line,
           "the certificate expired " + base::day(checked.not_after) + ": clients that verify it will not connect"}));
    }
  }
}

void check_users(LoadedConfig& loaded) {
  for (const auto& listener : loaded.config.listeners) {
    if (listener.auth_users.empty()) continue;
    auto users = load_users(listener.auth_users);
    loaded.errors.insert(loaded.errors.end(), users.errors.begin(), users.errors.end());
    loaded.warnings.insert(loaded.warnings.end(), users.warnings.begin(), users.warnings.end());
    if (users.errors.empty() && users.users.size() == 0)
      loaded.errors.push_back({listener.auth_users, 0, "holds no user, expected a [users] table"});
  }
}

void warn_of_ended_exemptions(LoadedConfig& loaded, policy::sts::Time now) {
  for (const auto& destination : loaded.config.destinations) {
    if (!destination.route.exempt || !destination.exempt_until || now < *destination.exempt_until) continue;
    loaded.warnings.push_back(destination.route.configured_at + ": the exemption of " + destination.domain +
                              " ended at " + base::rfc3339(*destination.exempt_until) +
                              ", what the domain publishes is applied again");
  }
}

}  // namespace

LoadedConfig load_config(const std::string& file, PreloadFaults preload) {
  std::string why;
  const auto text = contents(file, why);
  if (!text) {
    LoadedConfig loaded;
    loaded.config.file = file;
    loaded.errors.push_back({file, 0, "cannot be read: " + why + ", expected a configuration file"});
    return loaded;
  }
  std::error_code ignored;
  const auto directory = std::filesystem::absolute(file, ignored).parent_path().string();
  auto loaded = parse_config(*text, file, directory, true, preload);
  if (!loaded.errors.empty()) return loaded;
  check_certificates(loaded);
  check_users(loaded);
  if (!loaded.errors.empty()) return loaded;
  if (loaded.config.hostname.empty()) complete_hostname(loaded);
  if (loaded.config.dns.servers.empty()) loaded.config.dns.servers = system_servers();  // O-1: anew at each load
  warn_of_ended_exemptions(loaded, std::chrono::system_clock::now());
  return loaded;
}

}  // namespace proxy
