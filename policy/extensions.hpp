// Whether a host can take a message as its client declared it and as it is. The table of protocol/smtp/extensions says
// for which extensions that is asked. Never weakens or converts anything: a message goes as it is or not at all.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "protocol/smtp/capabilities.hpp"
#include "protocol/smtp/reply.hpp"

namespace policy {

/// What is known of a message; more of it as it comes in.
struct Used {
  std::optional<std::uint64_t> size = {};  ///< as MAIL declared it, octets
  bool international_address = false;      ///< in the envelope
  bool eight_bit = false;                  ///< BODY=8BITMIME was given, or an octet above 127 came
  bool utf8_header = false;                ///< begun with SMTPUTF8, and an octet above 127 is in the header
};

/// The refusal for good that this host makes necessary; another host may still take the message.
std::optional<smtp::Reply> cannot_take(std::string_view host, const smtp::Capabilities& offers, const Used& used);

/// Whether `BDAT n LAST` in place of DATA saves a round trip and keeps every octet: the whole message is at hand, and
/// nothing was added to it that a client's BDAT did not bring (SMTP-23).
bool may_use_chunk(const smtp::Capabilities& offers, bool whole_message_at_hand, bool newline_was_added);

}  // namespace policy
