// Octet by octet, as a header is read: fields, folds, comments. Never counts a field that another reader might not see.
#include "protocol/mime/header_scanner.hpp"

#include "protocol/base/text.hpp"

namespace mime {
namespace {

constexpr std::string_view field_name = "tls-required";
constexpr std::size_t kept = 16;  // octets of a name or a value: more than either has that counts

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

}  // namespace

void HeaderScanner::scan(std::string_view wire) {
  for (const char c : wire) {
    if (state_ == State::complete || state_ == State::malformed) return;
    if (return_ && c == '\n') {
      return_ = false;
      end_line();
      continue;
    }
    if (return_) take('\r');  // alone: no reader's line end
    return_ = c == '\r';
    if (!return_) take(c);
  }
}

void HeaderScanner::end() {
  if (state_ == State::malformed || state_ == State::complete) return;
  const bool between_lines = state_ == State::line_start && !return_;
  if (between_lines) end_field();
  state_ = between_lines ? State::complete : State::malformed;
}

void HeaderScanner::take(char c) {
  if (state_ == State::line_start) return begin_line(c);
  if (state_ == State::name) return take_name(c);
  if (state_ == State::value) return take_value(c);
}

void HeaderScanner::begin_line(char c) {
  if (is_blank(c)) {
    state_ = folded_;  // RFC 5322 §2.2.3; a header does not begin with a fold
    if (state_ == State::value) take_value(c);
    return;
  }
  end_field();
  name_.clear();
  word_.clear();
  blank_ = quoted_ = false;
  comments_ = 0;
  state_ = State::name;
  take_name(c);
}

void HeaderScanner::take_name(char c) {
  if (c == ':') {
    if (name_.empty()) {
      state_ = State::malformed;
      return;
    }
    state_ = name_ == field_name ? State::value : State::other;
    present_.date |= name_ == "date";
    present_.from |= name_ == "from";
    present_.message_id |= name_ == "message-id";
    folded_ = state_;
    blank_ = false;
    return;
  }
  // RFC 5322 §3.6.8, and §4.5.8: blanks before the colon are old, and still read.
  const bool of_a_name = base::is_printable(c) && c != ' ' && !blank_;
  if (is_blank(c)) {
    blank_ = true;
  } else if (!of_a_name) {
    state_ = State::malformed;
  } else if (name_.size() < kept) {
    name_ += base::to_lower(c);
  }
}

void HeaderScanner::take_value(char c) {
  if (comments_ > 0) {
    if (quoted_) {
      quoted_ = false;
    } else if (c == '\\') {
      quoted_ = true;
    } else if (c == '(') {
      ++comments_;
    } else if (c == ')') {
      --comments_;
    }
    return;
  }
  if (c == '(') ++comments_;
  if (c == '(' || is_blank(c)) {
    blank_ = !word_.empty();
    return;
  }
  // A second word: the blank between them keeps the value from being one.
  if (blank_ && word_.size() < kept) word_ += ' ';
  blank_ = false;
  if (word_.size() < kept) word_ += base::to_lower(c);
}

void HeaderScanner::end_line() {
  switch (state_) {
    case State::line_start:
      end_field();
      state_ = State::complete;
      break;
    case State::name: state_ = State::malformed; break;
    case State::value:
    case State::other: state_ = State::line_start; break;
    case State::complete:
    case State::malformed: break;
  }
}

/// The field before this line is over: no fold of it follows.
void HeaderScanner::end_field() {
  if (folded_ == State::value) {
    ++fields_;
    says_no_ = word_ == "no" && comments_ == 0;
  }
  folded_ = State::malformed;
}

}  // namespace mime
