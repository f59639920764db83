// Line by line. In a body a line costs the search for its end and a look at its first octet.
#include "protocol/mime/part_headers.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"
#include "protocol/mime/content_type.hpp"

namespace mime {
namespace {

constexpr std::size_t kept_of_line = 1000;  // RFC 5321 §4.5.3.1.6: all of a line
constexpr std::size_t kept_of_field = 4096;
constexpr std::size_t most_levels = 32;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

/// The name in front of the colon, or nothing where the line is no field (RFC 5322 §2.2, with the blanks of §4.5).
std::string_view field_name(std::string_view line) {
  const auto end = line.find(':');
  if (end == line.npos) return {};
  const auto name = base::trim(line.substr(0, end));
  const bool good = std::all_of(name.begin(), name.end(), [](char c) { return base::is_printable(c) && c != ' '; });
  return good ? name : std::string_view();
}

/// Types whose content is fields from end to end.
bool is_all_fields(std::string_view subtype) {
  return subtype.starts_with("global-") || subtype == "delivery-status" || subtype == "disposition-notification" ||
         subtype == "feedback-report";
}

}  // namespace

void PartHeaders::scan(std::string_view wire) {
  while (!wire.empty() && state_ != State::over) {
    const auto end = wire.find('\n');
    const auto octets = wire.substr(0, end);
    if (!line_passed_) take(octets);
    if (end == wire.npos) return;
    if (state_ != State::over) end_line();
    wire.remove_prefix(end + 1);
  }
}

/// Some of a line.
void PartHeaders::take(std::string_view octets) {
  if (octets.empty()) return;
  if (state_ == State::body && line_.empty() && octets.front() != '-') {
    line_passed_ = true;
    return;
  }
  line_.append(octets.substr(0, kept_of_line - line_.size()));
  line_eight_bit_ = line_eight_bit_ || (state_ != State::body && base::has_eight_bit(octets));
  if (line_eight_bit_ && state_ != State::doubt) found();
}

void PartHeaders::end_line() {
  if (!line_passed_) {
    std::string_view line = line_;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!(line.starts_with("--") && delimiter(line)) && (state_ == State::header || state_ == State::doubt)) {
      header_line(line);
    }
  }
  line_.clear();
  line_eight_bit_ = line_passed_ = false;
}

/// True: what follows is another part, or the end of the parts.
bool PartHeaders::delimiter(std::string_view line) {
  const auto text = line.substr(2, line.find_last_not_of(" \t") - 1);  // RFC 2046 §5.1.1: blanks may follow
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
    const bool close = text.size() == level->boundary.size() + 2 && text.ends_with("--");
    if (!text.starts_with(level->boundary) || (text.size() != level->boundary.size() && !close)) continue;
    digest_ = level->digest;
    levels_.erase(close ? level.base() - 1 : level.base(), levels_.end());  // those within it end, too
    if (close) {
      body();
    } else {
      begin_header(State::header);
    }
    return true;
  }
  // Some readers compare no more than the boundary's length. What they close is left open for the others.
  const bool begins_alike = std::any_of(levels_.begin(), levels_.end(),
                                        [text](const Level& level) { return text.starts_with(level.boundary); });
  const bool in_body = state_ == State::body || state_ == State::doubt;
  if (!in_body || !(begins_alike || (any_boundary_ && !text.empty()))) return false;
  digest_ = false;
  begin_header(State::doubt);
  return true;
}

void PartHeaders::header_line(std::string_view line) {
  const bool fold = !line.empty() && is_blank(line.front());
  const auto name = fold ? std::string_view() : field_name(line);
  if (state_ == State::doubt && !line.empty() && !fold && name.empty()) return body();
  if (line_eight_bit_) return found();
  if (!fold) end_field();
  if (line.empty()) return end_header();
  if (!fold) {
    in_content_type_ = base::equals_ignoring_case(name, "content-type");
    if (in_content_type_) line.remove_prefix(line.find(':') + 1);
  }
  if (!in_content_type_) return;
  cut_ = cut_ || line_.size() == kept_of_line || content_type_.size() + line.size() > kept_of_field;
  content_type_.append(line.substr(0, kept_of_field - content_type_.size()));
}

void PartHeaders::begin_header(State state) {
  state_ = state;
  in_content_type_ = cut_ = is_message_ = is_fields_ = false;
  content_type_.clear();
  begun_.clear();
}

/// A field is complete; where it is Content-Type, what it says is noted. More than one is more than one answer.
void PartHeaders::end_field() {
  if (!in_content_type_) return;
  in_content_type_ = false;
  auto said = parse_content_type(content_type_);
  content_type_.clear();
  digest_ = digest_ && said.type.empty();
  // Where type and boundary are not sure, what looks like a delimiter is one.
  const bool multipart = said.type == "multipart";
  any_boundary_ = any_boundary_ || cut_ || said.type.empty() || (multipart && (said.unclear || said.boundary.empty()));
  cut_ = false;
  if (said.type == "message" && is_all_fields(said.subtype)) {
    is_fields_ = true;
  } else if (said.type == "message") {
    is_message_ = true;
  } else if (multipart && !said.boundary.empty()) {
    add_level(begun_, {std::move(said.boundary), said.subtype == "digest"});
  }
}

void PartHeaders::end_header() {
  const bool message = is_message_ || digest_;
  const bool fields = is_fields_;
  digest_ = false;
  for (auto& level : begun_) add_level(levels_, std::move(level));
  begin_header(State::header);
  if (fields) {
    state_ = State::fields;
  } else if (!message) {
    body();
  }
}

void PartHeaders::add_level(std::vector<Level>& to, Level level) {
  if (to.size() < most_levels) {
    to.push_back(std::move(level));
  } else {
    any_boundary_ = true;
  }
}

void PartHeaders::body() {
  state_ = levels_.empty() && !any_boundary_ ? State::over : State::body;
}

void PartHeaders::found() {
  eight_bit_ = true;
  state_ = State::over;
}

}  // namespace mime
