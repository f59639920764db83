// RFC 5802 §3 and §5, with SHA-256.
#include "protocol/smtp/scram.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "protocol/base/base64.hpp"
#include "protocol/base/text.hpp"

namespace smtp {
namespace {

constexpr std::size_t digest_length = 32;
constexpr std::string_view gs2_header = "n,,";  // RFC 5802 §7: no channel binding, no authorization identity

base::ParseError wrong(std::string what) {
  return {0, std::move(what)};
}

/// RFC 5802 §5.1: `=` and `,` of a name are written as =3D and =2C.
std::string escaped(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c == '=')
      text += "=3D";
    else if (c == ',')
      text += "=2C";
    else
      text += c;
  }
  return text;
}

/// Takes `x=value` up to the next comma.
std::optional<std::string_view> attribute(std::string_view& message, char name) {
  if (message.size() < 2 || message[0] != name || message[1] != '=') return std::nullopt;
  const auto end = std::min(message.find(','), message.size());
  const auto value = message.substr(2, end - 2);
  message.remove_prefix(std::min(end + 1, message.size()));
  return value;
}

/// posit-number: no sign, no leading zero.
long long count(std::string_view text) {
  return text.starts_with('0') ? -1 : base::decimal(text, 9);
}

std::string exclusive_or(std::string_view a, std::string_view b) {
  std::string result;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) result += static_cast<char>(a[i] ^ b[i]);
  return result;
}

/// Takes as long wherever they differ.
bool equal(std::string_view a, std::string_view b) {
  int difference = a.size() == b.size() ? 0 : 1;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

}  // namespace

ScramClient::ScramClient(std::string_view user, std::string password, std::string nonce, ScramCrypto crypto)
    : password_(std::move(password)), nonce_(std::move(nonce)), crypto_(crypto) {
  first_bare_ = "n=" + escaped(user) + ",r=" + nonce_;
}

std::string ScramClient::first() const {
  return std::string(gs2_header) + first_bare_;
}

base::Parsed<std::string> ScramClient::answer(std::string_view server_first) {
  if (nonce_.empty()) return wrong("there is no randomness for it");
  auto rest = server_first;
  // RFC 5802 §5.1: an extension that is mandatory and not known fails the exchange.
  if (rest.starts_with("m=")) return wrong("it demands an extension of SCRAM");
  const auto nonce = attribute(rest, 'r');
  const auto salt_text = attribute(rest, 's');
  const auto iterations_text = attribute(rest, 'i');
  if (!nonce || !salt_text || !iterations_text) return wrong("its SCRAM challenge is malformed");
  // RFC 5802 §5.1: the client's own nonce comes first in it; one without a part of the server's could be a replay.
  if (!nonce->starts_with(nonce_) || nonce->size() == nonce_.size()) return wrong("its nonce does not continue ours");
  if (!std::all_of(nonce->begin(), nonce->end(), [](char c) { return base::is_printable(c) && c != ' '; }))
    return wrong("its nonce is not printable");
  const auto salt = base::decoded_base64(*salt_text);
  if (!salt || salt->empty() || salt->size() > longest_salt) return wrong("its salt is malformed");
  const auto iterations = count(*iterations_text);
  if (iterations < 0) return wrong("its iteration count is malformed");
  // RFC 7677 §4
  if (iterations < least_iterations || iterations > most_iterations) {
    return wrong("its iteration count " + std::to_string(iterations) + " is not between " +
                 std::to_string(least_iterations) + " and " + std::to_string(most_iterations));
  }

  // RFC 5802 §3
  const auto salted = crypto_.pbkdf2_sha256(password_, *salt, static_cast<unsigned>(iterations));
  const auto client_key = crypto_.hmac_sha256(salted, "Client Key");
  const auto stored_key = crypto_.sha256(client_key);
  const auto server_key = crypto_.hmac_sha256(salted, "Server Key");
  auto message = "c=" + base::base64(gs2_header) + ",r=" + std::string(*nonce);
  const auto authenticated = first_bare_ + ',' + std::string(server_first) + ',' + message;
  const auto client_signature = crypto_.hmac_sha256(stored_key, authenticated);
  auto server_signature = crypto_.hmac_sha256(server_key, authenticated);
  for (const std::string_view result :
       {salted, client_key, stored_key, server_key, client_signature, server_signature}) {
    if (result.size() != digest_length) return wrong("the proof for it could not be computed");
  }
  server_signature_ = std::move(server_signature);
  return message + ",p=" + base::base64(exclusive_or(client_key, client_signature));
}

std::string ScramClient::fault_of(std::string_view server_final) const {
  auto rest = server_final;
  if (const auto error = attribute(rest, 'e')) {
    // RFC 5802 §7: one of a few words. What is none is not repeated.
    const bool is_word = error->size() <= 40 && std::all_of(error->begin(), error->end(), base::is_printable);
    return is_word ? "it says " + std::string(*error) : "it reports an error";
  }
  const auto verifier = attribute(rest, 'v');
  if (!verifier) return "its last SCRAM message is malformed";
  const auto signature = base::decoded_base64(*verifier);
  // RFC 5802 §5.1: the client MUST check it, and treat a difference as a failure.
  if (server_signature_.empty() || !signature || !equal(*signature, server_signature_))
    return "its signature is wrong: it does not know the password";
  return {};
}

}  // namespace smtp
