// One connection to an MX host: from the dial to Ready, its Proof, and the exchanges on it. The only place that sends
// MAIL, and only for a Permit.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <variant>

#include "policy/admit.hpp"
#include "policy/outcome.hpp"
#include "policy/proof.hpp"
#include "protocol/smtp/capabilities.hpp"
#include "protocol/smtp/client_step.hpp"
#include "protocol/smtp/greet.hpp"
#include "protocol/smtp/send_envelope.hpp"
#include "proxy/config/config.hpp"
#include "proxy/net/stream.hpp"
#include "proxy/outbound/destinations.hpp"
#include "proxy/runtime/metrics.hpp"

namespace proxy {

/// What makes connections interchangeable: nothing of the recipient's domain or its policy.
struct Bucket {
  std::string host;
  std::string address;
  std::uint16_t port = 25;
  bool implicit_tls = false;
  std::string user{};  ///< as whom the relay has authenticated there; empty: as nobody
  bool operator==(const Bucket&) const = default;
};

template <class T>
using Outcome = std::variant<T, smtp::Failure>;

class Connection {
 public:
  Connection(Bucket bucket, Destinations::Slot slot, Socket socket, Watchdog& watchdog);

  /// To the point where MAIL may be sent. `tls` gives the context for the handshake, `association` the TLSA records to
  /// check against; fills proof() and capabilities().
  awaitable<std::optional<smtp::Failure>> open(std::string ehlo_name, smtp::TlsUse use, Strength strength,
                                               std::shared_ptr<const TlsContexts> tls, Deadline deadline,
                                               AssociationPtr association = nullptr);

  /// Authenticates, once for the connection. Sends nothing unless the host is verified, by its certificate or by DANE:
  /// that is Stage::auth, no_auth.
  awaitable<std::optional<smtp::Failure>> log_in(const Login& login, Deadline deadline);
  /// MAIL and RCPTs. The permit is spent here; a spent one sends nothing (a bug: nonsense is returned).
  awaitable<Outcome<smtp::Verdicts>> envelope(policy::Permit permit, const smtp::Envelope& envelope, Deadline deadline);
  /// Further RCPTs of the transaction that envelope() opened.
  awaitable<Outcome<smtp::Verdicts>> more_recipients(const smtp::Envelope& envelope, Deadline deadline);
  awaitable<Outcome<smtp::Reply>> exchange(smtp::Stage stage, std::string_view octets, Deadline deadline,
                                           bool early = false);
  /// Octets of the body, stuffed already.
  awaitable<error_code> body(std::string_view first, std::string_view second, Deadline deadline);
  /// Whether the host has said something while the body was going out.
  bool spoke_early();

  /// Whether it can carry one more transaction: alive and silent (SMTP-50). Consumes nothing that a reply could be.
  bool quiet();
  /// QUIT and a short wait for the reply (SMTP-49), then the end. Takes the connection with it.
  static awaitable<void> quit(std::unique_ptr<Connection> connection);
  void close() { stream_.close(); }
  /// Whoever waits for its host does so no longer, as if the connection were lost.
  void interrupt() { stream_.interrupt(); }
  /// Ends it so that the host cannot take what it has for a whole message.
  void abort() { stream_.abort(); }

  const Bucket& bucket() const { return bucket_; }
  const policy::Proof& proof() const { return proof_; }
  const smtp::Capabilities& capabilities() const { return ready_.capabilities; }
  const smtp::Reply& starttls_refusal() const { return ready_.starttls_refusal; }
  const std::string& handshake_words() const { return handshake_words_; }

  std::chrono::steady_clock::time_point opened() const { return opened_; }
  std::chrono::steady_clock::time_point idle_since() const { return idle_since_; }
  void became_idle() { idle_since_ = std::chrono::steady_clock::now(); }
  unsigned messages = 0;  ///< transactions that it carried
  /// What it may carry: `most`, or the host's own MAILMAX where that is less (RFC 9422 §4.1).
  unsigned transactions_at_most(unsigned most) const {
    return std::min(most, capabilities().limits.mails.value_or(most));
  }

 private:
  Bucket bucket_;
  Destinations::Slot slot_;
  metrics::Held open_{metrics::all.outbound.connections_open};
  Stream stream_;
  smtp::InputBuffer input_;
  smtp::Ready ready_;
  policy::Proof proof_;
  std::string handshake_words_;
  std::chrono::steady_clock::time_point opened_, idle_since_;
};

}  // namespace proxy
