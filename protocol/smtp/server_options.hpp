// What a listener serves and how much of it. Plain values that the owner fills in once; nothing here is read from a
// file or changes while a session runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "protocol/smtp/data_scanner.hpp"
#include "protocol/smtp/leniency.hpp"

namespace smtp {

/// What a listener does with this client.
enum class Admission {
  served,
  must_authenticate,  ///< MAIL gets 530 until it has (OPS-01)
  refused,            ///< the greeting is 554, and every command but QUIT gets 503
};

struct ServerOptions {
  std::string hostname;
  std::uint64_t message_size = 50u << 20;  ///< SIZE, octets
  std::size_t recipients = 1000;           ///< a transaction; above it 452 4.5.3
  std::size_t recipient_domains = 0;       ///< a transaction, as LIMITS says it (the owner answers); 0: no limit
  BareNewline bare_newline = BareNewline::reject;
  Leniency leniency{};  ///< toward old clients
  bool lmtp = true;     ///< LHLO is known (not on port 25)
  enum class Tls {
    none,
    starttls,          ///< offered
    require_starttls,  ///< and before it nothing is served that matters (SMTP-33)
    implicit,          ///< the owner has done the handshake before it drives the session (RFC 8314 §3.3)
  } tls = Tls::none;
  enum class Auth {
    none,
    over_tls,  ///< offered and served inside TLS only (RFC 8314 §4.1)
    always,
  } auth = Auth::none;
  unsigned received_limit = 100;  ///< that many Received fields are a loop (SMTP-11)
  unsigned errors = 20;           ///< that many command errors in a row end the session with 421 4.7.0 (SMTP-49)
};

}  // namespace smtp
