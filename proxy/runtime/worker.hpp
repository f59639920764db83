// One worker: a thread, its io_context, and what its sessions share. A session never leaves its worker.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <thread>
#include <unordered_set>

#include "proxy/dns/caching_resolver.hpp"
#include "proxy/inbound/session.hpp"
#include "proxy/outbound/pool.hpp"
#include "proxy/outbound/tls_memory.hpp"

namespace proxy {

/// What the process shares with its workers; outlives them.
struct Shared {
  PolicyService& policies;
  Destinations& destinations;
  std::function<std::shared_ptr<const Config>()> config;
  std::function<std::shared_ptr<const TlsContexts>()> tls;
  std::function<bool(const std::string&, std::uint16_t)> is_own;
  DomainMemory* memory = nullptr;
  std::function<void(const std::string&)> delivered{};
};

class Worker {
 public:
  using MakeResolver = std::function<std::unique_ptr<CachingResolver>(boost::asio::io_context&)>;
  Worker(const Shared& shared, const MakeResolver& make_resolver);
  ~Worker();

  void start();
  /// From any thread: an accepted connection.
  void serve(std::shared_ptr<const ListenerFacts> listener, int descriptor, bool v6, ConnectionLimits::Place place,
             std::string limit_reached);
  /// From any thread: work of the queue.
  void run(std::function<awaitable<void>(Environment&)> work);
  /// From any thread: sessions end at their next quiet point; from then on idle connections end with QUIT.
  void drain();
  /// From any thread: whatever still runs is cut.
  void abort_sessions();
  /// From any thread: QUIT to every idle connection, then the thread ends.
  void finish();
  bool ended() const { return ended_.load(); }
  void join();
  void shed(const std::string& host);
  /// From any thread: other DNS servers, after a reload.
  void use(std::vector<HostPort> dns_servers);

  unsigned sessions() const { return open_.load(std::memory_order_relaxed); }

 private:
  awaitable<void> run_session(std::shared_ptr<Session> session);

  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  Watchdog watchdog_;
  std::unique_ptr<CachingResolver> resolver_;
  Pool pool_;
  TlsMemory tls_memory_;
  BufferPool buffers_;
  std::mt19937 random_;
  Environment environment_;
  std::unordered_set<Session*> running_;
  std::atomic<unsigned> open_{0};
  std::atomic<bool> ended_{false};
  bool draining_ = false;
  std::thread thread_;
};

}  // namespace proxy
