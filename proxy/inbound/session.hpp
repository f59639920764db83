// One client's connection: feeds octets to smtp::ServerSession and does what it asks. Lives and dies on one worker.
// Nothing that happens at an MX ends it (SMTP-66).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/smtp/server_session.hpp"
#include "proxy/inbound/authenticator.hpp"
#include "proxy/inbound/body_patience.hpp"
#include "proxy/inbound/limits.hpp"
#include "proxy/net/stream.hpp"
#include "proxy/runtime/metrics.hpp"
#include "proxy/tls/server_contexts.hpp"
#include "proxy/transaction/transaction.hpp"

namespace proxy {

/// Buffers of 64 KiB for the sessions that have octets to hold; one of it a worker.
class BufferPool {
 public:
  static constexpr std::size_t buffer_size = 65536;
  std::span<char> take();
  void give(std::span<char> buffer);

 private:
  static constexpr std::size_t kept_at_most = 64;
  std::vector<std::unique_ptr<char[]>> free_;
};

/// Counts a session while it is open, and when it has ended, by the TLS that it got.
class SessionCount {
 public:
  ~SessionCount() { metrics::all.inbound.sessions[tls_].add(); }
  void became(metrics::ClientTls tls) {
    tls_ = tls;
    open_.move_to(metrics::all.inbound.sessions_open[tls]);
  }

 private:
  metrics::ClientTls tls_ = metrics::ClientTls::none;
  metrics::Held open_{metrics::all.inbound.sessions_open[metrics::ClientTls::none]};
};

/// What the sessions of a listener share; must outlive them.
struct ListenerFacts {
  smtp::ServerOptions options;
  policy::Requirement floor;
  std::function<bool(const boost::asio::ip::address&)> allowed;
  std::function<bool(const boost::asio::ip::address&)> may_waive;  ///< tls_required_no (RTLS-07)
  std::shared_ptr<const ServerContext> tls;                        ///< null: none
  /// Peers whose connections begin with a PROXY header; empty: none do.
  std::function<bool(const boost::asio::ip::address&)> is_balancer;
  Authenticator* authenticator = nullptr;
  std::shared_ptr<const ServedUsers> users;  ///< null: nobody authenticates
  std::vector<std::string> allow_keys;       ///< SHA-256 of public keys, octets
  Queue* queue = nullptr;                    ///< of the process; null: there is none
  bool takes = false;                        ///< on_defer = "queue"
  std::chrono::milliseconds patience{30000};
};

/// Looks now and then whether a client that waits for an answer is still there.
class Presence final : public Watched {
 public:
  Presence(Watchdog& watchdog, Stream& stream) : watchdog_(watchdog), stream_(stream) {}
  /// `left` is called at most once, until forget().
  void watch(std::function<void()> left);
  void forget();

 private:
  void expired() override;

  Watchdog& watchdog_;
  Stream& stream_;
  std::function<void()> left_;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Environment& environment, BufferPool& buffers, std::shared_ptr<const ListenerFacts> listener, Socket socket,
          ConnectionLimits::Place place, const std::string& limit_reached);
  ~Session();

  awaitable<void> run();
  /// At the next point where no reply is owed: 421, the end.
  void shut_down();
  /// Now, whatever it is doing.
  void abort();

 private:
  void begin(const boost::asio::ip::address& client, const std::string& limit_reached);
  void refuse(const std::string& limit_reached);
  awaitable<bool> hear_balancer();
  awaitable<void> authenticate(smtp::Credentials credentials);
  void admit_by_key();
  /// Nothing: it is gone already. IPv4-mapped addresses as IPv4.
  static std::optional<boost::asio::ip::address> peer_of(const Socket& socket);
  awaitable<void> body_part(std::string_view wire, bool last);
  void log_leniencies() const;
  void log_closed(std::string_view reason) const;
  awaitable<bool> input();
  awaitable<bool> flush();
  awaitable<void> others_first();
  awaitable<void> start_tls();
  awaitable<bool> handshake(SslPtr ssl);
  void return_buffer();
  void be_patient();
  awaitable<void> answer_recipients(std::vector<smtp::Rcpt> batch);
  void mail(smtp::Mail mail);

  Environment& environment_;
  BufferPool& buffers_;
  std::shared_ptr<const ListenerFacts> listener_;
  ConnectionLimits::Place place_;
  std::string client_address_;  // of whom a balancer speaks for, where there is one
  SessionCount count_;
  Stream stream_;
  Presence presence_;
  std::unique_ptr<smtp::ServerSession> machine_;
  std::unique_ptr<Transaction> transaction_;
  std::string id_;
  Deadline command_due_ = never;  // when the next command must be whole
  BodyPatience patience_;         // of the message in hand
  bool may_waive_ = false;
  bool body_begun_ = false;    // of the message in hand
  bool added_fields_ = false;  // to some message
  bool refused_ = false;       // a limit is reached
  bool listens_ = true;        // what was written last was taken
  bool waiting_ = false;       // for the client's next octets
  bool shutting_down_ = false;
};

}  // namespace proxy
