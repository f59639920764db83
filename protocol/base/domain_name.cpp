// Domain names as text. Never asks DNS, never completes a name: what is not a name as it stands is refused.
#include "protocol/base/domain_name.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"

namespace base {
namespace {

// RFC 1035 §2.3.4; 255 octets on the wire are 253 characters as text.
constexpr std::size_t label_limit = 63;
constexpr std::size_t name_limit = 253;

bool valid_label(std::string_view label, Alphabet alphabet) {
  if (label.empty() || label.size() > label_limit) return false;
  if (label.front() == '-' || label.back() == '-') return false;
  return std::all_of(label.begin(), label.end(), [&](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || (c == '_' && alphabet == Alphabet::lookup);
  });
}

}  // namespace

std::optional<std::string> canonical_domain(std::string_view text, Alphabet alphabet) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > name_limit) return std::nullopt;
  for (std::size_t begin = 0;;) {
    const std::size_t dot = text.find('.', begin);
    if (!valid_label(text.substr(begin, dot - begin), alphabet)) return std::nullopt;
    if (dot == std::string_view::npos) return lower(text);
    begin = dot + 1;
  }
}

bool looks_like_address(std::string_view text) {
  if (text.find(':') != std::string_view::npos) return true;
  if (text.ends_with('.')) text.remove_suffix(1);
  int parts = 0;
  for (std::size_t begin = 0;;) {
    const std::size_t dot = text.find('.', begin);
    if (decimal(text.substr(begin, dot - begin), 3) < 0) return false;
    ++parts;
    if (dot == std::string_view::npos) return parts == 4;
    begin = dot + 1;
  }
}

std::string_view parent_domain(std::string_view name) {
  const std::size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

bool is_subdomain(std::string_view name, std::string_view parent) {
  return !parent.empty() && name.size() > parent.size() + 1 && name.ends_with(parent) &&
         name[name.size() - parent.size() - 1] == '.';
}

}  // namespace base
