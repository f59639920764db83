// Reading log lines.
#include "tests/lab/log_line.hpp"

namespace lab {

std::string LogLine::operator[](const std::string& key) const {
  const auto found = fields.find(key);
  return found == fields.end() ? "" : found->second;
}

LogLine parse_log_line(const std::string& text) {
  LogLine line{text, {}};
  std::size_t at = 0;
  while (at < text.size()) {
    const auto begin = text.find_first_not_of(' ', at);
    if (begin == std::string::npos) break;
    const auto end_of_key = text.find_first_of(" =", begin);
    if (end_of_key == std::string::npos || text[end_of_key] == ' ') {
      at = end_of_key;  // the time, the level
      continue;
    }
    const std::string key = text.substr(begin, end_of_key - begin);
    std::string value;
    at = end_of_key + 1;
    if (at < text.size() && text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        const bool escaped = text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == '"' || text[at + 1] == '\\');
        value += text[escaped ? ++at : at];
      }
      ++at;
    } else {
      const auto end = text.find(' ', at);
      value = text.substr(at, end == std::string::npos ? end : end - at);
      at = end;
    }
    line.fields.emplace(key, value);
  }
  return line;
}

}  // namespace lab
