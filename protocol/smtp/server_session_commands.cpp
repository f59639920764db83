// The commands of the server machine and their sequence (RFC 5321 §4.1.4). Never asks the owner about what it can
// refuse itself, never lets an error pass without counting it.
#include <utility>

#include "protocol/base/text.hpp"
#include "protocol/smtp/server_session.hpp"

namespace smtp {

std::optional<ServerAction> ServerSession::run(Command command) {
  if (admission_ == Admission::refused && !std::holds_alternative<command::Quit>(command)) {
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
  if (auto* auth = std::get_if<command::Auth>(&command)) return run_auth(std::move(*auth));
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

std::optional<ServerAction> ServerSession::run_mail(Mail mail) {
  if (!greeted_) {
    refuse("503 5.5.1 EHLO comes first\r\n");
    return std::nullopt;
  }
  if (admission_ == Admission::must_authenticate && user_.empty()) {
    refuse("530 5.7.0 Authentication required\r\n");  // RFC 4954 §6, OPS-01
    mail_refused_ = true;
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
    auto command = parse_command(line.substr(0, line.size() - 2), offer(), options_.leniency, leniencies_used_);
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
