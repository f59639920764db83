// What the two sides agree on before mail: EHLO and its offers, STARTTLS. Never offers what is not served now, never
// keeps what was said before the handshake.
#include <stdexcept>
#include <utility>

#include "protocol/smtp/server_session.hpp"

namespace smtp {
namespace {

constexpr std::size_t most_limit = 999'999;  // RFC 9422 §4.1: six digits

}  // namespace

/// RFC 9422 §3: the limits that are set. LHLO has a reply for each recipient, whatever its domain (SMTP-65).
std::string ServerSession::limits_offered() const {
  std::string limits;
  const auto add = [&limits](std::string_view name, std::size_t value) {
    if (value == 0 || value > most_limit) return;
    limits += (limits.empty() ? "" : " ") + std::string(name) + "=" + std::to_string(value);
  };
  add("RCPTMAX", options_.recipients);
  if (!lmtp()) add("RCPTDOMAINMAX", options_.recipient_domains);
  return limits;
}

/// What stands behind the keyword; empty: nothing does.
std::string ServerSession::parameters_of(Extension extension) const {
  switch (extension) {
    case Extension::size: return std::to_string(options_.message_size);
    case Extension::limits: return limits_offered();
    case Extension::auth: return auth_offered() ? "PLAIN LOGIN" : "";
    default: return {};
  }
}

bool ServerSession::is_offered(const ExtensionRow& row) const {
  switch (row.offered) {
    case OfferedWhen::always: return true;
    case OfferedWhen::before_tls: return starttls_offered();
    case OfferedWhen::inside_tls: return tls_;
    case OfferedWhen::where_it_counts: return !parameters_of(row.extension).empty();
  }
  return false;
}

bool ServerSession::starttls_offered() const {
  return !tls_ && options_.tls != ServerOptions::Tls::none;
}

std::optional<ServerAction> ServerSession::run_hello(command::Hello hello) {
  using Verb = command::Hello::Verb;
  if (hello.verb == Verb::lhlo && !options_.lmtp) {
    refuse("500 5.5.1 this command is not known\r\n");
    return std::nullopt;
  }
  if (greeted_ && (hello.verb == Verb::lhlo) != lmtp()) {
    refuse("503 5.5.1 SMTP and LMTP do not mix in a session\r\n");  // SMTP-65
    return std::nullopt;
  }
  errors_ = 0;
  greeted_ = true;
  mail_refused_ = false;
  client_ = {std::move(hello.name), hello.verb};
  // RFC 2034 §4: no enhanced code in these.
  Reply reply{250, "", options_.hostname};
  if (client_.verb != Verb::helo) {
    for (const auto& row : extensions) {
      if (!is_offered(row)) continue;
      const auto parameters = parameters_of(row.extension);
      reply.text += '\n' + std::string(row.keyword) + (parameters.empty() ? "" : " ") + parameters;
    }
  }
  append(output_, reply);
  return drop_transaction();
}

std::optional<ServerAction> ServerSession::run_starttls() {
  if (!starttls_offered()) {
    refuse(tls_ ? "503 5.5.1 TLS is active already\r\n" : "502 5.5.1 this command is not served here\r\n");
    return std::nullopt;
  }
  if (begin_ != end_) {
    // RFC 3207 §4.2, SMTP-19: STARTTLS is the last of its group. What stands behind it may be anybody's, and would be
    // taken for the client's own words inside TLS.
    say("503 5.5.1 nothing may follow STARTTLS before its reply\r\n");
    return close_session(ask::Close::Why::injected);
  }
  errors_ = 0;
  state_ = State::starttls;
  return drop_transaction();
}

void ServerSession::tls_started() {
  if (state_ != State::handshake) throw std::logic_error("tls_started: no handshake was asked for");
  state_ = State::command;
  tls_ = true;
  greeted_ = false;
  client_ = {};
  user_.clear();  // RFC 4954 §4: what was negotiated before TLS is void
  clear_transaction();
}

void ServerSession::tls_failed() {
  if (state_ != State::handshake) throw std::logic_error("tls_failed: no handshake was asked for");
  state_ = State::closed;
  why_closed_ = ask::Close::Why::client_gone;
  written(output().size());
}

}  // namespace smtp
