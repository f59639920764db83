// What the server machine asks of its owner (server_session.hpp says how each is answered). Values only; never keeps
// anything of the session but the view in BodyPart.
#pragma once

#include <string_view>
#include <variant>
#include <vector>

#include "protocol/smtp/auth_exchange.hpp"
#include "protocol/smtp/command.hpp"

namespace smtp {

namespace ask {
struct Input {};  ///< nothing complete is buffered
struct Flush {};  ///< much is to be said before another command is run
struct MailFrom {
  Mail mail;
};
struct StartTls {};  ///< no octet is buffered behind it: whatever comes next is the handshake
struct Authenticate {
  Credentials credentials;  ///< the owner checks them, and wipes the password
};
struct Recipients {
  std::vector<Rcpt>
      batch;  ///< every RCPT line already buffered, in order (up to the first that the machine refused itself)
};
struct Body {};  ///< DATA, or the first BDAT, with at least one accepted recipient
struct BodyPart {
  /// Canonical wire form (stuffed, CRLF), without the end marker; valid until the next call of next(). The first part
  /// comes when the message is complete or the buffer is full: that is the hold (SMTP-42).
  std::string_view wire;
  bool last = false;  ///< BodyEnd follows at once
};
struct BodyEnd {};
struct Abandon {
  enum class Why { reset, refused_content, client_gone } why = Why::reset;
};
struct Close {
  enum class Why {
    quit,
    client_gone,
    too_many_errors,
    shutdown,
    refused,
    injected,  ///< plaintext stood behind STARTTLS (SMTP-19)
  } why = Why::quit;
};
}  // namespace ask

using ServerAction = std::variant<ask::Input, ask::Flush, ask::MailFrom, ask::StartTls, ask::Authenticate,
                                  ask::Recipients, ask::Body, ask::BodyPart, ask::BodyEnd, ask::Abandon, ask::Close>;

}  // namespace smtp
