// The command side of the server machine: lines, sequence, replies, the end of a session. The body is in
// server_session_body.cpp. Never runs what stands behind a malformed line end, never owes a reply twice, never asks
// about what it can refuse itself.
#include "protocol/smtp/server_session.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "protocol/base/text.hpp"

namespace smtp {
namespace {

// RFC 5321 §4.5.3.1.4 and RFC 1870 §3: with CRLF, and what SIZE adds to MAIL (SMTP-07).
constexpr std::size_t line_limit = 512;
constexpr std::size_t mail_line_limit = line_limit + 26;
constexpr std::size_t requiretls_room = 11;  // RFC 8689 §2
constexpr std::size_t smtputf8_room = 10;    // RFC 6531 §3.4
// RFC 3461 §4.1 to §4.4: the longest that each parameter can be.
constexpr std::size_t dsn_mail_room = std::string_view(" RET=HDRS ENVID=").size() + 100;
constexpr std::size_t dsn_rcpt_room = std::string_view(" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=").size() + 500;
constexpr std::size_t smallest_buffer = 4096;
constexpr std::size_t idle_output = 4096;  // what an idle session may keep for its next replies

}  // namespace

ServerSession::ServerSession(const ServerOptions& options, bool accepted)
    : options_(options), accepted_client_(accepted), tls_(options.tls == ServerOptions::Tls::implicit) {
  // RFC 2034 §4: no enhanced code in the greeting.
  append(output_, accepted ? Reply{220, "", options.hostname + " ESMTP"}
                           : Reply{554, "", options.hostname + " serves no mail for this address"});
}

ServerSession::ServerSession(const ServerOptions& options, const Reply& greeting)
    : options_(options),
      accepted_client_(false),
      tls_(options.tls == ServerOptions::Tls::implicit),
      state_(State::closing),
      why_closed_(ask::Close::Why::refused) {
  append(output_, Reply{greeting.code, "", options.hostname + " " + greeting.text});
}

// ---- input

void ServerSession::lend(std::span<char> buffer) {
  if (holds_buffer() || buffer.size() < smallest_buffer)
    throw std::logic_error("lend: a buffer is held, or this is small");
  buffer_ = buffer;
  begin_ = end_ = 0;
}

std::span<char> ServerSession::reclaim() {
  if (begin_ != end_ || part_out_) return {};
  begin_ = end_ = 0;
  return std::exchange(buffer_, {});
}

std::span<char> ServerSession::input() {
  return buffer_.subspan(end_);
}

void ServerSession::received(std::size_t octets) {
  if (octets > buffer_.size() - end_) throw std::logic_error("received: more than there was room for");
  if (octets == 0) client_gone_ = true;
  end_ += octets;
}

void ServerSession::written(std::size_t octets) {
  written_ += octets;
  if (written_ < output_.size()) return;
  written_ = 0;
  output_.clear();
  if (output_.capacity() > idle_output) output_ = std::string();
}

std::optional<ServerAction> ServerSession::need_input() {
  if (client_gone_) return close_session(ask::Close::Why::client_gone);
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ > 0 && buffer_.size() - end_ < buffer_.size() / 2) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  return ask::Input{};
}

// ---- actions

ServerAction ServerSession::next() {
  if (answer_owed_) throw std::logic_error("next: the last action was not answered");
  if (part_out_) drop_held();
  for (;;) {
    std::optional<ServerAction> action;
    switch (state_) {
      case State::command: action = next_command(); break;
      case State::body: action = next_body(); break;
      case State::chunk: action = next_chunk(); break;
      case State::discard: action = next_discard(); break;
      case State::closing:
        if (auto dropped = drop_transaction()) return std::move(*dropped);
        state_ = State::closed;
        begin_ = end_ = 0;
        break;
      case State::closed: return ask::Close{why_closed_};
      case State::body_end: answer_owed_ = true; return ask::BodyEnd{};
      case State::starttls: answer_owed_ = true; return ask::StartTls{};
      case State::handshake: throw std::logic_error("next: how the handshake went was not said");
      case State::mail:
      case State::recipients:
      case State::data: throw std::logic_error("next: the last action was not answered");
    }
    if (action) return std::move(*action);
  }
}

/// Tells the owner, unless it was told already that the message is refused.
std::optional<ServerAction> ServerSession::close_session(ask::Close::Why why) {
  state_ = State::closing;
  why_closed_ = why;
  if (!content_refusal_.empty()) clear_transaction();
  if (!mail_given_) return std::nullopt;
  return abandon(why == ask::Close::Why::client_gone ? ask::Abandon::Why::client_gone : ask::Abandon::Why::reset);
}

ServerAction ServerSession::abandon(ask::Abandon::Why why) {
  clear_transaction();
  return ask::Abandon{why};
}

/// A message that was refused already is dropped without another word.
std::optional<ServerAction> ServerSession::drop_transaction() {
  if (!content_refusal_.empty()) clear_transaction();
  if (!mail_given_) return std::nullopt;
  return abandon(ask::Abandon::Why::reset);
}

void ServerSession::clear_transaction() {
  mail_given_ = mail_refused_ = false;
  recipients_ = accepted_ = 0;
  if (scanner_) facts_ = scanner_->facts();
  scanner_.reset();
  drop_held();
  held_ = std::string();
  message_ended_ = streaming_ = false;
  content_refusal_ = {};
  utf8_ = chunking_ = false;
  chunk_line_start_ = true;
  chunk_return_ = false;
  chunk_carry_ = std::string();
}

void ServerSession::shut_down(std::string_view words) {
  shutdown_words_ = words;
}

void ServerSession::close_with(const Reply& reply) {
  if (state_ == State::closed) return;
  append(output_, reply);
  answer_owed_ = false;
  if (!content_refusal_.empty()) clear_transaction();
  state_ = State::closing;
  why_closed_ = ask::Close::Why::shutdown;
}

// ---- lines

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
    begin_ = unread().ends_with('\r') ? end_ - 1 : end_;
    return false;
  }
  begin_ += line.size();
  skipping_line_ = false;
  return true;
}

std::optional<ServerAction> ServerSession::next_command() {
  if (shutdown_words_) {
    append(output_, Reply{421, "4.3.2", *shutdown_words_});
    return close_session(ask::Close::Why::shutdown);
  }
  constexpr std::string_view too_long = "500 5.5.2 the line is too long\r\n";
  if (skipping_line_) {
    if (!skip_line()) return need_input();
    refuse(too_long);
    return std::nullopt;
  }
  const std::string_view line = complete_line();
  if (line.empty()) {
    skipping_line_ = unread().size() > longest_line();
    return skipping_line_ ? std::nullopt : need_input();
  }
  begin_ += line.size();
  if (line.size() > limit_of(line)) {
    refuse(too_long);
    return std::nullopt;
  }
  Command command = parse_command(line.substr(0, line.size() - 2), offer());
  // DATA behind recipients that were malformed is answered like DATA behind recipients that were refused.
  if (mail_given_ && std::holds_alternative<Reply>(command) && base::starts_with_ignoring_case(line, "RCPT "))
    ++recipients_;
  return run(std::move(command));
}

/// What a line that begins like this one may have, its CRLF included.
std::size_t ServerSession::limit_of(std::string_view line) const {
  const Offer offered = offer();
  if (base::starts_with_ignoring_case(line, "MAIL ")) {
    return mail_line_limit + (offered.requiretls ? requiretls_room : 0) + (offered.dsn ? dsn_mail_room : 0) +
           (offered.smtputf8 ? smtputf8_room : 0);
  }
  const bool rcpt = base::starts_with_ignoring_case(line, "RCPT ");
  return line_limit + (rcpt && offered.dsn ? dsn_rcpt_room : 0);
}

/// What any line may have.
std::size_t ServerSession::longest_line() const {
  return std::max(limit_of("MAIL "), limit_of("RCPT "));
}

/// HELO is offered nothing. RFC 8689 §2: REQUIRETLS is offered inside TLS only.
Offer ServerSession::offer() const {
  const bool extended = greeted_ && client_.verb != command::Hello::Verb::helo;
  return {.requiretls = extended && tls_, .dsn = extended, .smtputf8 = extended, .utf8_addresses = utf8_};
}

bool ServerSession::starttls_offered() const {
  return !tls_ && options_.tls != ServerOptions::Tls::none;
}

// ---- commands

std::optional<ServerAction> ServerSession::run(Command command) {
  if (!accepted_client_ && !std::holds_alternative<command::Quit>(command)) {
    refuse("503 5.5.1 only QUIT is served here\r\n");  // RFC 5321 §3.1, OPS-01
    return std::nullopt;
  }
  if (const auto* refusal = std::get_if<Reply>(&command)) {
    refuse(*refusal);
    return std::nullopt;
  }
  if (auto* hello = std::get_if<command::Hello>(&command)) return run_hello(std::move(*hello));
  if (std::holds_alternative<command::StartTls>(command)) return run_starttls();
  const bool harmless =
      std::holds_alternative<command::Noop>(command) || std::holds_alternative<command::Quit>(command);
  if (options_.tls == ServerOptions::Tls::require_starttls && !tls_ && !harmless) {
    refuse("530 5.7.0 Must issue a STARTTLS command first\r\n");  // RFC 3207 §4
    return std::nullopt;
  }
  if (auto* mail = std::get_if<Mail>(&command)) return run_mail(std::move(*mail));
  if (auto* rcpt = std::get_if<Rcpt>(&command)) return collect_recipients(std::move(*rcpt));
  if (std::holds_alternative<command::Data>(command)) return run_data();
  if (const auto* bdat = std::get_if<command::Bdat>(&command)) return run_bdat(*bdat);

  errors_ = 0;
  if (std::holds_alternative<command::Rset>(command)) {
    say("250 2.0.0 forgotten\r\n");
    mail_refused_ = false;
    return drop_transaction();
  } else if (std::holds_alternative<command::Quit>(command)) {
    say("221 2.0.0 bye\r\n");
    return close_session(ask::Close::Why::quit);
  } else if (std::holds_alternative<command::Noop>(command)) {
    say("250 2.0.0 ok\r\n");
  } else if (std::holds_alternative<command::Help>(command)) {
    say("214 2.0.0 this is an SMTP relay, see RFC 5321\r\n");
  } else if (std::holds_alternative<command::Vrfy>(command)) {
    say("252 2.5.0 not verified, send it and see\r\n");
  }
  return std::nullopt;
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
    reply.text += "\nPIPELINING\nSIZE " + std::to_string(options_.message_size) +
                  "\n8BITMIME\nSMTPUTF8\nCHUNKING\nENHANCEDSTATUSCODES\nDSN";
    if (starttls_offered()) reply.text += "\nSTARTTLS";
    if (offer().requiretls) reply.text += "\nREQUIRETLS";
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

std::optional<ServerAction> ServerSession::run_mail(Mail mail) {
  if (!greeted_) {
    refuse("503 5.5.1 EHLO comes first\r\n");
    return std::nullopt;
  }
  if (mail_given_) {
    refuse("503 5.5.1 a transaction is open already\r\n");
    return std::nullopt;
  }
  errors_ = 0;
  if (mail.size.value_or(0) > options_.message_size) {
    say("552 5.3.4 the message is larger than is taken here\r\n");  // RFC 1870 §6.1
    mail_refused_ = true;
    return std::nullopt;
  }
  facts_ = {};
  utf8_ = mail.smtputf8;
  state_ = State::mail;
  answer_owed_ = true;
  return ask::MailFrom{std::move(mail)};
}

std::optional<ServerAction> ServerSession::collect_recipients(Rcpt first) {
  if (!mail_given_) {
    constexpr std::string_view no_mail = "503 5.5.1 MAIL comes first\r\n";
    mail_refused_ ? say(no_mail) : refuse(no_mail);
    return std::nullopt;
  }
  errors_ = 0;
  if (chunking_) {
    say("503 5.5.1 the message has begun\r\n");
    return std::nullopt;
  }
  if (accepted_ >= options_.recipients) {
    say("452 4.5.3 too many recipients, send to these in another transaction\r\n");
    return std::nullopt;
  }
  ask::Recipients recipients;
  recipients.batch.push_back(std::move(first));
  while (accepted_ + recipients.batch.size() < options_.recipients) {
    const std::string_view line = complete_line();
    if (!base::starts_with_ignoring_case(line, "RCPT ") || line.size() > limit_of(line)) break;
    auto command = parse_command(line.substr(0, line.size() - 2), offer());
    auto* rcpt = std::get_if<Rcpt>(&command);
    if (rcpt == nullptr) break;  // its refusal comes behind the answers for these
    recipients.batch.push_back(std::move(*rcpt));
    begin_ += line.size();
  }
  asked_ = recipients.batch.size();
  recipients_ += asked_;
  state_ = State::recipients;
  answer_owed_ = true;
  return recipients;
}

std::optional<ServerAction> ServerSession::run_data() {
  if (chunking_) {
    say("503 5.5.1 BDAT and DATA do not mix\r\n");  // RFC 3030 §2
    return std::nullopt;
  }
  if (accepted_ == 0) {
    if (recipients_ > 0) {
      say("554 5.5.1 no recipient was accepted\r\n");
    } else if (mail_refused_) {
      say("503 5.5.1 MAIL was refused\r\n");
    } else {
      refuse("503 5.5.1 MAIL and RCPT come first\r\n");
    }
    return std::nullopt;
  }
  errors_ = 0;
  state_ = State::data;
  answer_owed_ = true;
  return ask::Body{};
}

std::optional<ServerAction> ServerSession::run_bdat(const command::Bdat& bdat) {
  octets_left_ = bdat.octets;
  last_chunk_ = bdat.last;
  if (!mail_given_ || accepted_ == 0 || !content_refusal_.empty()) {
    // RFC 3030 §2: whatever follows the line is no command (B-1).
    discard_reply_ = content_refusal_.empty() ? "503 5.5.1 MAIL and RCPT come first\r\n"
                                              : "503 5.5.1 the message was refused, RSET comes first\r\n";
    state_ = State::discard;
    return std::nullopt;
  }
  errors_ = 0;
  if (chunking_) {
    state_ = State::chunk;
    return std::nullopt;
  }
  chunking_ = true;
  state_ = State::data;
  answer_owed_ = true;
  return ask::Body{};
}

void ServerSession::tls_started() {
  if (state_ != State::handshake) throw std::logic_error("tls_started: no handshake was asked for");
  state_ = State::command;
  tls_ = true;
  greeted_ = false;
  client_ = {};
  clear_transaction();
}

void ServerSession::tls_failed() {
  if (state_ != State::handshake) throw std::logic_error("tls_failed: no handshake was asked for");
  state_ = State::closed;
  why_closed_ = ask::Close::Why::client_gone;
  written(output().size());
}

// ---- answers

void ServerSession::answer(std::span<const Reply> replies) {
  std::size_t due = 1;
  if (state_ == State::recipients) due = asked_;
  if (state_ == State::body_end && lmtp()) due = accepted_;
  if (!answer_owed_ || replies.size() != due) throw std::logic_error("answer: not what was asked for");
  answer_owed_ = false;
  const bool unsaid = state_ == State::data && chunking_ && replies.front().kind() == 3;
  for (const Reply& reply : replies) {
    if (!unsaid) append(output_, reply);
  }

  switch (std::exchange(state_, State::command)) {
    case State::starttls:
      if (replies.front().positive()) state_ = State::handshake;
      break;
    case State::mail:
      mail_given_ = replies.front().positive();
      mail_refused_ = !mail_given_;
      break;
    case State::recipients:
      for (const Reply& reply : replies) accepted_ += reply.positive();
      break;
    case State::data:
      if (replies.front().kind() != 3) {  // the transaction stays as it was
        if (std::exchange(chunking_, false) && octets_left_ > 0) state_ = State::discard;
        discard_reply_ = {};
        break;
      }
      state_ = chunking_ ? State::chunk : State::body;
      scanner_.emplace(options_.bare_newline);
      break;
    default: clear_transaction();
  }
}

void ServerSession::say(std::string_view line) {
  output_ += line;
}

/// Answers a command that was an error; too many of these in a row end the session (SMTP-49).
void ServerSession::refuse(std::string_view line) {
  if (++errors_ < options_.errors) return say(line);
  say("421 4.7.0 too many errors\r\n");
  state_ = State::closing;
  why_closed_ = ask::Close::Why::too_many_errors;
}

void ServerSession::refuse(const Reply& reply) {
  std::string line;
  append(line, reply);
  refuse(line);
}

}  // namespace smtp
