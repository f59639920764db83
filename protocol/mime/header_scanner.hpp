// The header of a message as it comes: whether it holds a `TLS-Required: No` that counts (RFC 8689 §4.1), and which
// fields that every message should have are there. Looks at the top-level header only, changes nothing, keeps no more
// than a few octets. What is malformed counts for nothing: TLS-Required switches protection off.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace mime {

class HeaderScanner {
 public:
  /// The next octets, in the canonical wire form of smtp::DataScanner: lines end in CRLF, dots may be stuffed.
  void scan(std::string_view wire);
  /// The message is over: a header without a body ends here.
  void end();

  /// The empty line, or the end of the message, has come.
  bool complete() const { return state_ == State::complete; }
  /// RTLS-09: the header is complete and well formed, and the field stands in it once, with the value `No` in any case;
  /// blanks, folds and comments around it do not matter.
  bool tls_required_no() const { return complete() && fields_ == 1 && says_no_; }

  /// The fields that have come so far, with whatever value. Only after complete() is one surely missing.
  struct Fields {
    bool date = false, from = false, message_id = false;

    bool operator==(const Fields&) const = default;
  };
  const Fields& fields() const { return present_; }

 private:
  enum class State {
    line_start,  ///< behind CRLF, or at the beginning
    name,        ///< of a field, and the blanks that old software puts before the colon
    value,       ///< of TLS-Required
    other,       ///< of a field that is not looked at
    complete,
    malformed,  ///< a line is neither field nor fold: what follows may be body to others
  };

  void take(char c);
  void begin_line(char c);
  void take_name(char c);
  void take_value(char c);
  void end_line();
  void end_field();

  State state_ = State::line_start;
  State folded_ = State::malformed;  ///< what a fold at the start of a line goes on with
  bool return_ = false;              ///< a CR came, which may be the first half of a line end
  std::string name_;                 ///< lower case; longer ones are cut, and match nothing
  bool blank_ = false;               ///< in the name: a blank came. In the value: something came that divides words
  std::string word_;                 ///< of the value, lower case, cut likewise
  std::size_t comments_ = 0;         ///< that are open
  bool quoted_ = false;              ///< in a comment, the octet behind a backslash
  Fields present_;
  unsigned fields_ = 0;
  bool says_no_ = false;
};

}  // namespace mime
