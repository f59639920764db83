// Small functions over text. Untrusted text passes through `printable` before anyone sees it. ASCII only: no locale is
// ever asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace base {

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_letter(char c) {
  return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}
constexpr bool is_printable(char c) {
  return c >= 0x20 && c < 0x7f;
}

std::string lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);

/// Without blanks and tabs at either end.
std::string_view trim(std::string_view text);

/// Makes untrusted text harmless: everything but printable ASCII becomes `\xNN` (LF `\n`, CR `\r`, tab `\t`); what is
/// longer than `limit` octets afterwards is cut and ends in "...".
std::string printable(std::string_view text, std::size_t limit = 400);

/// The value of a decimal number of at most `digits` digits and nothing else, or -1.
long long decimal(std::string_view text, std::size_t digits = 18);

/// The length of one well-formed UTF-8 sequence at the start of a text that is not empty, or 0 (RFC 3629 §4: no
/// overlong forms, no surrogates).
std::size_t utf8_sequence(std::string_view text);
/// Whether it is well-formed UTF-8 from end to end.
bool is_utf8(std::string_view text);
/// Whether an octet above 127 is in it.
bool has_eight_bit(std::string_view text);

/// RFC 3461 §4: xtext to octets, any of them; nullopt where it is malformed.
std::optional<std::string> decoded_xtext(std::string_view xtext);

}  // namespace base
