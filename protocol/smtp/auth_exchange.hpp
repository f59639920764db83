// The server's side of one SASL exchange (RFC 4954 §4): PLAIN (RFC 4616) and LOGIN, lines in, credentials out. Knows
// nothing of the session around it and checks no password; never keeps one behind its back: what it decoded and does
// not hand out is overwritten.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "protocol/smtp/reply.hpp"

namespace smtp {

enum class Mechanism { plain, login };

/// The name of a mechanism in any case; nullopt: it is not served.
std::optional<Mechanism> mechanism_of(std::string_view name);

/// UTF-8 without control characters, neither user nor password empty. SASLprep (RFC 4616 §2) is not done: the octets
/// are compared with what the administrator stored, and whoever wants another normal form stores that.
struct Credentials {
  Mechanism mechanism = Mechanism::plain;
  std::string identity;  ///< to act as: empty, or the same as the user
  std::string user;
  std::string password;  ///< whoever holds it wipes it
};

class AuthExchange {
 public:
  explicit AuthExchange(Mechanism mechanism) : mechanism_(mechanism) {}

  /// A challenge to say, what the client claims, or the refusal that ends the exchange.
  using Step = std::variant<std::string_view, Credentials, Reply>;

  /// `initial` as it stood in the AUTH line, base64; nullopt: none. `inline_login`: LOGIN may have one, the user name.
  Step start(std::optional<std::string_view> initial, bool inline_login);
  /// A line of the client's, without its CRLF; after a challenge.
  Step response(std::string_view line);

 private:
  Step plain(std::string message);
  Step finished(Credentials credentials);

  Mechanism mechanism_;
  std::optional<std::string> user_;  // LOGIN: was given
};

}  // namespace smtp
