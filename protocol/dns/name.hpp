// Domain names between the wire and text (RFC 1035 §3.1, §4.1.4). Text is lower case without a trailing dot, "." for
// the root; an octet that is not printable, a blank, a backslash and a dot inside a label stand as \DDD. Never follows
// more than 32 compression pointers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/cursor.hpp"

namespace dns {

/// Reads the name at the cursor, following pointers into `message`, which the cursor must read. nullopt: the message is
/// broken.
std::optional<std::string> read_name(std::string_view message, base::Cursor& cursor);

/// The name as wire octets in the case it has, without compression. nullopt: no such name can be asked (an empty label,
/// one of more than 63 octets, more than 255 in all).
std::optional<std::string> wire_name(std::string_view text);

/// What read_name would make of this name: for comparisons.
std::string canonical_text(std::string_view text);

}  // namespace dns
