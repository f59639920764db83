// The dialogue of AUTH. Every line that carries credentials is marked as secret, and what the host says after one is
// looked through for them before it becomes part of a result.
#include "protocol/smtp/authenticate.hpp"

#include <algorithm>
#include <array>

#include "protocol/base/base64.hpp"
#include "protocol/base/text.hpp"

namespace smtp {
namespace {

constexpr std::array<std::string_view, 3> names = {"SCRAM-SHA-256", "PLAIN", "LOGIN"};
constexpr std::size_t longest_credential = 1024;
constexpr std::size_t longest_command = 512;  // RFC 5321 §4.5.3.1.4, CRLF included
constexpr std::size_t longest_text = 64 * 1024;
constexpr std::string_view left_out = "(what it said is left out: it repeats the password)";

/// Without C0, DEL and C1, which RFC 4013 §2.3 prohibits, in well-formed UTF-8.
bool is_clean(std::string_view text) {
  while (!text.empty()) {
    const auto length = base::utf8_sequence(text);
    if (length == 0) return false;
    const auto first = static_cast<unsigned char>(text[0]), second = static_cast<unsigned char>(text[length > 1]);
    if (length == 1 && !base::is_printable(text[0])) return false;
    if (first == 0xc2 && second < 0xa0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string fault_of_one(std::string_view what, std::string_view text) {
  const std::string it = "the " + std::string(what);
  if (text.empty()) return it + " is empty";
  if (text.size() > longest_credential) return it + " is longer than 1024 octets";
  if (!is_clean(text)) return it + " is not UTF-8, or has control characters";
  return {};
}

}  // namespace

std::string_view words(SaslMechanism mechanism) {
  return names[static_cast<std::size_t>(mechanism)];
}

std::optional<SaslMechanism> sasl_mechanism(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (base::equals_ignoring_case(name, names[i])) return static_cast<SaslMechanism>(i);
  }
  return std::nullopt;
}

std::optional<SaslMechanism> strongest_mechanism(std::string_view offered, std::span<const SaslMechanism> allowed) {
  std::optional<SaslMechanism> strongest;
  while (!offered.empty()) {
    const auto end = std::min(offered.find(' '), offered.size());
    const auto mechanism = sasl_mechanism(offered.substr(0, end));
    offered.remove_prefix(std::min(end + 1, offered.size()));
    if (!mechanism || (strongest && *strongest <= *mechanism)) continue;
    if (allowed.empty() || std::ranges::find(allowed, *mechanism) != allowed.end()) strongest = mechanism;
  }
  return strongest;
}

std::string credentials_fault(std::string_view user, std::string_view password) {
  auto fault = fault_of_one("user name", user);
  return fault.empty() ? fault_of_one("password", password) : fault;
}

Authenticate::Authenticate(std::string_view offered, Login login, InputBuffer& input)
    : offered_(offered), login_(std::move(login)), input_(input) {}

Step<Authenticated> Authenticate::resume(boost::system::error_code error) {
  if (error) return failure_of(error, Stage::auth);
  if (doing_ == Doing::start) return begin();
  switch (take_reply(reader_, input_)) {
    case ReplyReader::State::more: return Read{};
    case ReplyReader::State::complete: return reply_arrived();
    case ReplyReader::State::malformed: break;
  }
  return fail(Cause::nonsense, secret_sent_ ? std::string("(left out: it came after the password)") : reader_.fault());
}

Step<Authenticated> Authenticate::begin() {
  auto fault = credentials_fault(login_.user, login_.password);
  if (!fault.empty()) return fail(Cause::no_auth, std::move(fault));
  const auto mechanism = strongest_mechanism(offered_, login_.allowed);
  if (!mechanism) {
    if (offered_.empty()) return fail(Cause::no_auth, "it does not offer AUTH");
    return fail(Cause::no_auth, "it offers no mechanism that may be used, only " + base::printable(offered_, 100));
  }
  mechanism_ = *mechanism;
  doing_ = Doing::dialogue;
  const auto command = "AUTH " + std::string(words(mechanism_));
  std::string initial;
  if (mechanism_ == SaslMechanism::plain) {
    initial = base::base64(plain_message());
  } else if (mechanism_ == SaslMechanism::scram_sha_256) {
    scram_.emplace(login_.user, login_.password, login_.nonce, login_.crypto);
    initial = base::base64(scram_->first());
  }
  // RFC 4954 §4: an initial response that does not fit into the command waits for an empty challenge.
  if (initial.empty() || command.size() + 1 + initial.size() + 2 > longest_command) return write(command, false);
  answers_ = 1;
  complete_ = mechanism_ == SaslMechanism::plain;
  return write(command + ' ' + initial, true);
}

Step<Authenticated> Authenticate::reply_arrived() {
  Reply reply = reader_.reply();
  reader_.reset();
  // RFC 4954 §4: 501 is due; whatever it is, it changes nothing.
  if (!cancelled_.empty()) return fail(Cause::no_auth, cancelled_, std::move(reply));
  if (reply.kind() == 4 || reply.kind() == 5) {
    // Cut only after the search: a part of a password is too much as well.
    auto text = base::printable(without_secrets(on_one_line(reply, longest_text)), 200);
    return fail(Cause::refused, std::move(text), std::move(reply));
  }
  if (reply.code == 235) return accepted(reply);
  if (reply.code == 334) return challenged(reply.text);
  return fail(Cause::nonsense, base::printable(without_secrets(on_one_line(reply, longest_text)), 200));
}

Step<Authenticated> Authenticate::accepted(const Reply& reply) {
  if (complete_) return Authenticated{mechanism_, {reply.code, reply.enhanced, without_secrets(reply.text)}};
  // RFC 5802 §5: without its signature this may be anyone.
  if (scram_) return fail(Cause::no_auth, "it accepted without a proof that it knows the password");
  return fail(Cause::nonsense, "it accepted before it had the password");
}

Step<Authenticated> Authenticate::challenged(const std::string& challenge) {
  if (complete_) return cancel("it asks for more than " + std::string(words(mechanism_)) + " has");
  if (scram_) return challenged_scram(challenge);
  ++answers_;
  if (mechanism_ == SaslMechanism::plain) {
    complete_ = true;
    return write(base::base64(plain_message()), true);
  }
  // LOGIN has no specification: what the prompts say differs, their order does not.
  if (answers_ == 1) return write(base::base64(login_.user), true);
  complete_ = true;
  return write(base::base64(login_.password), true);
}

Step<Authenticated> Authenticate::challenged_scram(const std::string& challenge) {
  if (answers_ == 0) {
    answers_ = 1;
    return write(base::base64(scram_->first()), true);
  }
  const auto message = base::decoded_base64(challenge);
  if (!message) return cancel("its challenge is not base64");
  if (answers_ == 1) {
    answers_ = 2;
    auto answer = scram_->answer(*message);
    if (!answer) return cancel(answer.error().what);
    return write(base::base64(*answer), true);
  }
  auto fault = scram_->fault_of(*message);
  if (!fault.empty()) return cancel(std::move(fault));
  complete_ = true;
  return write({}, false);  // RFC 4954 §4: data with a success come as a challenge, which an empty response answers
}

Step<Authenticated> Authenticate::cancel(std::string why) {
  cancelled_ = std::move(why);
  return write("*", false);
}

Step<Authenticated> Authenticate::write(std::string line, bool secret) {
  if (!input_.empty()) {
    if (secret_sent_) return fail(Cause::nonsense, "before its command (left out: it came after the password)");
    return fail(Cause::nonsense, early_octets(input_, Stage::auth).text);
  }
  secret_sent_ = secret_sent_ || secret;
  out_ = std::move(line) + "\r\n";
  return Write{out_, secret};
}

Step<Authenticated> Authenticate::fail(Cause cause, std::string text, Reply reply) {
  // Cleaned and put on one line its words may spell what its lines do not.
  const auto line = on_one_line(reply, longest_text);
  if (without_secrets(line) != line) reply.text = left_out;
  reply.text = without_secrets(std::move(reply.text));
  return Failure{cause, Stage::auth, std::move(reply), without_secrets(std::move(text))};
}

std::string Authenticate::plain_message() const {
  // RFC 4616 §2: authorization identity, none; NUL; name; NUL; password
  std::string message(1, '\0');
  message += login_.user;
  message += '\0';
  return message + login_.password;
}

std::string Authenticate::without_secrets(std::string text) const {
  const std::array<std::string, 4> secrets = {login_.password, base::printable(login_.password, 4 * longest_credential),
                                              base::base64(login_.password), base::base64(plain_message())};
  for (const auto& secret : secrets) {
    if (text.find(secret) != std::string::npos) return std::string(left_out);
  }
  return text;
}

}  // namespace smtp
