// The policy file, strictly: one slip and the whole body is no policy, for a policy that is half understood could stop
// all mail or protect none. Linear in the body; never looks at it twice.
#include "policy/sts/policy_file.hpp"

#include <algorithm>
#include <optional>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"

namespace policy::sts {

namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

// STS-21: no control character (a tab is a blank), and what is not ASCII must at least be UTF-8.
bool is_clean(std::string_view text, bool& ascii) {
  ascii = true;
  while (!text.empty()) {
    const auto length = base::utf8_sequence(text);
    if (length == 0) return false;
    if (length == 1) {
      const char c = text[0];
      if ((c < 0x20 && c != '\t') || c == 0x7f) return false;
    } else {
      ascii = false;
      // U+0080 to U+009F are control characters as well.
      if (length == 2 && static_cast<unsigned char>(text[0]) == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0)
        return false;
    }
    text.remove_prefix(length);
  }
  return true;
}

bool is_key(std::string_view key) {
  if (key.empty() || key.size() > 32) return false;
  if (!base::is_letter(key[0]) && !base::is_digit(key[0])) return false;
  return std::all_of(key.begin(), key.end(), [](char c) {
    return base::is_letter(c) || base::is_digit(c) || c == '_' || c == '-' || c == '.';
  });
}

// STS-19: a host name, or "*." and a host name; no trailing dot.
std::optional<std::string> pattern_of(std::string_view value) {
  const bool wildcard = value.starts_with("*.");
  const auto name = wildcard ? value.substr(2) : value;
  if (name.empty() || name.back() == '.') return std::nullopt;
  auto canonical = base::canonical_domain(name, base::Alphabet::host);
  if (!canonical) return std::nullopt;
  return wildcard ? "*." + *canonical : *canonical;
}

struct Field {
  std::string value;
  std::size_t offset = 0;  ///< of its line
};

struct Fields {
  std::optional<Field> version, mode, max_age;
  Policy policy;
};

std::optional<base::ParseError> take_line(std::string_view line, std::size_t offset, Fields& fields) {
  const auto fail = [&](std::string what) { return base::ParseError{offset, std::move(what)}; };
  bool ascii = true;
  if (!is_clean(line, ascii))
    return fail("a control character or malformed UTF-8 in `" + base::printable(line, 60) + "`");
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  if (line.empty()) return std::nullopt;  // an empty line only adds nothing
  const auto colon = line.find(':');
  if (colon == std::string_view::npos) return fail("no field: `" + base::printable(line, 60) + "`");
  const auto key = line.substr(0, colon);
  const auto value = base::trim(line.substr(colon + 1));
  if (!is_key(key))
    return fail("`" + base::printable(key, 40) + "` is no key (a key begins the line and ends at the colon)");
  const bool known = key == "version" || key == "mode" || key == "max_age" || key == "mx";
  if (!ascii && known) return fail("`" + std::string(key) + "` has a value that is not ASCII");
  if (key == "mx") {
    auto pattern = pattern_of(value);
    if (!pattern) return fail("mx `" + base::printable(value, 80) + "` is neither a host name nor *. and a host name");
    fields.policy.mx.push_back(std::move(*pattern));
  } else if (known) {
    auto& field = key == "version" ? fields.version : key == "mode" ? fields.mode : fields.max_age;
    if (!field) field = Field{std::string(value), offset};  // STS-20: the first counts
  } else if (value.empty() || value.find('\t') != std::string_view::npos) {
    // RFC 8461 §3.2: a value has at least one character, and a tab inside it is a control character like any other
    return fail("`" + base::printable(key, 40) + "` has no well-formed value");
  }
  return std::nullopt;
}

// What the fields of one value say, once the whole body has been read.
std::optional<base::ParseError> take_fields(Fields& fields, std::size_t end) {
  const auto lacks = [&](const char* key) { return base::ParseError{end, "the policy has no " + std::string(key)}; };
  const auto wrong = [](const char* key, const Field& field, const char* expected) {
    return base::ParseError{field.offset,
                            std::string(key) + " is `" + base::printable(field.value, 40) + "`, not " + expected};
  };
  auto& policy = fields.policy;
  if (!fields.version) return lacks("version");
  if (fields.version->value != "STSv1") return wrong("version", *fields.version, "STSv1");

  if (!fields.mode) return lacks("mode");
  constexpr Mode modes[] = {Mode::none, Mode::testing, Mode::enforce};
  const auto* mode =
      std::find_if(std::begin(modes), std::end(modes), [&](Mode one) { return words(one) == fields.mode->value; });
  if (mode == std::end(modes)) return wrong("mode", *fields.mode, "enforce, testing or none");
  policy.mode = *mode;

  if (!fields.max_age) return lacks("max_age");
  const auto age = base::decimal(fields.max_age->value, 10);
  if (age < 0) return wrong("max_age", *fields.max_age, "1 to 10 digits");
  policy.max_age = static_cast<std::uint32_t>(std::min<long long>(age, max_max_age));  // P-4

  // P-1: enforce with nothing allowed is no policy at all, or a slip of the pen would stop all mail.
  if (policy.mx.empty() && policy.mode != Mode::none) return lacks("mx");
  return std::nullopt;
}

}  // namespace

std::string_view words(Mode mode) {
  switch (mode) {
    case Mode::none: return "none";
    case Mode::testing: return "testing";
    case Mode::enforce: break;
  }
  return "enforce";
}

base::Parsed<Policy> parse_policy(std::string_view body) {
  Fields fields;
  for (std::size_t at = 0; at < body.size();) {
    const auto end = std::min(body.find('\n', at), body.size());
    auto line = body.substr(at, end - at);
    const bool ended = end < body.size();
    if (ended && line.ends_with('\r')) line.remove_suffix(1);
    if (auto error = take_line(line, at, fields)) return std::move(*error);
    at = end + 1;
  }
  if (auto error = take_fields(fields, body.size())) return std::move(*error);
  return std::move(fields.policy);
}

bool matches(std::string_view pattern, std::string_view mx_host) {
  // P-2: an address among the patterns is well-formed and matches nothing; a host that looks like one is never meant.
  if (base::looks_like_address(mx_host)) return false;
  if (!pattern.starts_with("*.")) return base::equals_ignoring_case(pattern, mx_host);
  // RFC 8461 §4.1: the wildcard covers one label
  const auto dot = mx_host.find('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  return base::equals_ignoring_case(pattern.substr(2), mx_host.substr(dot + 1));
}

bool allows(const Policy& policy, std::string_view mx_host) {
  return std::any_of(policy.mx.begin(), policy.mx.end(),
                     [&](const auto& pattern) { return matches(pattern, mx_host); });
}

}  // namespace policy::sts
