// Greeting, EHLO or HELO, STARTTLS, EHLO again: from the first octet of a connection to the point where MAIL may be
// sent. Nothing that came in plaintext survives STARTTLS (RFC 3207 §4.2).
#pragma once

#include <string>

#include "protocol/smtp/capabilities.hpp"
#include "protocol/smtp/client_step.hpp"

namespace smtp {

enum class TlsUse {
  none,           ///< stay in plaintext (third try of an opportunistic delivery)
  opportunistic,  ///< STARTTLS where offered; a host that refuses it is used on without (SMTP-56)
  required,       ///< no STARTTLS, or a refusal of it, is a failure (STS-36)
  established,    ///< implicit TLS: the handshake is done, STARTTLS is not asked for
};

struct Ready {
  Capabilities capabilities;  ///< of the EHLO in force
  bool tls = false;
  Reply starttls_refusal;  ///< opportunistic: what the host said to STARTTLS instead of 220; code 0 otherwise
};

/// One connection's opening. HELO is tried where EHLO gets 500, 501, 502 or 504 (SMTP-18); such a host counts as
/// without STARTTLS.
class Greet {
 public:
  Greet(std::string ehlo_name, TlsUse use, InputBuffer& input);
  Step<Ready> resume(boost::system::error_code error);

 private:
  Step<Ready> reply_arrived();
  Step<Ready> fail(Cause cause, std::string text);
  Step<Ready> write(std::string command, Stage stage);
  Step<Ready> after_hello();

  std::string ehlo_name_;
  TlsUse use_;
  InputBuffer& input_;
  ReplyReader reader_;
  std::string out_;
  Stage stage_ = Stage::greeting;
  enum class Doing { start, reading, writing, handshaking } doing_ = Doing::start;
  bool helo_ = false;
  Ready ready_;
};

}  // namespace smtp
