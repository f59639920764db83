// Paths of MAIL and RCPT by the grammar of RFC 5321 §4.1.2. Never repairs an address: it is kept as it came, or
// refused.
#include "protocol/smtp/address.hpp"

#include <algorithm>

#include "protocol/base/domain_name.hpp"
#include "protocol/base/text.hpp"

namespace smtp {
namespace {

using base::ParseError;

// RFC 5321 §4.5.3.1.1 to .3; the path's limit counts its brackets.
constexpr std::size_t local_limit = 64;
constexpr std::size_t domain_limit = 255;
constexpr std::size_t path_limit = 256;

bool is_international(char c) {
  return static_cast<unsigned char>(c) > 127;  // RFC 6531 §3.3: UTF8-non-ascii; well-formed as a whole, see below
}

bool is_atom_text(char c) {
  constexpr std::string_view others = "!#$%&'*+-/=?^_`{|}~";
  return base::is_letter(c) || base::is_digit(c) || is_international(c) || others.find(c) != std::string_view::npos;
}

/// The length of a quoted string at the start of `text`, quotes included; 0 when it is none.
std::size_t quoted_string(std::string_view text) {
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') return i + 1;
    if (text[i] == '\\') ++i;
    if (i == text.size() || !(base::is_printable(text[i]) || is_international(text[i]))) return 0;
  }
  return 0;
}

/// The length of the local part at the start of `text`; 0 when there is none. Dots may stand anywhere in it: such
/// addresses exist, against RFC 5321 §4.1.2, and whether one does is for its own host to say.
std::size_t local_part(std::string_view text) {
  if (text.starts_with('"')) return quoted_string(text);
  const auto* end = std::find_if_not(text.begin(), text.end(), [](char c) { return is_atom_text(c) || c == '.'; });
  return static_cast<std::size_t>(end - text.begin());
}

bool is_address_literal(std::string_view domain) {
  if (domain.size() < 3 || !domain.starts_with('[') || !domain.ends_with(']')) return false;
  domain = domain.substr(1, domain.size() - 2);
  return std::all_of(domain.begin(), domain.end(), [](char c) {
    return base::is_letter(c) || base::is_digit(c) || c == '.' || c == ':' || c == '-';
  });
}

/// The length of a source route at the start of `text`, its colon included; 0 when there is none (RFC 5321 §4.1.2
/// A-d-l).
std::size_t source_route(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size() && text[at] == '@') {
    const std::size_t end = text.find_first_of(",:>", at);
    if (end == std::string_view::npos || text[end] == '>') return 0;
    if (!base::canonical_domain(text.substr(at + 1, end - at - 1), base::Alphabet::lookup)) return 0;
    at = end + 1;
    if (text[end] == ':') return at;
  }
  return 0;
}

/// A domain with U-labels: what stands between the dots is judged by whoever converts it.
bool may_be_international_domain(std::string_view domain) {
  if (!base::has_eight_bit(domain) || domain.starts_with('.') || domain.find("..") != domain.npos) return false;
  return std::all_of(domain.begin(), domain.end(), [](char c) {
    return base::is_letter(c) || base::is_digit(c) || c == '-' || c == '.' || c == '_' || is_international(c);
  });
}

}  // namespace

base::Parsed<Path> parse_path(std::string_view text, bool null_allowed, std::string_view& rest) {
  if (!text.starts_with('<')) return ParseError{0, "an address in angle brackets was expected"};
  if (null_allowed && text.starts_with("<>")) {
    rest = text.substr(2);
    return Path{};
  }

  std::size_t at = 1;
  if (text.substr(at).starts_with('@')) {
    const std::size_t route = source_route(text.substr(at));
    if (route == 0) return ParseError{at, "the source route is not one"};
    at += route;
  }

  Path path;
  const std::size_t begin = at;
  const std::size_t local = local_part(text.substr(at));
  if (local == 0) return ParseError{at, "the address has no valid local part"};
  if (local > local_limit) return ParseError{at, "the local part is longer than 64 octets"};
  path.local = text.substr(at, local);
  at += local;

  std::size_t end = at;
  if (text.substr(at).starts_with('@')) {
    ++at;
    end = text.find('>', at);
    if (end == std::string_view::npos) return ParseError{text.size(), "the closing angle bracket is missing"};
    const std::string_view domain = text.substr(at, end - at);
    if (domain.size() > domain_limit) return ParseError{at, "the domain is longer than 255 octets"};
    path.is_literal = is_address_literal(domain);
    if (path.is_literal) {
      path.domain = domain;
    } else if (auto canonical = base::canonical_domain(domain, base::Alphabet::lookup)) {
      path.domain = std::move(*canonical);
    } else if (may_be_international_domain(domain)) {
      path.domain = domain;
    } else {
      return ParseError{at, "the domain is not a valid name"};
    }
  } else if (text.substr(at).starts_with('>')) {
    // RFC 5321 §4.5.1: the only recipient that needs no domain.
    path.postmaster = !null_allowed && begin == 1 && base::equals_ignoring_case(path.local, "postmaster");
    if (!path.postmaster) return ParseError{at, "the address has no domain"};
  } else {
    return ParseError{at, "the address is not valid"};
  }
  if (end + 1 > path_limit) return ParseError{0, "the path is longer than 256 octets"};
  path.address = text.substr(begin, end - begin);
  path.international = base::has_eight_bit(path.address);
  if (path.international && !base::is_utf8(path.address)) return ParseError{begin, "the address is not UTF-8"};
  rest = text.substr(end + 1);
  return path;
}

}  // namespace smtp
