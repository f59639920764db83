// One c-ares channel toward one DNS server, driven by Asio: sockets, their readiness, c-ares' timeouts. Moves octets
// only and never reads them. For one thread. Kept alive by the sockets it waits for; destroyed when nothing is in
// flight any more.
#pragma once

#include <ares.h>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <unordered_map>

#include "proxy/config/config.hpp"

namespace proxy {

/// A question on its way, shared by the one who waits and by c-ares. Who gives up waiting lets go of it; a late answer
/// then falls into nothing (c-ares cannot cancel a single query).
struct DnsQuery {
  using Time = std::chrono::steady_clock::time_point;

  DnsQuery(const boost::asio::any_io_executor& executor, std::shared_ptr<void> lease, Time deadline)
      : bell(executor, deadline), id_lease(std::move(lease)) {}

  boost::asio::steady_timer bell;  ///< cancelled when `done`; the one who waits looks at `done` before and after
  bool done = false;
  int status = ARES_ETIMEOUT;      ///< of c-ares
  std::string octets;              ///< the answer, with ARES_SUCCESS
  std::shared_ptr<void> id_lease;  ///< the query's id is taken until nobody can answer it any more
};

class AresSession : public std::enable_shared_from_this<AresSession> {
 public:
  /// nullptr when c-ares cannot be set up (memory, files); then the server counts as unreachable.
  static std::shared_ptr<AresSession> open(const boost::asio::any_io_executor& executor, const HostPort& server);
  ~AresSession();
  AresSession(const AresSession&) = delete;
  AresSession& operator=(const AresSession&) = delete;

  /// Sends the question; tried twice, ended after four seconds at the latest, over TCP after a truncated answer
  /// (STS-69). The query may be done on return; its bell rings through the executor, never from within.
  void send(const std::string& wire, std::shared_ptr<DnsQuery> query);

  std::size_t sent() const { return sent_; }
  /// c-ares gives up EDNS for the whole channel when a server answers FORMERR without it: then it is time for a new
  /// session.
  bool speaks_edns() const;

 private:
  struct InFlight;
  struct Watcher;

  explicit AresSession(const boost::asio::any_io_executor& executor);
  static void answered(void* argument, int status, int timeouts, unsigned char* octets, int size);
  static void socket_state(void* argument, ares_socket_t socket, int readable, int writable);
  void watch(ares_socket_t socket, bool readable, bool writable);
  void wait(const std::shared_ptr<Watcher>& watcher);
  void arm_timer();

  boost::asio::any_io_executor executor_;
  boost::asio::steady_timer timer_;
  bool timer_armed_ = false;
  ares_channel channel_ = nullptr;
  std::unordered_map<ares_socket_t, std::shared_ptr<Watcher>> watchers_;
  std::size_t in_flight_ = 0, sent_ = 0;
};

}  // namespace proxy
