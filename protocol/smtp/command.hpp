// One SMTP command line as a value (RFC 5321 §4.1). Knows grammar, not sequence: what is allowed when is
// server_session's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/smtp/address.hpp"
#include "protocol/smtp/leniency.hpp"
#include "protocol/smtp/reply.hpp"

namespace smtp {

enum class Body { unspecified, seven_bit, eight_bit };

/// RET (RFC 3461 §4.3): what of the message a report of a failure returns.
enum class Return { unspecified, full, headers };

/// NOTIFY (RFC 3461 §4.1): what the sender wants to be told of one recipient. Nothing given: of failures, and of delays
/// as the relay sees fit.
struct Notify {
  bool given = false;
  bool never = false, success = false, failure = false, delay = false;
  bool operator==(const Notify&) const = default;
};

/// The value of NOTIFY=; nullopt where it is malformed.
std::optional<Notify> parse_notify(std::string_view value);
/// What parse_notify() reads as the same; empty: nothing was given.
std::string notify_value(const Notify& notify);

/// MAIL FROM.
struct Mail {
  Path reverse_path;
  std::optional<std::uint64_t> size;  ///< SIZE=, octets
  Body body = Body::unspecified;
  bool requiretls = false;  ///< RFC 8689: over verified TLS to hosts that promise the same, or not at all
  bool smtputf8 = false;    ///< RFC 6531: addresses and headers may hold UTF-8
  Return ret = Return::unspecified;
  std::string envid{};  ///< xtext as it came (RFC 3461 §4.4); empty: none
  /// AUTH= (RFC 4954 §5), the xtext undone; empty: `<>`. Who submitted the message is the client's claim only.
  std::optional<std::string> auth{};
};

struct Rcpt {
  Path forward_path;
  Notify notify{};
  /// As it came: `rfc822;` and xtext (RFC 3461 §4.2), or `utf-8;` and a form of RFC 6533 §3; empty: none.
  std::string orcpt{};
};

namespace command {
struct Hello {
  enum class Verb { helo, ehlo, lhlo } verb = Verb::ehlo;
  std::string name;  ///< as it came; make it safe before use (SMTP-64)
};
struct Data {};
/// RFC 3030 §2: so many octets follow the line.
struct Bdat {
  std::uint64_t octets = 0;
  bool last = false;
};
struct Rset {};
struct Noop {};
struct Help {};
struct Quit {};
struct Vrfy {};
struct StartTls {};
/// RFC 4954 §4. Not judged here: whether AUTH is served at all is said first.
struct Auth {
  std::string mechanism;               ///< empty: none was named
  std::optional<std::string> initial;  ///< all behind it, as it came; it may hold a password
};
}  // namespace command

/// A well-formed command, or the reply that refuses the line (500, 501, 502, 555; state stays as it was).
using Command = std::variant<command::Hello, Mail, Rcpt, command::Data, command::Bdat, command::Rset, command::Noop,
                             command::Help, command::Quit, command::Vrfy, command::StartTls, command::Auth, Reply>;

/// The extensions whose parameters are known now: one of an extension that was not offered is like any unknown one.
struct Offer {
  bool requiretls = false;
  bool dsn = false;
  bool smtputf8 = false;
  bool auth = false;
  bool utf8_addresses = false;  ///< the transaction was begun with SMTPUTF8
};

/// `line` without its CRLF. Refuses NUL and bare CR in it (SMTP-01).
Command parse_command(std::string_view line, const Offer& offer = {});
/// With what is `allowed` beyond the grammar; what of it the line needed is added to `used`.
Command parse_command(std::string_view line, const Offer& offer, const Leniency& allowed, Leniency& used);

}  // namespace smtp
