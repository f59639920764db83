// A worker's thread, and what other threads post to it.
#include "proxy/runtime/worker.hpp"

#include <openssl/rand.h>
#include <pthread.h>

#include <boost/asio/post.hpp>

namespace proxy {

namespace {
std::uint32_t seed() {
  std::uint32_t value = 0;
  RAND_bytes(reinterpret_cast<unsigned char*>(&value), sizeof value);
  return value;
}
}  // namespace

Worker::Worker(const Shared& shared, const MakeResolver& make_resolver)
    : work_(context_.get_executor()),
      watchdog_(context_.get_executor()),
      resolver_(make_resolver(context_)),
      pool_(context_.get_executor()),
      random_(seed()),
      environment_{.executor = context_.get_executor(),
                   .watchdog = watchdog_,
                   .resolver = *resolver_,
                   .policies = shared.policies,
                   .destinations = shared.destinations,
                   .pool = pool_,
                   .tls_memory = tls_memory_,
                   .random = random_,
                   .config = shared.config,
                   .tls = shared.tls,
                   .is_own = shared.is_own,
                   .delivered = shared.delivered,
                   .memory = shared.memory} {}

Worker::~Worker() {
  join();
}

void Worker::start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "worker");
    context_.run();
    ended_.store(true);
  });
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::serve(std::shared_ptr<const ListenerFacts> listener, int descriptor, bool v6,
                   ConnectionLimits::Place place, std::string limit_reached) {
  open_.fetch_add(1, std::memory_order_relaxed);
  auto held = std::make_shared<ConnectionLimits::Place>(std::move(place));
  boost::asio::post(
      context_, [this, listener = std::move(listener), descriptor, v6, held, limit = std::move(limit_reached)] {
        Socket socket(context_);
        error_code error;
        socket.assign(v6 ? boost::asio::ip::tcp::v6() : boost::asio::ip::tcp::v4(), descriptor, error);
        auto session =
            std::make_shared<Session>(environment_, buffers_, listener, std::move(socket), std::move(*held), limit);
        if (draining_) session->shut_down();
        spawn(environment_.executor, run_session(std::move(session)), "session");
      });
}

awaitable<void> Worker::run_session(std::shared_ptr<Session> session) {
  running_.insert(session.get());
  try {
    co_await session->run();
  } catch (const std::exception& error) {
    log::Event(log::Level::error, "internal_error").add("where", "session").add("reason", error.what());
  }
  running_.erase(session.get());
  open_.fetch_sub(1, std::memory_order_relaxed);
}

void Worker::run(std::function<awaitable<void>(Environment&)> work) {
  boost::asio::post(context_,
                    [this, work = std::move(work)] { spawn(environment_.executor, work(environment_), "queue work"); });
}

void Worker::drain() {
  boost::asio::post(context_, [this] {
    draining_ = true;
    for (auto* session : running_) session->shut_down();
  });
}

void Worker::abort_sessions() {
  boost::asio::post(context_, [this] {
    for (auto* session : running_) session->abort();
  });
}

void Worker::shed(const std::string& host) {
  boost::asio::post(context_, [this, host] { pool_.shed(host); });
}

void Worker::use(std::vector<HostPort> dns_servers) {
  boost::asio::post(context_, [this, servers = std::move(dns_servers)] { resolver_->use(servers); });
}

void Worker::finish() {
  boost::asio::post(context_, [this] {
    auto last = [](Worker& worker) -> awaitable<void> {
      co_await worker.pool_.shut_down();
      worker.watchdog_.stop();
      worker.work_.reset();  // the thread ends when nothing is left to wait for
    };
    spawn(environment_.executor, last(*this), "finish");
  });
}

}  // namespace proxy
