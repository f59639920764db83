// The one header field that the relay adds: Received (RFC 5321 §4.4).
#pragma once

#include <string>
#include <string_view>

#include "protocol/base/time_format.hpp"

namespace mime {

struct Trace {
  std::string_view hello;           ///< the client's EHLO name as it came: made safe here (SMTP-64)
  std::string_view client_address;  ///< textual IPv4 or IPv6 address
  std::string_view hostname;        ///< the relay's
  std::string_view with;            ///< SMTP, ESMTP, ESMTPS, LMTP ... (RFC 3848)
  std::string_view id;
  std::string_view for_recipient;  ///< the one forward-path of a one-recipient transaction; empty otherwise
  std::string_view tls_cipher;     ///< of the client's session; empty in plaintext
  base::Time now;
};

/// The field with its CRLF; folded, ASCII, no line above 998 octets whatever the client called itself.
std::string received_field(const Trace& trace);

/// An EHLO name fit for a header: octets outside letters, digits, `.-_:[]` become `?`, at most 255; "unknown" when
/// nothing is left.
std::string safe_hello(std::string_view hello);

}  // namespace mime
