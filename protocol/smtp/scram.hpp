// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. Messages in, messages out, neither
// in base64. Does no cryptography of its own, and never accepts a server that does not prove that it knows the
// password.
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/parsed.hpp"

namespace smtp {

/// What SCRAM computes with. Each gives 32 octets; anything else counts as a failure. Plain functions, so that a
/// machine that holds them stays a value.
struct ScramCrypto {
  std::string (*sha256)(std::string_view octets) = nullptr;
  std::string (*hmac_sha256)(std::string_view key, std::string_view octets) = nullptr;
  /// Up to a million iterations, so up to about a second: whoever drives the machine pays for it.
  std::string (*pbkdf2_sha256)(std::string_view password, std::string_view salt, unsigned iterations) = nullptr;
};

class ScramClient {
 public:
  /// RFC 7677 §4 wants 4096 at least; more than the other makes this host do a stranger's work.
  static constexpr unsigned least_iterations = 4096, most_iterations = 1'000'000;
  static constexpr std::size_t longest_salt = 1024;

  /// `nonce`: 18 octets of randomness or more, in printable ASCII without a comma; never used twice.
  ScramClient(std::string_view user, std::string password, std::string nonce, ScramCrypto crypto);

  /// The client-first-message.
  std::string first() const;
  /// The client-final-message that answers the server-first-message. Once.
  base::Parsed<std::string> answer(std::string_view server_first);
  /// Whether the server-final-message proves that the server knows the password: empty, or what is wrong. After
  /// answer().
  std::string fault_of(std::string_view server_final) const;

 private:
  std::string password_, nonce_;
  ScramCrypto crypto_;
  std::string first_bare_;
  std::string server_signature_;  // empty until there is one
};

}  // namespace smtp
