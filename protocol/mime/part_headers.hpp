// Whether an octet above 127 stands in a header of a message, at any level: its own, that of a part of a multipart, or
// of a message within it. That, not 8-bit content, is what needs SMTPUTF8 (RFC 6532 §3.7). Looks at a message as it
// comes, keeps a bounded number of boundaries and of one field's octets. Where the structure is unclear it errs toward
// a header, never toward a body.
//
//   header   every octet counts, up to the empty line; its Content-Type says what follows
//   doubt    behind what may be a delimiter: what looks like a field counts, the first line that does not ends it
//   fields   content that is all fields (message/global-headers and its like): every octet counts, up to a delimiter
//   body     only a delimiter counts
//   over     nothing that follows can be a header: no octet of it is looked at
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace mime {

class PartHeaders {
 public:
  /// The next octets, in the canonical wire form of smtp::DataScanner: lines end in CRLF, dots may be stuffed.
  void scan(std::string_view wire);

  /// An octet above 127 came in a header. What comes after it is not looked at.
  bool eight_bit() const { return eight_bit_; }
  /// Nothing that may follow changes the answer.
  bool over() const { return state_ == State::over; }

 private:
  enum class State { header, doubt, fields, body, over };
  struct Level {
    std::string boundary;
    bool digest = false;  ///< RFC 2046 §5.1.5: its parts are messages where they do not say otherwise
  };

  void take(std::string_view octets);
  void end_line();
  void header_line(std::string_view line);
  bool delimiter(std::string_view line);
  void begin_header(State state);
  void end_field();
  void end_header();
  void add_level(std::vector<Level>& to, Level level);
  void body();
  void found();

  State state_ = State::header;
  bool eight_bit_ = false;
  std::vector<Level> levels_;  // the multiparts that are open, the innermost last
  bool any_boundary_ = false;  // one has a boundary that could not be told: any line may be a delimiter of it

  // ---- of the line
  std::string line_;             // its beginning
  bool line_eight_bit_ = false;  // anywhere in it
  bool line_passed_ = false;     // its rest does not matter

  // ---- of the header
  bool digest_ = false;
  bool in_content_type_ = false;
  std::string content_type_;  // the value, unfolded
  bool cut_ = false;          // it was longer than what is kept
  bool is_message_ = false, is_fields_ = false;
  std::vector<Level> begun_;  // multiparts that its Content-Type fields name
};

}  // namespace mime
