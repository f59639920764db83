// The TOML library's tree, copied into ours.
#include "proxy/config/document.hpp"

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include <algorithm>

#include "protocol/base/text.hpp"

namespace proxy {
namespace {

DocumentValue copy(const toml::node& node);

void copy_table(const toml::table& table, DocumentValue& into) {
  for (const auto& [key, node] : table) {
    into.entries.push_back({std::string(key.str()), static_cast<int>(key.source().begin.line), copy(node)});
  }
  // The library sorts by name; messages and [[...]] want the order of the file.
  std::stable_sort(into.entries.begin(), into.entries.end(),
                   [](const auto& a, const auto& b) { return a.line < b.line; });
}

DocumentValue copy(const toml::node& node) {
  using Kind = DocumentValue::Kind;
  DocumentValue value;
  value.line = static_cast<int>(node.source().begin.line);
  if (const auto* text = node.as_string()) {
    value.kind = Kind::text;
    value.text = text->get();
  } else if (const auto* integer = node.as_integer()) {
    value.kind = Kind::integer;
    value.integer = integer->get();
  } else if (const auto* boolean = node.as_boolean()) {
    value.kind = Kind::boolean;
    value.boolean = boolean->get();
  } else if (const auto* array = node.as_array()) {
    value.kind = Kind::array;
    for (const auto& item : *array) value.items.push_back(copy(item));
  } else if (const auto* table = node.as_table()) {
    value.kind = Kind::table;
    copy_table(*table, value);
  }
  return value;
}

}  // namespace

Document read_document(std::string_view text) {
  Document document;
  const toml::parse_result result = toml::parse(text);
  if (result) {
    document.root.kind = DocumentValue::Kind::table;
    copy_table(result.table(), document.root);
  } else {
    document.error_line = std::max(1, static_cast<int>(result.error().source().begin.line));
    document.error = base::printable(result.error().description());
  }
  return document;
}

std::string_view words(DocumentValue::Kind kind) {
  using Kind = DocumentValue::Kind;
  switch (kind) {
    case Kind::text: return "a string";
    case Kind::integer: return "an integer";
    case Kind::boolean: return "a truth value";
    case Kind::array: return "an array";
    case Kind::table: return "a table";
    case Kind::other: break;
  }
  return "a number with a fraction, a date or a time";
}

}  // namespace proxy
