// The configuration as an immutable value: one TOML file, checked whole before anything starts. contract.md fixes every
// name.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/facts.hpp"
#include "policy/memory.hpp"
#include "policy/requirement.hpp"
#include "protocol/smtp/server_session.hpp"
#include "proxy/config/exemption.hpp"

namespace proxy {

using Milliseconds = std::chrono::milliseconds;

/// An address with a port, textual and parsed.
struct HostPort {
  std::string address;  ///< IPv4 or IPv6, textual, without brackets
  std::uint16_t port = 0;
  bool operator==(const HostPort&) const = default;
};

/// An address range: 127.0.0.0/8, ::1, 192.0.2.7.
struct Network {
  std::string text;
  std::vector<unsigned char> octets;  ///< 4 or 16
  unsigned prefix = 0;                ///< bits
  /// `address` as 4 or 16 octets; an IPv4-mapped IPv6 address counts as IPv4.
  bool contains(const std::vector<unsigned char>& address) const;
};

struct ListenerConfig {
  HostPort address{"127.0.0.1", 2525};
  smtp::ServerOptions::Tls tls = smtp::ServerOptions::Tls::none;
  std::string certificate, key;  ///< PEM files; given where there is TLS
  std::vector<Network> allow;    ///< default: 127.0.0.0/8 and ::1
  std::string auth_users;        ///< file of those who may as well, once they have authenticated; empty: nobody
  bool auth_without_tls = false;
  std::vector<std::string>
      allow_keys;  ///< SHA-256 of public keys, octets: whose client certificate has one may as well
  std::vector<Network> proxy_protocol;  ///< peers that say for whom they speak; empty: nobody does
  smtp::Leniency devices{};
  bool old_tls = false;  ///< of the devices profile: TLS 1.0 toward these clients
  smtp::BareNewline bare_newline = smtp::BareNewline::reject;
  policy::Security security = policy::Security::may;
  bool queue = false;                    ///< on_defer: what cannot go out now is taken, and tried again here
  Milliseconds patience{30000};          ///< of a queue listener: how long a client waits for the MX
  std::vector<Network> tls_required_no;  ///< clients whose TLS-Required: No counts (RTLS-07)
  int line = 0;                          ///< where it stands in the file
  int certificate_line = 0, key_line = 0, auth_users_line = 0;
};

/// How the relay authenticates to a next hop.
struct Login {
  std::string user, password;
  std::vector<std::string> mechanisms;  ///< allowed ones, upper case; empty: the strongest that is offered
};

struct DestinationConfig {
  std::string domain;  ///< canonical, or "*"
  bool subdomains = false;
  std::optional<Login> login{};                   ///< none: the relay does not authenticate
  policy::Route route;                            ///< host, port, implicit_tls, security, exempt, reason, configured_at
  std::optional<policy::sts::Policy> pin;         ///< stands above what the domain publishes
  std::optional<policy::sts::Time> exempt_until;  ///< none: without an end
};

/// By domain.
using PreloadedPolicies = std::map<std::string, policy::sts::Policy, std::less<>>;
using Exemptions = std::map<std::string, Exemption, std::less<>>;

struct Config {
  std::string file{};  ///< as given
  std::string
      hostname;  ///< canonical; load_config fills in the system's when none is given, parse_config leaves it empty
  std::string state_dir;  ///< absolute
  unsigned workers = 0;   ///< 0: min(cores, 4)
  Milliseconds drain{30000};
  std::optional<std::string> postmaster;
  std::vector<std::string> own_names;
  std::vector<ListenerConfig> listeners;

  struct Limits {
    std::uint64_t message_size = 50u << 20;
    unsigned connections = 10000;
    unsigned connections_per_client = 5000;
    unsigned recipients = 1000;
    Milliseconds client_timeout{300000};
    unsigned min_data_rate = 500;  ///< octets a second, of a body
  } limits;

  struct Dns {
    std::vector<HostPort>
        servers;  ///< load_config fills in the system's when none is given; parse_config leaves it empty
    enum class Dnssec { automatic, on, off } dnssec = Dnssec::automatic;
  } dns;

  std::string trust_anchors;  ///< PEM file; empty: the system's store

  struct MtaSts {
    Milliseconds fetch_timeout{60000}, retry_after{300000}, refresh_every{86400000}, lookup_grace{3600000};
    std::uint64_t memory = 64u << 20;
    bool enabled = true;  ///< false: what domains publish is not applied
    std::string preload;  ///< folder or list; empty: none
    std::shared_ptr<const PreloadedPolicies> preloaded = nullptr;
  } mta_sts;

  struct Delivery {
    policy::Security security = policy::Security::may;
    Milliseconds connect_timeout{10000}, rcpt_budget{120000};
    policy::memory::Remember remember = policy::memory::Remember::warn;
    Milliseconds believe_after{3 * 24 * 3600 * 1000};
    unsigned connections_per_host = 500;  // docs/decisions/connections-per-host.md
  } delivery;

  struct Queue {
    std::vector<Milliseconds> retry{Milliseconds(5 * 60000),  Milliseconds(15 * 60000),  Milliseconds(30 * 60000),
                                    Milliseconds(60 * 60000), Milliseconds(120 * 60000), Milliseconds(240 * 60000)};
    Milliseconds lifetime{5 * 24 * 3600 * 1000}, delay_warning{4 * 3600 * 1000};  ///< delay_warning 0: none is sent
    std::uint64_t messages = 1'000'000, size = std::uint64_t{10} << 30;           ///< in the queue at a time
    std::uint64_t messages_per_client = 500'000, size_per_client = std::uint64_t{5} << 30;
  } queue;

  std::vector<DestinationConfig> destinations;
  /// Of the `exempt` command, not of the file: the program puts them in.
  std::shared_ptr<const Exemptions> exemptions = nullptr;

  struct Log {
    bool json = false;
    enum class Level { debug, info, warn, error } level = Level::info;
  } log;

  struct Metrics {
    std::optional<HostPort> address;  ///< none: nobody can read them
    int line = 0;                     ///< where it stands in the file
  } metrics;

  struct Lab {
    bool set = false;  ///< the table is there
    std::uint16_t smtp_port = 25, https_port = 443;
    bool allow_loopback = false;
  } lab;
};

/// What is wrong with a file. `line` 0: the file as a whole.
struct ConfigError {
  std::string file;
  int line = 0;
  std::string words;  ///< what is wrong, what was expected
};
/// "relay.toml:12: unknown key `hostnam`, did you mean `hostname`?"
std::string message(const ConfigError& error);

struct LoadedConfig {
  Config config;  ///< meaningful only without errors
  std::vector<ConfigError> errors;
  std::vector<std::string> warnings;
};

/// What a fault in the preloaded list is: at start an error, at a reload a warning, and the entry is left out.
enum class PreloadFaults { refuse, leave_out };

/// The files of trust anchors that next hops have of their own.
std::vector<std::string> trust_anchors_of_next_hops(const Config& config);

/// Reads and checks the file and every file it names.
LoadedConfig load_config(const std::string& file, PreloadFaults preload = PreloadFaults::refuse);
/// The same from text, for tests and the fuzzer; `directory` is what relative names are relative to; no file is read
/// where `check_files` is false, and the system is asked for nothing.
LoadedConfig parse_config(std::string_view text, const std::string& file, const std::string& directory,
                          bool check_files, PreloadFaults preload = PreloadFaults::refuse);

/// Every setting with its meaning and default, as a commented TOML file that load_config accepts.
std::string config_reference();

/// The route for a recipient's domain: the first [[destination]] that matches, else the defaults ([lab] smtp_port
/// counts). An exemption counts until its end: `now` is the time of use.
policy::Route route_for(const Config& config, std::string_view domain,
                        policy::sts::Time now = std::chrono::system_clock::now());
/// How many there are: in the file, and of the `exempt` command.
struct ExemptionCount {
  std::int64_t configured = 0, commanded = 0;
};
ExemptionCount exemptions_in_force(const Config& config, policy::sts::Time now);
/// The [[destination]] that matches first, or null.
const DestinationConfig* destination_for(const Config& config, std::string_view domain);

}  // namespace proxy
