// The value of a Content-Type field, as far as it says where the parts of a message lie (RFC 2045 §5.1). Never guesses:
// what it is not sure of it calls unclear, and the caller errs to the safe side.
#pragma once

#include <string>
#include <string_view>

namespace mime {

struct ContentType {
  std::string type{}, subtype{};  ///< lower case; both empty: the value names none
  std::string boundary{};         ///< empty: none, or none that can be told
  /// Readers could differ about it: malformed, a boundary given twice or in pieces (RFC 2231 §3), or longer than any
  /// that is kept.
  bool unclear = false;
};

/// `value` without line ends, folds are blanks.
ContentType parse_content_type(std::string_view value);

}  // namespace mime
