// AUTH toward a next hop (RFC 4954): PLAIN, LOGIN, SCRAM-SHA-256. Never chooses to speak: whoever starts this machine
// has seen that the peer is the verified host that the credentials are for (SMTP-32). Neither a password nor what it
// was sent as ever gets into a result. SASLprep (RFC 4013) is not done: names and passwords go out as the octets that
// were given; what it would forbid as control characters is refused, what it would map or normalise is not.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/smtp/client_step.hpp"
#include "protocol/smtp/scram.hpp"

namespace smtp {

/// The strongest first.
enum class SaslMechanism { scram_sha_256, plain, login };
std::string_view words(SaslMechanism mechanism);
/// By its name in any case.
std::optional<SaslMechanism> sasl_mechanism(std::string_view name);

/// The strongest of those that a host offers, names separated by blanks as in its EHLO reply. `allowed`: no others;
/// empty: any.
std::optional<SaslMechanism> strongest_mechanism(std::string_view offered, std::span<const SaslMechanism> allowed = {});

struct Login {
  std::string user, password;
  std::vector<SaslMechanism> allowed;  ///< empty: any
  std::string nonce;                   ///< of the client, as ScramClient wants it; anew for each connection
  ScramCrypto crypto;
};

/// Why a name and password cannot be sent: empty, printable, without the password. They must be UTF-8 (RFC 4616 §2) of
/// 1 to 1024 octets without control characters, NUL among them.
std::string credentials_fault(std::string_view user, std::string_view password);

struct Authenticated {
  SaslMechanism mechanism = SaslMechanism::plain;
  Reply reply;  ///< its 235
};

/// One authentication. Its failures, all at Stage::auth: `refused` with the host's 4xx or 5xx; `no_auth` where there is
/// no mechanism in common, the credentials cannot be sent, or the host's side of SCRAM fails; `nonsense`, `lost`,
/// `timed_out` as everywhere. After any of them the connection must be closed: the host may believe that it went well.
class Authenticate {
 public:
  /// `offered`: the parameters of AUTH in the EHLO reply that came through TLS.
  Authenticate(std::string_view offered, Login login, InputBuffer& input);
  Step<Authenticated> resume(boost::system::error_code error);

 private:
  Step<Authenticated> begin();
  Step<Authenticated> reply_arrived();
  Step<Authenticated> challenged(const std::string& challenge);
  Step<Authenticated> challenged_scram(const std::string& challenge);
  Step<Authenticated> accepted(const Reply& reply);
  Step<Authenticated> write(std::string line, bool secret);
  Step<Authenticated> cancel(std::string why);
  Step<Authenticated> fail(Cause cause, std::string text, Reply reply = {});
  std::string plain_message() const;
  std::string without_secrets(std::string text) const;

  std::string offered_;
  Login login_;
  InputBuffer& input_;
  ReplyReader reader_;
  std::string out_;
  SaslMechanism mechanism_ = SaslMechanism::plain;
  std::optional<ScramClient> scram_;
  enum class Doing { start, dialogue } doing_ = Doing::start;
  unsigned answers_ = 0;      // messages of the mechanism that were sent
  bool complete_ = false;     // all that the mechanism has to say was said, and SCRAM's host proved itself
  bool secret_sent_ = false;  // from here on the host could repeat the password
  std::string cancelled_;     // why; empty: it was not
};

}  // namespace smtp
