// PLAIN and LOGIN as their servers see them. Never tells a client more than that the exchange failed.
#include "protocol/smtp/auth_exchange.hpp"

#include <utility>

#include "protocol/base/base64.hpp"
#include "protocol/base/text.hpp"
#include "protocol/base/wipe.hpp"

namespace smtp {
namespace {

// Whoever compares them compares these octets.
constexpr std::string_view user_prompt = "334 VXNlcm5hbWU6\r\n";
constexpr std::string_view password_prompt = "334 UGFzc3dvcmQ6\r\n";
constexpr std::string_view empty_prompt = "334 \r\n";  // RFC 4954 §4: the blank stays

Reply malformed() {
  return {501, "5.5.2", "the response is not what the mechanism says"};
}

/// RFC 4616 §2: the three parts are UTF-8; what no keyboard gives is no name and no password.
bool is_sasl_text(std::string_view text) {
  while (!text.empty()) {
    const auto length = base::utf8_sequence(text);
    if (length == 0) return false;
    const auto first = static_cast<unsigned char>(text.front());
    const bool c1_control = length == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0;
    if (first < 0x20 || first == 0x7f || c1_control) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

std::optional<Mechanism> mechanism_of(std::string_view name) {
  if (base::equals_ignoring_case(name, "PLAIN")) return Mechanism::plain;
  if (base::equals_ignoring_case(name, "LOGIN")) return Mechanism::login;
  return std::nullopt;
}

AuthExchange::Step AuthExchange::start(std::optional<std::string_view> initial, bool inline_login) {
  if (!initial) return mechanism_ == Mechanism::plain ? empty_prompt : user_prompt;
  if (mechanism_ == Mechanism::login && !inline_login) {
    // RFC 4954 §4: no initial response where the server has the first word.
    return Reply{501, "5.5.4", "this mechanism takes no initial response"};
  }
  // RFC 4954 §4: "=" is a response of no octets; a lone "*" is malformed here.
  if (*initial == "=") {
    initial = "";
  } else if (initial->empty()) {
    return malformed();
  }
  auto decoded = base::decoded_base64(*initial);
  if (!decoded) return malformed();
  if (mechanism_ == Mechanism::plain) return plain(std::move(*decoded));
  user_ = std::move(*decoded);
  return password_prompt;
}

AuthExchange::Step AuthExchange::response(std::string_view line) {
  if (line == "*") return Reply{501, "5.7.0", "authentication was cancelled"};  // RFC 4954 §4
  auto decoded = base::decoded_base64(line);
  if (!decoded) return malformed();
  if (mechanism_ == Mechanism::plain) return plain(std::move(*decoded));
  if (!user_) {
    user_ = std::move(*decoded);
    return password_prompt;
  }
  return finished({Mechanism::login, {}, std::move(*user_), std::move(*decoded)});
}

/// RFC 4616 §2: [authzid] NUL authcid NUL passwd.
AuthExchange::Step AuthExchange::plain(std::string message) {
  const auto first = message.find('\0');
  const auto second = first == message.npos ? message.npos : message.find('\0', first + 1);
  if (second == message.npos) {
    base::wipe(message);
    return malformed();
  }
  Credentials credentials{Mechanism::plain, message.substr(0, first), message.substr(first + 1, second - first - 1),
                          message.substr(second + 1)};
  base::wipe(message);
  return finished(std::move(credentials));
}

AuthExchange::Step AuthExchange::finished(Credentials credentials) {
  const bool sound = !credentials.user.empty() && !credentials.password.empty() && is_sasl_text(credentials.identity) &&
                     is_sasl_text(credentials.user) && is_sasl_text(credentials.password);
  // RFC 4616 §2: nobody may act as somebody else here.
  const bool himself = credentials.identity.empty() || credentials.identity == credentials.user;
  if (sound && himself) return credentials;
  base::wipe(credentials.password);
  return Reply{535, "5.7.8", "authentication failed"};
}

}  // namespace smtp
