// A TOML text as a plain tree that knows its lines: the only place that sees the TOML library. Knows no setting.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace proxy {

struct DocumentEntry;

struct DocumentValue {
  enum class Kind { text, integer, boolean, array, table, other } kind = Kind::other;
  int line = 0;
  std::string text{};
  long long integer = 0;
  bool boolean = false;
  std::vector<DocumentValue> items{};  ///< of an array
  std::vector<DocumentEntry> entries;  ///< of a table, in the order of the file
};

struct DocumentEntry {
  std::string key;
  int line = 0;
  DocumentValue value;
};

struct Document {
  DocumentValue root;
  int error_line = 0;  ///< of the first fault in the syntax; 0: there is none
  std::string error;   ///< what it is, printable
};

Document read_document(std::string_view toml);

/// How messages call a kind: "a string", "an integer" ...
std::string_view words(DocumentValue::Kind kind);

}  // namespace proxy
