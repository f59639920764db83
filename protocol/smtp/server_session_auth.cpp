// AUTH in the server machine (RFC 4954): when it may be said, the lines of an exchange, what is asked of the owner.
// Never judges a password, never offers AUTH where it would cross the network in the clear against the listener's wish.
#include <utility>

#include "protocol/base/wipe.hpp"
#include "protocol/smtp/server_session.hpp"

namespace smtp {

/// RFC 4954 §3: in the reply to EHLO, where it may be used then.
bool ServerSession::auth_offered() const {
  if (!greeted_ || client_.verb == command::Hello::Verb::helo) return false;
  return options_.auth == ServerOptions::Auth::always || (options_.auth == ServerOptions::Auth::over_tls && tls_);
}

std::optional<ServerAction> ServerSession::run_auth(command::Auth auth) {
  std::string_view refusal;
  if (options_.auth == ServerOptions::Auth::none) {
    refusal = "502 5.5.1 this command is not served here\r\n";
  } else if (!greeted_ || client_.verb == command::Hello::Verb::helo) {
    refusal = "503 5.5.1 EHLO comes first\r\n";
  } else if (!user_.empty()) {
    refusal = "503 5.5.1 the client is authenticated already\r\n";  // RFC 4954 §4
  } else if (mail_given_) {
    refusal = "503 5.5.1 a transaction is open\r\n";  // RFC 4954 §4
  } else if (!auth_offered()) {
    refusal = "538 5.7.11 Encryption required for requested authentication mechanism\r\n";  // RFC 4954 §6
  } else if (auth.mechanism.empty()) {
    refusal = "501 5.5.4 the mechanism is missing\r\n";
  }
  const auto mechanism = mechanism_of(auth.mechanism);
  if (refusal.empty() && !mechanism) refusal = "504 5.5.4 this mechanism is not served here\r\n";
  AuthExchange::Step step;
  if (refusal.empty()) {
    exchange_.emplace(*mechanism);
    step = exchange_->start(auth.initial, options_.leniency.inline_auth_login);
    if (*mechanism == Mechanism::login && auth.initial && options_.leniency.inline_auth_login)
      leniencies_used_.inline_auth_login = true;
  }
  if (auth.initial) base::wipe(*auth.initial);  // whatever came of it
  if (refusal.empty()) return take_auth(std::move(step));
  refuse(refusal);
  return std::nullopt;
}

std::optional<ServerAction> ServerSession::next_auth() {
  if (shutdown_words_) return close_for_shutdown();
  std::string_view line;
  if (!next_line(line)) return need_input();
  if (line.empty()) {
    exchange_.reset();
    state_ = State::command;
    refuse(skipped_reply_);
    return std::nullopt;
  }
  auto step = exchange_->response(line.substr(0, line.size() - 2));
  forget_line(line);
  return take_auth(std::move(step));
}

std::optional<ServerAction> ServerSession::take_auth(AuthExchange::Step step) {
  if (const auto* challenge = std::get_if<std::string_view>(&step)) {
    say(*challenge);
    state_ = State::auth;
    return std::nullopt;
  }
  exchange_.reset();
  state_ = State::command;
  if (const auto* refusal = std::get_if<Reply>(&step)) {
    refuse(*refusal);
    return std::nullopt;
  }
  auto& credentials = std::get<Credentials>(step);
  claimed_user_ = credentials.user;
  state_ = State::authenticate;
  answer_owed_ = true;
  return ask::Authenticate{std::move(credentials)};
}

/// The owner's answer to Authenticate. A wrong password is an error like any other: whoever guesses on is cut off
/// (SMTP-49), whatever limits the owner has beside that.
void ServerSession::verdict_on_client(const Reply& reply) {
  if (reply.positive()) {
    user_ = std::move(claimed_user_);
    errors_ = 0;
  } else if (reply.kind() == 5 && ++errors_ >= options_.errors) {
    say("421 4.7.0 too many errors\r\n");
    state_ = State::closing;
    why_closed_ = ask::Close::Why::too_many_errors;
  }
  claimed_user_.clear();
}

}  // namespace smtp
