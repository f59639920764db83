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
    if (base::equals_ignoring_case(line.substr(0, blank), "SIZE")) {
      // RFC 1870 §4: no number and 0 are no fixed limit; a number that cannot be read limits nothing either.
      const long long limit = base::decimal(base::trim(line.substr(blank)));
      result.size_limit = limit > 0 ? static_cast<std::uint64_t>(limit) : 0;
    }
  }
  return result;
}

}  // namespace smtp
