// Who may authenticate: names and crypt(5) hashes from a users file, and the check of a password against them. Knows no
// dialogue, no limits, no delays. A check costs what the hash was made to cost (some 20 ms for yescrypt): never run one
// on the thread of a session. No password is ever kept, logged, or put into words.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.hpp"

namespace proxy {

/// An immutable value once it is loaded: its members may be called from several threads at once.
class Users {
 public:
  std::size_t size() const { return hashes_.size(); }

  /// Whether that is the user's password. Of an unknown user the hash of another one is computed, so that the time
  /// tells nothing; which one depends on the name, so that it does not either where the hashes differ in cost.
  bool check(std::string_view name, std::string_view password) const;

 private:
  friend class UsersReader;
  std::map<std::string, std::string, std::less<>> hashes_;
};

struct LoadedUsers {
  Users users;
  std::vector<ConfigError> errors;  ///< where there is one, `users` is not complete
  std::vector<std::string> warnings;
};

/// The text of a users file: one `[users]` table, name = "crypt(5) hash". Refused: what crypt does not support, hashes
/// that are cut off, and the weak methods (DES, MD5, NT, SHA-1); names as smtp::credentials_fault refuses them.
LoadedUsers parse_users(std::string_view text, const std::string& file);

/// The same from the file itself. A warning where others than its owner and group may read it.
LoadedUsers load_users(const std::string& file);

/// The yescrypt hash of a password, with a fresh salt, as a users file takes it. nullopt: the system has no randomness,
/// or the password cannot be hashed (empty, with a NUL, or longer than 511 octets).
std::optional<std::string> hash_password(std::string_view password);

}  // namespace proxy
