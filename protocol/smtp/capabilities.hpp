// What a host's EHLO reply offers (RFC 5321 §4.1.1.1). Keywords in any case; unknown ones are ignored.
#pragma once

#include <cstdint>
#include <string_view>

#include "protocol/smtp/reply.hpp"

namespace smtp {

struct Capabilities {
  bool esmtp = false;  ///< false after HELO: nothing is offered
  bool starttls = false;
  bool pipelining = false;
  bool eight_bit_mime = false;
  bool smtputf8 = false;
  bool chunking = false;
  bool dsn = false;
  bool requiretls = false;
  bool size = false;
  std::uint64_t size_limit = 0;  ///< 0: no limit (RFC 1870 §4)

  bool operator==(const Capabilities&) const = default;
};

Capabilities parse_capabilities(const Reply& ehlo_reply);

}  // namespace smtp
