// The header scanner in pieces of any size against a plain reading of the whole message: the same verdict, and a
// verdict of yes only for a field that is there. The first octet picks the size of the pieces.
// covers: RTLS-09
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/text.hpp"
#include "protocol/mime/header_scanner.hpp"
#include "tests/fuzz/must.hpp"

namespace {

bool scanned(std::string_view message, std::size_t piece) {
  mime::HeaderScanner scanner;
  while (!message.empty()) {
    scanner.scan(message.substr(0, piece));
    message.remove_prefix(std::min(piece, message.size()));
  }
  scanner.end();
  return scanner.tls_required_no();
}

/// The value without comments and what surrounds it; a comment in the middle divides.
std::string plain(std::string_view value) {
  std::string text;
  std::size_t depth = 0;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (depth > 0 && value[i] == '\\') {
      ++i;
    } else if (value[i] == '(') {
      ++depth;
      text += ' ';
    } else if (depth > 0 && value[i] == ')') {
      --depth;
    } else if (depth == 0) {
      text += value[i];
    }
  }
  if (depth > 0) return "open";
  return base::lower(base::trim(text));
}

/// The same question, asked of the whole header at once.
bool expected(std::string_view message) {
  unsigned fields = 0;
  bool no = false;
  while (!message.empty()) {
    std::string field;
    for (bool first = true;; first = false) {
      if (!first && (message.empty() || (message.front() != ' ' && message.front() != '\t'))) break;
      const auto end = message.find("\r\n");
      if (end == std::string_view::npos) return false;
      if (first && end == 0) return fields == 1 && no;
      if (first && message.substr(0, end).find(':') == std::string_view::npos) return false;
      field += message.substr(0, end);
      message.remove_prefix(end + 2);
    }
    const auto colon = field.find(':');
    if (colon == std::string::npos) return false;
    const auto name = field.substr(0, field.find_last_not_of(" \t", colon - (colon > 0 ? 1 : 0)) + 1);
    if (colon == 0 || name.empty()) return false;
    if (!std::all_of(name.begin(), name.end(), [](char c) { return base::is_printable(c) && c != ' '; })) return false;
    if (base::lower(name) != "tls-required") continue;
    ++fields;
    no = plain(std::string_view(field).substr(colon + 1)) == "no";
  }
  return fields == 1 && no;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view message(reinterpret_cast<const char*>(data + 1), size - 1);
  // Only what the data scanner lets through: no CR or LF alone. The others must not crash it.
  bool canonical = true;
  for (std::size_t i = 0; i < message.size(); ++i) {
    if (message[i] == '\r') canonical = canonical && i + 1 < message.size() && message[i + 1] == '\n';
    if (message[i] == '\n') canonical = canonical && i > 0 && message[i - 1] == '\r';
  }
  const bool whole = scanned(message, std::string_view::npos);
  MUST(whole == scanned(message, data[0] == 0 ? 1 : data[0]));
  if (canonical) MUST(whole == expected(message));
  return 0;
}
