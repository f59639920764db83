// One pass over the octets of a message. Never lets anything but CRLF . CRLF end it, and never copies what is canonical
// already.
#include "protocol/smtp/data_scanner.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"

namespace smtp {
namespace {

constexpr std::string_view field_name = "received";
constexpr unsigned another_field = 100;

}  // namespace

DataScanner::Piece DataScanner::scan(std::string_view wire) {
  mended_.clear();
  differs_ = false;
  copied_ = 0;
  stuffing_ = 0;

  Piece piece;
  std::size_t at = 0;
  std::size_t lf =
      std::min(wire.find('\n'), wire.size());  // the next LF: a thousand bare CRs before it cost one search
  while (at < wire.size()) {
    if (line_ != Line::inside && wire[at] == '.') {
      if (line_ == Line::start && wire.substr(at, 3) == ".\r\n") {
        piece.end = true;
        break;
      }
      if (!take_dot(wire, at)) break;
    }
    if (lf < at) lf = std::min(wire.find('\n', at), wire.size());
    const std::size_t newline = std::min(wire.substr(0, lf).find('\r', at), lf);  // the first CR or LF, or the end
    if (newline > at) {
      line_ = Line::inside;
      if (in_header_) header_octets(wire.substr(at, newline - at));
      at = newline;
    }
    if (at == wire.size()) break;
    if (wire[at] == '\n') {
      bare_newline(wire, at++);
    } else if (at + 1 == wire.size()) {
      break;  // what a CR is depends on the octet behind it
    } else if (wire[at + 1] == '\n') {
      if (in_header_) header_line_end();
      line_ = Line::start;
      at += 2;
    } else {
      bare_newline(wire, at++);
    }
  }

  const std::string_view seen = wire.substr(0, at);
  if (!facts_.eight_bit) facts_.eight_bit = base::has_eight_bit(seen);
  if (differs_) {
    mended_.append(seen.substr(copied_));
    piece.canonical = mended_;
  } else {
    piece.canonical = seen;
  }
  if (headers_ == Headers::every_level && !part_headers_.over()) {
    part_headers_.scan(piece.canonical);
    facts_.eight_bit_header = facts_.eight_bit_header || part_headers_.eight_bit();
  }
  facts_.octets += piece.canonical.size() - stuffing_;
  piece.consumed = piece.end ? at + 3 : at;
  return piece;
}

/// A dot that begins a line. False: what it is cannot be known yet.
bool DataScanner::take_dot(std::string_view wire, std::size_t& at) {
  if (line_ == Line::mended) {
    // SMTP-03: the client did not mean a line to begin here, so the dot is content and needs one before it.
    replace(wire, at, 0, ".");
    ++stuffing_;
    line_ = Line::inside;
    return true;
  }
  const std::string_view rest = wire.substr(at);
  if (rest == "." || rest == ".\r") return false;
  if (rest[1] == '.') {
    ++stuffing_;
  } else {
    replace(wire, at, 1, "");  // RFC 5321 §4.5.2: the first dot of a line is deleted, whatever follows
  }
  ++at;
  line_ = Line::inside;
  return true;
}

void DataScanner::bare_newline(std::string_view wire, std::size_t at) {
  facts_.bare_newline = true;
  if (in_header_) header_line_end();
  if (mode_ == BareNewline::normalize) {
    replace(wire, at, 1, "\r\n");
    line_ = Line::mended;
  } else {
    line_ = Line::inside;
  }
}

void DataScanner::replace(std::string_view wire, std::size_t at, std::size_t count, std::string_view text) {
  differs_ = true;
  mended_.append(wire.substr(copied_, at - copied_));
  mended_.append(text);
  copied_ = at + count;
}

void DataScanner::header_octets(std::string_view octets) {
  header_line_empty_ = false;
  if (!facts_.eight_bit_header) facts_.eight_bit_header = base::has_eight_bit(octets);
  for (const char c : octets) {
    if (name_matched_ == another_field) return;
    if (name_matched_ < field_name.size()) {
      name_matched_ = base::to_lower(c) == field_name[name_matched_] ? name_matched_ + 1 : another_field;
    } else if (c == ':') {
      ++facts_.received;
      name_matched_ = another_field;
    } else if (c != ' ' && c != '\t') {  // RFC 5322 §4.5.3: blanks before the colon
      name_matched_ = another_field;
    }
  }
}

void DataScanner::header_line_end() {
  if (header_line_empty_) in_header_ = false;
  header_line_empty_ = true;
  name_matched_ = 0;
}

}  // namespace smtp
