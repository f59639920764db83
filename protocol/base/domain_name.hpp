// Domain names as text: canonical form and the two alphabets. Never asks DNS, never completes a name.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace base {

/// Which octets a label may hold.
enum class Alphabet {
  host,    ///< letters, digits, inner hyphens: names in policies and certificates (RFC 5321 §4.1.2)
  lookup,  ///< also `_` anywhere: names that are only asked in DNS, recipient domains (RFC 2181 §11)
};

/// Lower case, one trailing dot gone, checked: labels of 1 to 63 octets, 253 in all, at least one label. nullopt
/// otherwise.
std::optional<std::string> canonical_domain(std::string_view text, Alphabet alphabet);

/// Whether the text is a dotted IPv4 address or holds a colon: such a "name" is never dialled as an address (SMTP-16).
bool looks_like_address(std::string_view text);

/// `name` without its first label, empty when it has one only.
std::string_view parent_domain(std::string_view name);

/// Whether `name` is below `parent` (not equal to it); both canonical.
bool is_subdomain(std::string_view name, std::string_view parent);

}  // namespace base
