// A configuration while it is read: what it has so far, what was wrong, and how a value of each type is taken. Every
// taker says what is wrong itself; a value that was refused leaves the default in place, so that one run finds every
// fault.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/config/config.hpp"
#include "proxy/config/document.hpp"

namespace proxy {

/// What the checks over several settings must know of a [[listener]] or [[destination]] beside its values. Lines; 0:
/// not given.
struct Given {
  int table = 0, address = 0, allow = 0, domain = 0, host = 0, port = 0, tls = 0, security = 0, exempt = 0, reason = 0;
  int pin = 0, until = 0, patience = 0;
  int trust_anchors = 0, pinned_keys = 0, user = 0, password_file = 0, mechanisms = 0;
  // of a listener
  int auth_users = 0, auth_without_tls = 0, allow_keys = 0, proxy_protocol = 0, devices = 0;
};

class Draft {
 public:
  Draft(std::string file, std::string directory, bool check_files);

  void fail(int line, std::string words);
  void warn(int line, const std::string& words);

  /// The setting that is being read: messages begin with it.
  void begin(std::string_view name) { name_ = name; }

  const std::string* text(const DocumentValue& value);
  /// Each item of an array of strings.
  std::vector<const DocumentValue*> texts(const DocumentValue& value);
  void duration(const DocumentValue& value, Milliseconds& into, Milliseconds least, Milliseconds greatest);
  void size(const DocumentValue& value, std::uint64_t& into, std::uint64_t least);
  template <class T>
  void integer(const DocumentValue& value, T& into, long long least, long long greatest) {
    if (const auto number = whole_number(value, least, greatest)) into = static_cast<T>(*number);
  }
  void boolean(const DocumentValue& value, bool& into);
  void domain(const DocumentValue& value, std::string& into);
  template <class T>
  void choice(const DocumentValue& value, T& into, std::initializer_list<std::pair<std::string_view, T>> choices) {
    const auto* given = text(value);
    if (given == nullptr) return;
    std::string known;
    for (const auto& [name, meaning] : choices) {
      if (name == *given) {
        into = meaning;
        return;
      }
      known += (known.empty() ? "\"" : ", \"") + std::string(name) + '"';
    }
    refuse(value, "is not known", "expected one of " + known);
  }
  /// A file that must be there; relative names are relative to the configuration file.
  void readable_file(const DocumentValue& value, std::string& into);
  /// The same, and its text: one line, without its end. `what`: "password".
  void secret_file(const DocumentValue& value, std::string& into);
  /// SHA-256 digests as 64 hexadecimal digits, colons between octets or not; as octets.
  void digests(const DocumentValue& value, std::vector<std::string>& into);
  std::string absolute(const std::string& name) const;
  bool checks_files() const { return check_files_; }
  /// In a file of the preloaded list.
  void preload_fault(const std::string& file, int line, std::string words);

  /// "`NAME`: `VALUE` FAULT, EXPECTED" at the value's line.
  void refuse(const DocumentValue& value, std::string_view fault, std::string_view expected);
  void wrong_type(const DocumentValue& value, std::string_view expected);

  ListenerConfig& listener() { return config.listeners.back(); }
  Given& listener_given() { return listeners_given.back(); }
  DestinationConfig& destination() { return config.destinations.back(); }
  Given& destination_given() { return destinations_given.back(); }

  Config config;
  std::vector<Given> listeners_given, destinations_given;
  std::vector<ConfigError> errors, preload_faults;
  std::vector<std::string> warnings;

 private:
  std::optional<long long> whole_number(const DocumentValue& value, long long least, long long greatest);

  std::string directory_;
  std::string name_;
  bool check_files_;
};

}  // namespace proxy
