// Token by token, comments and quoted strings with it. Never keeps a boundary that its reader would have to repair.
#include "protocol/mime/content_type.hpp"

#include "protocol/base/text.hpp"

namespace mime {
namespace {

constexpr std::size_t longest_boundary = 200;  // RFC 2046 §5.1.1 allows 70

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  /// Blanks and comments, which nest. False: a comment has no end.
  bool skip() {
    std::size_t depth = 0;
    while (!text_.empty()) {
      const char c = text_.front();
      if (depth == 0 && c != ' ' && c != '\t' && c != '(') return true;
      text_.remove_prefix(depth > 0 && c == '\\' && text_.size() > 1 ? 2 : 1);
      if (c == '(') ++depth;
      if (c == ')' && depth > 0) --depth;
    }
    return depth == 0;
  }
  bool done() const { return text_.empty(); }
  bool take(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }
  /// Up to one of `ends`. Values of old software hold what no token may; the blank or the semicolon ends them.
  std::string word(std::string_view ends) {
    std::string result(text_.substr(0, text_.find_first_of(ends)));
    text_.remove_prefix(result.size());
    return result;
  }
  /// Behind its first quote; false: it has no end.
  bool quoted(std::string& result) {
    while (!text_.empty()) {
      const char c = text_.front();
      text_.remove_prefix(1);
      if (c == '"') return true;
      if (c == '\\' && !text_.empty()) {
        result += text_.front();
        text_.remove_prefix(1);
      } else {
        result += c;
      }
    }
    return false;
  }

 private:
  std::string_view text_;
};

/// The parameters; false where they stop to be such.
bool take_parameters(Reader& reader, ContentType& result) {
  while (reader.skip() && !reader.done()) {
    if (!reader.take(';')) return false;
    if (!reader.skip()) return false;
    if (reader.done()) return true;  // a semicolon at the end is harmless
    const auto name = base::lower(reader.word("=; \t("));
    if (!reader.skip() || !reader.take('=') || !reader.skip()) return false;
    std::string value;
    const bool quoted = reader.take('"');
    if (quoted && !reader.quoted(value)) return false;
    if (!quoted) value = reader.word("; \t(");
    if (name.starts_with("boundary*")) result.unclear = true;
    if (name != "boundary") continue;
    while (value.ends_with(' ')) value.pop_back();  // RFC 2046 §5.1.1: a boundary does not end with one
    if (!result.boundary.empty() && result.boundary != value) result.unclear = true;
    result.boundary = std::move(value);
  }
  return reader.done();
}

}  // namespace

ContentType parse_content_type(std::string_view value) {
  ContentType result;
  Reader reader(value);
  if (!reader.skip()) return {.unclear = true};
  result.type = base::lower(reader.word("/; \t("));
  if (!reader.skip() || !reader.take('/') || !reader.skip()) return {.unclear = true};
  result.subtype = base::lower(reader.word("/; \t("));
  if (result.type.empty() || result.subtype.empty()) return {.unclear = true};
  if (!take_parameters(reader, result)) result.unclear = true;
  if (result.boundary.size() > longest_boundary) {
    result.boundary.clear();
    result.unclear = true;
  }
  return result;
}

}  // namespace mime
