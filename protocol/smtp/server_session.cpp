// The frame of the server machine: its buffer, what it asks next, the answers, the end of a transaction and of a
// session. Lines, commands, greetings and bodies have files of their own beside it. Never owes a reply twice, never
// loses a transaction that the owner knows of.
#include "protocol/smtp/server_session.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "protocol/base/wipe.hpp"

namespace smtp {
namespace {

constexpr std::size_t smallest_buffer = 4096;
constexpr std::size_t smallest_auth_buffer = 16384;  // an AUTH line must fit
constexpr std::size_t much_output = 8192;            // what a client that does not read makes us keep, and one reply
constexpr std::size_t idle_output = 4096;            // what an idle session may keep for its next replies

}  // namespace

ServerSession::ServerSession(const ServerOptions& options, Admission admission)
    : options_(options), admission_(admission), tls_(options.tls == ServerOptions::Tls::implicit) {
  // RFC 2034 §4: no enhanced code in the greeting.
  append(output_, admission == Admission::refused
                      ? Reply{554, "", options.hostname + " serves no mail for this address"}
                      : Reply{220, "", options.hostname + " ESMTP"});
}

ServerSession::ServerSession(const ServerOptions& options, const Reply& greeting)
    : options_(options),
      admission_(Admission::refused),
      tls_(options.tls == ServerOptions::Tls::implicit),
      state_(State::closing),
      why_closed_(ask::Close::Why::refused) {
  append(output_, Reply{greeting.code, "", options.hostname + " " + greeting.text});
}

// ---- input

void ServerSession::lend(std::span<char> buffer) {
  const auto smallest = options_.auth == ServerOptions::Auth::none ? smallest_buffer : smallest_auth_buffer;
  if (holds_buffer() || buffer.size() < smallest) throw std::logic_error("lend: a buffer is held, or this is small");
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
  if (client_gone_) {
    // A transaction, half a line and half a body are never as good as ended.
    const bool between = state_ == State::command && greeted_ && !mail_given_ && begin_ == end_ && !skipping_line_;
    if (!between || !options_.leniency.no_quit) return close_session(ask::Close::Why::client_gone);
    leniencies_used_.no_quit = true;
    return close_session(ask::Close::Why::quit);
  }
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (begin_ > 0 && buffer_.size() - end_ < buffer_.size() / 2) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    // The move leaves octets behind the end, which may be of a line that holds a password.
    const bool of_lines = state_ == State::command || state_ == State::auth;
    if (of_lines) base::wipe(buffer_.subspan(std::max(begin_, end_ - begin_), std::min(begin_, end_ - begin_)));
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
    // Commands are shorter than their replies: whoever sends many and reads none is not to fill the memory.
    if (state_ == State::command && output_.size() - written_ >= much_output && !client_gone_) return ask::Flush{};
    std::optional<ServerAction> action;
    switch (state_) {
      case State::command: action = next_command(); break;
      case State::auth: action = next_auth(); break;
      case State::body: action = next_body(); break;
      case State::chunk: action = next_chunk(); break;
      case State::discard: action = next_discard(); break;
      case State::closing:
        if (auto dropped = drop_transaction()) return std::move(*dropped);
        state_ = State::closed;
        base::wipe(buffer_.subspan(begin_, end_ - begin_));  // half a line of AUTH, perhaps
        begin_ = end_ = 0;
        break;
      case State::closed: return ask::Close{why_closed_};
      case State::body_end: answer_owed_ = true; return ask::BodyEnd{};
      case State::starttls: answer_owed_ = true; return ask::StartTls{};
      case State::handshake: throw std::logic_error("next: how the handshake went was not said");
      case State::authenticate:
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

std::optional<ServerAction> ServerSession::close_for_shutdown() {
  append(output_, Reply{421, "4.3.2", *shutdown_words_});
  return close_session(ask::Close::Why::shutdown);
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
  leniencies_used_ = leniencies_used();  // before the next message's facts replace these
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
    case State::authenticate: verdict_on_client(replies.front()); break;
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
      scanner_.emplace(normalizes() ? BareNewline::normalize : BareNewline::reject,
                       utf8_ ? Headers::every_level : Headers::own);
      break;
    default: clear_transaction();
  }
}

}  // namespace smtp
