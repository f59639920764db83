// Base64 (RFC 4648 §4). Strict: what decodes has exactly one encoding. Never skips blanks or line ends.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace base {

std::string base64(std::string_view octets);

/// The octets, any of them. nullopt for letters outside the alphabet, blanks, missing or surplus padding, and bits that
/// no octet uses and that are not zero (RFC 4648 §3.5). Empty text is empty octets.
std::optional<std::string> decoded_base64(std::string_view text);

}  // namespace base
