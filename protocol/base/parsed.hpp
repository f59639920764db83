// The result of a parser. A parser never throws for bad input and never reads past its input.
#pragma once

#include <boost/system/result.hpp>
#include <cstddef>
#include <string>

namespace base {

/// Why an input was refused. `what` is for people: what was found and what was expected, already safe to print (ASCII,
/// bounded).
struct ParseError {
  std::size_t offset = 0;  ///< octets from the start of the input
  std::string what;
};

template <class T>
using Parsed = boost::system::result<T, ParseError>;

/// Demanded by boost::system::result for value(); never called, for callers look before they take.
[[noreturn]] inline void throw_exception_from_error(const ParseError& error, const boost::source_location&) {
  throw std::logic_error("value() of a failed parse: " + error.what);
}

}  // namespace base
