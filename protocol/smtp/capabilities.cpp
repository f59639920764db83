// An EHLO reply to the extensions that it lists. What the reply does not list is not there: nothing is guessed
// (SMTP-48).
#include "protocol/smtp/capabilities.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"

namespace smtp {
namespace {

struct Keyword {
  std::string_view name;
  bool Capabilities::*member;
};
constexpr Keyword keywords[] = {
    {"STARTTLS", &Capabilities::starttls},       {"PIPELINING", &Capabilities::pipelining},
    {"8BITMIME", &Capabilities::eight_bit_mime}, {"SMTPUTF8", &Capabilities::smtputf8},
    {"CHUNKING", &Capabilities::chunking},       {"DSN", &Capabilities::dsn},
    {"REQUIRETLS", &Capabilities::requiretls},   {"SIZE", &Capabilities::size},
};

/// Takes the next word off `text`; empty at the end.
std::string_view next_word(std::string_view& text) {
  text = base::trim(text);
  const auto word = text.substr(0, text.find_first_of(" \t"));
  text.remove_prefix(word.size());
  return word;
}

/// RFC 9422 §4.1 to §4.3: one to six digits, the first not zero. What is no such number is no limit, nor is an unknown
/// name. Of two values of one name the lower holds: it satisfies both.
void take_limits(std::string_view words, HostLimits& limits) {
  struct Row {
    std::string_view name;
    std::optional<std::uint32_t> HostLimits::*member;
  };
  static constexpr Row rows[] = {{"MAILMAX", &HostLimits::mails},
                                 {"RCPTMAX", &HostLimits::recipients},
                                 {"RCPTDOMAINMAX", &HostLimits::recipient_domains}};
  for (auto word = next_word(words); !word.empty(); word = next_word(words)) {
    const auto sign = word.find('=');
    if (sign == word.npos) continue;
    const long long value = base::decimal(word.substr(sign + 1), 6);
    if (value <= 0 || word[sign + 1] == '0') continue;
    for (const Row& row : rows) {
      if (!base::equals_ignoring_case(word.substr(0, sign), row.name)) continue;
      auto& limit = limits.*row.member;
      limit = std::min(limit.value_or(1'000'000), static_cast<std::uint32_t>(value));
    }
  }
}

/// RFC 4422 §3.1: up to twenty letters, digits, hyphens and underscores.
void take_mechanisms(std::string_view words, std::vector<std::string>& mechanisms) {
  for (auto word = next_word(words); !word.empty(); word = next_word(words)) {
    const bool good = word.size() <= 20 && std::all_of(word.begin(), word.end(), [](char c) {
                        return base::is_letter(c) || base::is_digit(c) || c == '-' || c == '_';
                      });
    std::string name(word);
    for (char& c : name) c = base::is_letter(c) ? static_cast<char>(c & ~0x20) : c;
    if (good && std::find(mechanisms.begin(), mechanisms.end(), name) == mechanisms.end())
      mechanisms.push_back(std::move(name));
  }
}

}  // namespace

Capabilities parse_capabilities(const Reply& ehlo_reply) {
  Capabilities result;
  result.esmtp = true;
  std::string_view rest = ehlo_reply.text;
  // RFC 5321 §4.1.1.1: the first line is the host's name and greeting, a keyword stands on each line after it.
  for (auto end = rest.find('\n'); end != std::string_view::npos;) {
    rest.remove_prefix(end + 1);
    end = rest.find('\n');
    const std::string_view line = base::trim(rest.substr(0, end));
    const auto blank = std::min(line.find_first_of(" \t"), line.size());
    for (const Keyword& keyword : keywords)
      if (base::equals_ignoring_case(line.substr(0, blank), keyword.name)) result.*keyword.member = true;
    if (base::equals_ignoring_case(line.substr(0, blank), "LIMITS")) take_limits(line.substr(blank), result.limits);
    if (base::equals_ignoring_case(line.substr(0, blank), "AUTH")) {
      take_mechanisms(line.substr(blank), result.auth);
    } else if (constexpr std::string_view old = "AUTH="; base::starts_with_ignoring_case(line, old)) {
      // How it was written before there was a standard; some hosts say nothing else.
      take_mechanisms(line.substr(old.size()), result.auth);
    }
    if (base::equals_ignoring_case(line.substr(0, blank), "SIZE")) {
      // RFC 1870 §4: no number and 0 are no fixed limit; a number that cannot be read limits nothing either.
      const long long limit = base::decimal(base::trim(line.substr(blank)));
      result.size_limit = limit > 0 ? static_cast<std::uint64_t>(limit) : 0;
    }
  }
  return result;
}

}  // namespace smtp
