// Taking values, and the words for those that are refused.
#include "proxy/config/draft.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"
#include "proxy/config/values.hpp"

namespace proxy {
namespace {

constexpr std::size_t shown_limit = 100;

std::string shown(const std::string& text) {
  return '`' + base::printable(text, shown_limit) + '`';
}

std::string in_words(Milliseconds time) {
  struct Unit {
    std::string_view name;
    std::int64_t factor;
  };
  constexpr Unit units[] = {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}};
  for (const auto& unit : units) {
    if (time.count() != 0 && time.count() % unit.factor == 0)
      return std::to_string(time.count() / unit.factor) + std::string(unit.name);
  }
  return std::to_string(time.count()) + "ms";
}

}  // namespace

std::string message(const ConfigError& error) {
  if (error.line == 0) return error.file + ": " + error.words;
  return error.file + ':' + std::to_string(error.line) + ": " + error.words;
}

Draft::Draft(std::string file, std::string directory, bool check_files)
    : directory_(std::move(directory)), check_files_(check_files) {
  config.file = std::move(file);
}

void Draft::fail(int line, std::string words) {
  errors.push_back({config.file, line, std::move(words)});
}

void Draft::preload_fault(const std::string& file, int line, std::string words) {
  preload_faults.push_back({file, line, std::move(words)});
}

void Draft::warn(int line, const std::string& words) {
  warnings.push_back(message({config.file, line, words}));
}

void Draft::refuse(const DocumentValue& value, std::string_view fault, std::string_view expected) {
  fail(value.line, '`' + name_ + "`: " + shown(value.text) + ' ' + std::string(fault) + ", " + std::string(expected));
}

void Draft::wrong_type(const DocumentValue& value, std::string_view expected) {
  fail(value.line, '`' + name_ + "` is " + std::string(words(value.kind)) + ", expected " + std::string(expected));
}

const std::string* Draft::text(const DocumentValue& value) {
  if (value.kind == DocumentValue::Kind::text) return &value.text;
  wrong_type(value, "a string");
  return nullptr;
}

std::vector<const DocumentValue*> Draft::texts(const DocumentValue& value) {
  std::vector<const DocumentValue*> items;
  if (value.kind != DocumentValue::Kind::array) {
    wrong_type(value, "an array of strings");
    return items;
  }
  for (const auto& item : value.items) {
    if (text(item) != nullptr) items.push_back(&item);
  }
  return items;
}

void Draft::duration(const DocumentValue& value, Milliseconds& into, Milliseconds least, Milliseconds greatest) {
  if (value.kind != DocumentValue::Kind::text)
    return wrong_type(value, "a duration such as \"500ms\", \"30s\", \"5m\", \"24h\" or \"5d\"");
  const auto duration = parse_duration(value.text);
  if (!duration) return refuse(value, "is no duration", "expected a number and one of ms, s, m, h, d");
  if (*duration < least || *duration > greatest) {
    return refuse(value, "is out of range", "expected " + in_words(least) + " to " + in_words(greatest));
  }
  into = *duration;
}

void Draft::size(const DocumentValue& value, std::uint64_t& into, std::uint64_t least) {
  std::optional<std::uint64_t> size;
  if (value.kind == DocumentValue::Kind::integer) {
    size = parse_size(std::to_string(value.integer));
  } else if (value.kind == DocumentValue::Kind::text) {
    size = parse_size(value.text);
  } else {
    return wrong_type(value, "a size such as \"64KiB\" or \"50MiB\", or octets");
  }
  DocumentValue as_text = value;
  if (value.kind == DocumentValue::Kind::integer) as_text.text = std::to_string(value.integer);
  if (!size) return refuse(as_text, "is no size", "expected a number of octets, or a number and one of KiB, MiB, GiB");
  if (*size < least) return refuse(as_text, "is too small", "expected at least " + std::to_string(least) + " octets");
  into = *size;
}

std::optional<long long> Draft::whole_number(const DocumentValue& value, long long least, long long greatest) {
  const auto expected = "a whole number from " + std::to_string(least) + " to " + std::to_string(greatest);
  if (value.kind != DocumentValue::Kind::integer) {
    wrong_type(value, expected);
    return std::nullopt;
  }
  if (value.integer < least || value.integer > greatest) {
    fail(value.line, '`' + name_ + "`: " + std::to_string(value.integer) + " is out of range, expected " + expected);
    return std::nullopt;
  }
  return value.integer;
}

void Draft::boolean(const DocumentValue& value, bool& into) {
  if (value.kind != DocumentValue::Kind::boolean) return wrong_type(value, "true or false");
  into = value.boolean;
}

void Draft::domain(const DocumentValue& value, std::string& into) {
  if (text(value) == nullptr) return;
  auto name = base::canonical_domain(value.text, base::Alphabet::host);
  if (!name || base::looks_like_address(*name)) {
    return refuse(value, "is no domain name",
                  "expected one such as \"relay.example.net\" (internationalised names in their xn-- form)");
  }
  into = std::move(*name);
}

std::string Draft::absolute(const std::string& name) const {
  if (name.starts_with('/') || directory_.empty()) return name;
  return directory_ + (directory_.ends_with('/') ? "" : "/") + name;
}

void Draft::readable_file(const DocumentValue& value, std::string& into) {
  if (text(value) == nullptr) return;
  if (value.text.empty() || value.text.find('\0') != std::string::npos)
    return refuse(value, "is no file name", "expected one");
  auto name = absolute(value.text);
  if (check_files_) {
    // A directory can be opened but not read.
    std::ifstream file(name, std::ios::binary);
    if (!file || file.peek() == std::ifstream::traits_type::eof()) {
      return refuse(value, "cannot be read or is empty",
                    "expected a readable file at " + base::printable(name, shown_limit * 2));
    }
  }
  into = std::move(name);
}

void Draft::secret_file(const DocumentValue& value, std::string& into) {
  std::string name;
  readable_file(value, name);
  if (name.empty() || !check_files_) return;
  constexpr std::size_t longest = 1024;
  std::ifstream file(name, std::ios::binary);
  std::string secret(longest + 1, '\0');
  file.read(secret.data(), static_cast<std::streamsize>(secret.size()));
  secret.resize(static_cast<std::size_t>(file.gcount()));
  const bool is_long = secret.size() > longest;
  while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  const bool is_line = std::none_of(secret.begin(), secret.end(), [](unsigned char c) { return c < 32 || c == 127; });
  if (is_long || secret.empty() || !is_line)
    return refuse(value, "does not hold one line of at most 1024 octets", "expected the password and nothing else");
  std::error_code error;
  const auto permissions = std::filesystem::status(name, error).permissions();
  if (!error && (permissions & std::filesystem::perms::others_read) != std::filesystem::perms::none)
    warn(value.line, "`" + name_ + "`: everyone on this machine can read " + base::printable(name, shown_limit * 2));
  into = std::move(secret);
}

void Draft::digests(const DocumentValue& value, std::vector<std::string>& into) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  for (const auto* item : texts(value)) {
    std::string digits, octets;
    for (const char c : item->text) {
      if (c != ':') digits += c;
    }
    const bool good =
        digits.size() == 64 && std::all_of(digits.begin(), digits.end(), [&](char c) { return digit(c) >= 0; });
    if (!good) {
      refuse(*item, "is no SHA-256", "expected 64 hexadecimal digits");
      continue;
    }
    for (std::size_t i = 0; i < digits.size(); i += 2)
      octets += static_cast<char>(digit(digits[i]) * 16 + digit(digits[i + 1]));
    into.push_back(std::move(octets));
  }
}

}  // namespace proxy
