// What stands behind the path of MAIL and RCPT: ESMTP parameters (RFC 5321 §4.1.2). For command.cpp only; knows grammar
// and what is offered, never sequence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/smtp/command.hpp"

namespace smtp {

Reply bad_argument(std::string text);

/// RFC 1870 §4: up to twenty digits, which may be more than 64 bits hold; that is more than any limit, too.
std::optional<std::uint64_t> size_value(std::string_view digits);

/// Nothing when all of them are good, and in `mail` or `rcpt`; otherwise the refusal.
std::optional<Reply> take_parameters(std::string_view text, const Offer& offer, Mail& mail);
std::optional<Reply> take_parameters(std::string_view text, const Offer& offer, Rcpt& rcpt);

}  // namespace smtp
