// The body side of the server machine: the hold, the stream behind it, and content that is refused.
// Never gives the owner an octet of a message that is refused already, never BodyEnd for one that did not end.
#include <algorithm>
#include <utility>

#include "protocol/smtp/server_session.hpp"

namespace smtp {
namespace {

constexpr std::size_t end_marker = 3;
constexpr std::size_t smallest_hold = 4096;  // when the buffer is away

}  // namespace

const BodyFacts& ServerSession::body() const {
  return scanner_ ? scanner_->facts() : facts_;
}

bool ServerSession::normalizes() const {
  return options_.bare_newline == BareNewline::normalize || options_.leniency.bare_newlines;
}

Leniency ServerSession::leniencies_used() const {
  Leniency used = leniencies_used_;
  used.bare_newlines |= normalizes() && body().bare_newline;
  return used;
}

std::optional<ServerAction> ServerSession::next_body() {
  if (!message_ended_) {
    const auto piece = scanner_->scan(unread().substr(scanned_));
    hold(piece);
    message_ended_ = piece.end;
  }
  if (content_refusal_.empty()) {
    content_refusal_ = refusal_of_content();
    if (!content_refusal_.empty()) return ask::Abandon{ask::Abandon::Why::refused_content};
    if (message_ended_) return body_part(true);
    if ((streaming_ && scanned_ + held_.size() > 0) || hold_is_full()) return body_part(false);
    return need_input();
  }
  drop_held();  // the rest is swallowed to its end
  if (!message_ended_) return need_input();
  refuse_content();
  return std::nullopt;
}

// Octets of a chunk are none of DATA's: they are stuffed first, and the scanner sees what DATA would have brought, so
// that one rule says what a bare newline is and where a message ends (SMTP-23, SMTP-03).
std::optional<ServerAction> ServerSession::next_chunk() {
  const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(octets_left_, unread().size()));
  octets_left_ -= take;
  const bool end = octets_left_ == 0 && last_chunk_;
  if (content_refusal_.empty()) {
    std::string wire = std::move(chunk_carry_);
    stuff_chunk(unread().substr(0, take), wire);
    if (end && !chunk_line_start_) scanner_->note_added_newline();
    if (end) wire += chunk_line_start_ ? ".\r\n" : "\r\n.\r\n";
    const auto piece = scanner_->scan(wire);
    held_.append(piece.canonical);
    message_ended_ = piece.end;
    chunk_carry_ = wire.substr(piece.consumed);
  }
  begin_ += take;
  if (content_refusal_.empty()) {
    content_refusal_ = refusal_of_content();
    if (!content_refusal_.empty()) return ask::Abandon{ask::Abandon::Why::refused_content};
    if (message_ended_) return body_part(true);
    if (!held_.empty() && (streaming_ || hold_is_full())) return body_part(false);
  }
  if (octets_left_ > 0) return need_input();
  if (content_refusal_.empty()) {
    say("250 2.0.0 chunk taken\r\n");
  } else if (last_chunk_) {
    refuse_content();
  } else {
    say(content_refusal_);  // and nothing but RSET helps now
    drop_held();
  }
  state_ = State::command;
  return std::nullopt;
}

std::optional<ServerAction> ServerSession::next_discard() {
  const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(octets_left_, unread().size()));
  octets_left_ -= take;
  begin_ += take;
  if (octets_left_ > 0) return need_input();
  state_ = State::command;
  if (!discard_reply_.empty()) refuse(discard_reply_);
  return std::nullopt;
}

void ServerSession::stuff_chunk(std::string_view octets, std::string& wire) {
  wire.reserve(wire.size() + octets.size() + 64);
  for (const char c : octets) {
    if (chunk_line_start_ && c == '.') wire += '.';
    wire += c;
    chunk_line_start_ = chunk_return_ && c == '\n';
    chunk_return_ = c == '\r';
  }
}

/// Keeps what was scanned: in the buffer as it came, or, once the canonical form differs, as a string.
void ServerSession::hold(const DataScanner::Piece& piece) {
  const std::size_t marker = piece.end ? end_marker : 0;
  const bool as_it_came = piece.canonical.data() == buffer_.data() + begin_ + scanned_;
  if (held_.empty() && as_it_came) {
    scanned_ += piece.consumed;
    canonical_ += piece.consumed - marker;
    return;
  }
  held_.append(unread().substr(0, canonical_));
  held_.append(piece.canonical);
  begin_ += scanned_ + piece.consumed;
  scanned_ = canonical_ = 0;
}

bool ServerSession::hold_is_full() {
  if (!held_.empty()) return held_.size() >= std::max(buffer_.size(), smallest_hold);
  return begin_ == 0 && end_ == buffer_.size() && scanned_ > 0;
}

void ServerSession::drop_held() {
  begin_ += std::exchange(scanned_, 0);
  canonical_ = 0;
  held_.clear();
  part_out_ = false;
}

std::string_view ServerSession::refusal_of_content() const {
  const BodyFacts& facts = scanner_->facts();
  if (facts.bare_newline && !normalizes()) {
    return "550 5.6.0 the message holds a bare CR or LF\r\n";  // SMTP-03
  }
  if (facts.received >= options_.received_limit) return "554 5.4.6 too many hops, this mail runs in a loop\r\n";
  if (facts.octets > options_.message_size) return "552 5.3.4 the message is larger than is taken here\r\n";
  return {};
}

void ServerSession::refuse_content() {
  // RFC 2033 §4.2: after LHLO each accepted recipient has a reply.
  for (std::size_t i = lmtp() ? accepted_ : 1; i > 0; --i) say(content_refusal_);
  clear_transaction();
  state_ = State::command;
}

ServerAction ServerSession::body_part(bool last) {
  streaming_ = part_out_ = true;
  if (last) state_ = State::body_end;
  return ask::BodyPart{held_.empty() ? unread().substr(0, canonical_) : std::string_view(held_), last};
}

}  // namespace smtp
