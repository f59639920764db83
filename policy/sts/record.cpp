// The record, strictly: what is not of the grammar is no record. Reads each octet once.
#include "policy/sts/record.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"

namespace policy::sts {

namespace {

constexpr std::string_view version = "v=STSv1";
constexpr std::size_t longest_id = 32, longest_name = 32;

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
bool is_alphanumeric(char c) {
  return base::is_letter(c) || base::is_digit(c);
}

bool is_field_name(std::string_view name) {
  if (name.empty() || name.size() > longest_name || !is_alphanumeric(name[0])) return false;
  for (char c : name) {
    if (!is_alphanumeric(c) && c != '_' && c != '-' && c != '.') return false;
  }
  return true;
}

bool is_field_value(std::string_view value) {
  if (value.empty()) return false;
  for (char c : value) {
    if (c <= 0x20 || c >= 0x7f || c == '=' || c == ';') return false;
  }
  return true;
}

bool is_id(std::string_view id) {
  if (id.empty() || id.size() > longest_id) return false;
  for (char c : id) {
    if (!is_alphanumeric(c)) return false;
  }
  return true;
}

}  // namespace

bool counts(std::string_view txt) {
  if (!txt.starts_with(version)) return false;
  txt.remove_prefix(version.size());
  while (!txt.empty() && is_blank(txt.front())) txt.remove_prefix(1);
  return txt.starts_with(';');
}

base::Parsed<Record> parse_record(std::string_view txt) {
  if (!counts(txt)) return base::ParseError{0, "a record begins with `v=STSv1;`"};
  std::optional<std::string> id;
  std::size_t at = txt.find(';') + 1;
  while (at < txt.size()) {
    const std::size_t start = at;
    const std::size_t end = std::min(txt.find(';', at), txt.size());
    const bool last = end == txt.size();
    const auto field = base::trim(txt.substr(at, end - at));
    at = end + 1;
    if (field.empty() && last) break;  // RFC 8461 §3.1: one trailing `;`, blanks around it
    const auto equals = field.find('=');
    if (equals == std::string_view::npos)
      return base::ParseError{start, "a field without `=`: `" + base::printable(field, 40) + "`"};
    const auto name = field.substr(0, equals);
    const auto value = field.substr(equals + 1);
    if (!is_field_name(name)) return base::ParseError{start, "`" + base::printable(name, 40) + "` is no field name"};
    if (name == "id") {
      if (!id && !is_id(value))
        return base::ParseError{start,
                                "id must be 1 to 32 letters and digits, not `" + base::printable(value, 40) + "`"};
      if (!id) id = std::string(value);  // STS-05: of a repeated id the first counts
      if (!is_field_value(value)) return base::ParseError{start, "a repeated id without a value"};
    } else if (!is_field_value(value)) {
      return base::ParseError{start, "field `" + std::string(name) + "` has no well-formed value"};
    }
  }
  if (!id) return base::ParseError{txt.size(), "the record has no id"};
  return Record{std::move(*id)};
}

Published published(std::span<const std::string> txt_set) {
  Published result;
  std::size_t count = 0;
  std::string_view only;
  for (const auto& txt : txt_set) {
    if (!counts(txt)) continue;
    ++count;
    only = txt;
  }
  if (count == 0) return result;
  if (count > 1) {
    result.why_not = std::to_string(count) + " records begin with v=STSv1; one must";  // RFC 8461 §3.1
    return result;
  }
  auto parsed = parse_record(only);
  if (parsed) {
    result.record = std::move(*parsed);
  } else {
    result.why_not = "malformed record `" + base::printable(only, 100) + "`: " + parsed.error().what;
  }
  return result;
}

}  // namespace policy::sts
