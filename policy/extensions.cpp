// The questions in the order in which their answers help most.
#include "policy/extensions.hpp"

#include "policy/reply.hpp"

namespace policy {

std::optional<smtp::Reply> cannot_take(std::string_view host, const smtp::Capabilities& offers, const Used& used) {
  // RFC 1870 §6.1: a host that names no limit, or 0, takes any size as far as it says.
  if (offers.size_limit != 0 && used.size && *used.size > offers.size_limit)
    return reply::size_exceeds_host(host, offers.size_limit);
  if (used.international_address && !offers.smtputf8) return reply::utf8_address_refused(host);
  if (used.utf8_header && !offers.smtputf8) return reply::utf8_header_refused(host);
  if (used.eight_bit && !offers.eight_bit_mime) return reply::eight_bit_refused(host);
  return std::nullopt;
}

bool may_use_chunk(const smtp::Capabilities& offers, bool whole_message_at_hand, bool newline_was_added) {
  return offers.chunking && whole_message_at_hand && !newline_was_added;
}

}  // namespace policy
