// Lines of the relay's log, read back: `time level event=NAME key=value ...`, values in quotes where they need it.
#pragma once

#include <map>
#include <string>

namespace lab {

/// One line of the relay's log.
struct LogLine {
  std::string text;
  std::map<std::string, std::string> fields;  ///< key=value, unquoted
  /// The value, "" where there is none.
  std::string operator[](const std::string& key) const;
};
LogLine parse_log_line(const std::string& text);

}  // namespace lab
