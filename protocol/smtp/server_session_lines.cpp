// The lines of the server machine: where one ends, how long it may be, what it says. Never runs what stands behind a
// malformed line end, never keeps a line that is longer than its limit.
#include "protocol/base/text.hpp"
#include "protocol/base/wipe.hpp"
#include "protocol/smtp/server_session.hpp"

namespace smtp {
namespace {

// RFC 5321 §4.5.3.1.4 and RFC 1870 §3: with CRLF, and what SIZE adds to MAIL (SMTP-07).
constexpr std::size_t line_limit = 512;
constexpr std::size_t mail_line_limit = line_limit + 26;
constexpr std::size_t auth_room = 500;          // in MAIL; RFC 4954 §3
constexpr std::size_t auth_line_limit = 12288;  // RFC 4954 §4
constexpr std::size_t requiretls_room = 11;     // RFC 8689 §2
constexpr std::size_t smtputf8_room = 10;       // RFC 6531 §3.4
// RFC 3461 §4.1 to §4.4: the longest that each parameter can be.
constexpr std::size_t dsn_mail_room = std::string_view(" RET=HDRS ENVID=").size() + 100;
constexpr std::size_t dsn_rcpt_room = std::string_view(" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=").size() + 500;

}  // namespace

/// The first line with its CRLF, which alone ends it (SMTP-01); empty when it is not complete.
std::string_view ServerSession::complete_line() const {
  const std::string_view octets = unread();
  for (std::size_t lf = octets.find('\n'); lf != std::string_view::npos; lf = octets.find('\n', lf + 1)) {
    if (lf > 0 && octets[lf - 1] == '\r') return octets.substr(0, lf + 1);
  }
  return {};
}

/// Drops the rest of an overlong line, as far as it has come. False: its end is still to come.
bool ServerSession::skip_line() {
  const std::string_view line = complete_line();
  if (line.empty()) {
    const auto kept = unread().ends_with('\r') ? std::size_t{1} : std::size_t{0};
    forget_line(unread().substr(0, unread().size() - kept));
    return false;
  }
  forget_line(line);
  skipping_line_ = false;
  return true;
}

/// Takes a line that stands at the beginning of what is unread: nothing of it stays in the buffer where it may have
/// been a password.
void ServerSession::forget_line(std::string_view line) {
  const bool secret = state_ == State::auth || base::starts_with_ignoring_case(line, "AUTH") || skipping_line_;
  if (secret) base::wipe(buffer_.subspan(begin_, line.size()));
  begin_ += line.size();
}

/// Whether a line is there, or `line` is empty and an overlong one was refused. False: more input is needed.
bool ServerSession::next_line(std::string_view& line) {
  line = {};
  if (!skipping_line_) {
    line = complete_line();
    if (!line.empty() && line.size() <= limit_of(line)) return true;
    if (line.empty() && unread().size() <= limit_of(unread())) return false;
    skipped_reply_ = too_long();
    skipping_line_ = true;
    line = {};
  }
  return skip_line();
}

std::optional<ServerAction> ServerSession::next_command() {
  if (shutdown_words_) return close_for_shutdown();
  std::string_view line;
  if (!next_line(line)) return need_input();
  if (line.empty()) {
    refuse(skipped_reply_);
    return std::nullopt;
  }
  Command command = parse_command(line.substr(0, line.size() - 2), offer(), options_.leniency, leniencies_used_);
  // DATA behind recipients that were malformed is answered like DATA behind recipients that were refused.
  if (mail_given_ && std::holds_alternative<Reply>(command) && base::starts_with_ignoring_case(line, "RCPT "))
    ++recipients_;
  forget_line(line);
  return run(std::move(command));
}

/// What a line that begins like this one may have, its CRLF included.
std::size_t ServerSession::limit_of(std::string_view line) const {
  if (state_ == State::auth) return auth_line_limit;
  const Offer offered = offer();
  if (base::starts_with_ignoring_case(line, "MAIL ")) {
    return mail_line_limit + (offered.requiretls ? requiretls_room : 0) + (offered.dsn ? dsn_mail_room : 0) +
           (offered.smtputf8 ? smtputf8_room : 0) + (offered.auth ? auth_room : 0);
  }
  if (base::starts_with_ignoring_case(line, "RCPT ")) return line_limit + (offered.dsn ? dsn_rcpt_room : 0);
  return options_.auth != ServerOptions::Auth::none && base::starts_with_ignoring_case(line, "AUTH ") ? auth_line_limit
                                                                                                      : line_limit;
}

// RFC 2920 §3.1: DATA may end the flight that the recipients came in, and the message never does.
bool ServerSession::waits_for_more() const {
  return unread().empty() || base::equals_ignoring_case(unread(), "DATA\r\n");
}

/// The reply to a line above its limit.
std::string_view ServerSession::too_long() const {
  const bool auth = state_ == State::auth || base::starts_with_ignoring_case(unread(), "AUTH ");
  // RFC 4954 §4 and §6
  if (auth && options_.auth != ServerOptions::Auth::none) return "500 5.5.6 the authentication line is too long\r\n";
  return "500 5.5.2 the line is too long\r\n";
}

/// HELO is offered nothing. RFC 8689 §2: REQUIRETLS is offered inside TLS only.
Offer ServerSession::offer() const {
  const bool extended = greeted_ && client_.verb != command::Hello::Verb::helo;
  return {.requiretls = extended && tls_,
          .dsn = extended,
          .smtputf8 = extended,
          .auth = auth_offered(),
          .utf8_addresses = utf8_};
}

}  // namespace smtp
