// c-ares 1.18.1 under Asio. Its callbacks are C: nothing may be thrown through them, and they only note and post.
#include "proxy/dns/ares_session.hpp"

#include <sys/time.h>

#include <stdexcept>
#include <utility>

namespace proxy {
namespace {

using namespace std::chrono_literals;

// c-ares doubles the second try: 1.33 s and 2.67 s. An answer to the first try that comes during the second still
// counts.
constexpr std::chrono::milliseconds first_try = 1330ms;
constexpr int tries = 2;
constexpr int udp_octets = 1232;  // what dns::encode_query announces

void initialise_library() {
  static const int status = ares_library_init(ARES_LIB_INIT_ALL);
  if (status != ARES_SUCCESS) throw std::runtime_error(std::string("c-ares: ") + ares_strerror(status));
}

std::string server_text(const HostPort& server) {
  const bool v6 = server.address.find(':') != std::string::npos;
  return (v6 ? "[" + server.address + "]" : server.address) + ":" + std::to_string(server.port);
}

}  // namespace

struct AresSession::InFlight {
  AresSession* session;  // outlives it: ares_destroy ends every query
  std::shared_ptr<DnsQuery> query;
};

/// A socket of c-ares. `closed` tells a handler that was already queued that its number may belong to another socket
/// now.
struct AresSession::Watcher {
  explicit Watcher(const boost::asio::any_io_executor& executor) : descriptor(executor) {}
  boost::asio::posix::stream_descriptor descriptor;
  bool wants_read = false, wants_write = false, waits_read = false, waits_write = false, closed = false;
};

AresSession::AresSession(const boost::asio::any_io_executor& executor) : executor_(executor), timer_(executor) {}

std::shared_ptr<AresSession> AresSession::open(const boost::asio::any_io_executor& executor, const HostPort& server) {
  initialise_library();
  const std::shared_ptr<AresSession> session(new AresSession(executor));
  char no_file[] = "/dev/null";  // this server and no setting of the system's
  char lookups[] = "b";
  ares_options options{};
  // NOCHECKRESP: else SERVFAIL cannot be told from a server that cannot be reached (STS-07, SMTP-14). EDNS: else an
  // answer of more than 512 octets is taken for truncated.
  options.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
  options.ednspsz = udp_octets;
  options.timeout = static_cast<int>(first_try.count());
  options.tries = tries;
  options.ndots = 0;
  options.lookups = lookups;
  options.resolvconf_path = no_file;
  options.sock_state_cb = &AresSession::socket_state;
  options.sock_state_cb_data = session.get();
  const int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                   ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB;
  if (ares_init_options(&session->channel_, &options, mask) != ARES_SUCCESS) {
    session->channel_ = nullptr;
    return nullptr;
  }
  if (ares_set_servers_ports_csv(session->channel_, server_text(server).c_str()) != ARES_SUCCESS) return nullptr;
  return session;
}

AresSession::~AresSession() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

bool AresSession::speaks_edns() const {
  ares_options options{};
  int mask = 0;
  const bool known = ares_save_options(channel_, &options, &mask) == ARES_SUCCESS;
  const bool edns = (options.flags & ARES_FLAG_EDNS) != 0;
  ares_destroy_options(&options);
  return known && edns;
}

void AresSession::send(const std::string& wire, std::shared_ptr<DnsQuery> query) {
  auto in_flight = std::make_unique<InFlight>(InFlight{this, std::move(query)});
  ++in_flight_;
  ++sent_;
  ares_send(channel_, reinterpret_cast<const unsigned char*>(wire.data()), static_cast<int>(wire.size()),
            &AresSession::answered, in_flight.release());
  arm_timer();
}

void AresSession::answered(void* argument, int status, int, unsigned char* octets, int size) {
  const std::unique_ptr<InFlight> in_flight(static_cast<InFlight*>(argument));
  AresSession& session = *in_flight->session;
  --session.in_flight_;
  // On teardown nobody waits: who waits keeps the session.
  if (status == ARES_EDESTRUCTION) return;
  DnsQuery& query = *in_flight->query;
  query.done = true;
  query.status = status;
  try {
    if (status == ARES_SUCCESS)
      query.octets.assign(reinterpret_cast<const char*>(octets), static_cast<std::size_t>(size));
    if (session.in_flight_ == 0) {
      session.timer_armed_ = false;
      session.timer_.cancel();
    }
    query.bell.cancel();
  } catch (...) {
    query.status = ARES_ENOMEM;  // the deadline rings the bell
  }
}

void AresSession::socket_state(void* argument, ares_socket_t socket, int readable, int writable) {
  try {
    static_cast<AresSession*>(argument)->watch(socket, readable != 0, writable != 0);
  } catch (...) {
    // Memory has run out: the query on this socket times out.
  }
}

void AresSession::watch(ares_socket_t socket, bool readable, bool writable) {
  const auto found = watchers_.find(socket);
  if (!readable && !writable) {
    if (found == watchers_.end()) return;
    const auto watcher = found->second;
    watchers_.erase(found);
    watcher->closed = true;
    watcher->descriptor.release();  // c-ares closes it
    return;
  }
  std::shared_ptr<Watcher> watcher;
  if (found != watchers_.end()) {
    watcher = found->second;
  } else {
    watcher = std::make_shared<Watcher>(executor_);
    watchers_.emplace(socket, watcher);
    boost::system::error_code error;
    watcher->descriptor.assign(socket, error);
    if (error) {
      watchers_.erase(socket);  // the query on this socket times out
      return;
    }
  }
  watcher->wants_read = readable;
  watcher->wants_write = writable;
  // During teardown there is nobody to keep alive, and nothing to wait for.
  if (!weak_from_this().expired()) wait(watcher);
}

void AresSession::wait(const std::shared_ptr<Watcher>& watcher) {
  using boost::asio::posix::stream_descriptor;
  const auto start = [&](bool wants, bool Watcher::*waits, stream_descriptor::wait_type direction) {
    if (!wants || watcher.get()->*waits) return;
    watcher.get()->*waits = true;
    watcher->descriptor.async_wait(
        direction, [self = shared_from_this(), watcher, waits, direction](boost::system::error_code error) {
          watcher.get()->*waits = false;
          if (error || watcher->closed) return;
          const int socket = watcher->descriptor.native_handle();
          const bool read = direction == stream_descriptor::wait_read;
          ares_process_fd(self->channel_, read ? socket : ARES_SOCKET_BAD, read ? ARES_SOCKET_BAD : socket);
          if (!watcher->closed) self->wait(watcher);
          self->arm_timer();
        });
  };
  start(watcher->wants_read, &Watcher::waits_read, stream_descriptor::wait_read);
  start(watcher->wants_write, &Watcher::waits_write, stream_descriptor::wait_write);
}

void AresSession::arm_timer() {
  // No query times out before it has waited for `first_try`: a timer that ends until then is early enough for all.
  if (in_flight_ == 0 || (timer_armed_ && timer_.expiry() <= std::chrono::steady_clock::now() + first_try)) return;
  timeval next{};
  if (ares_timeout(channel_, nullptr, &next) == nullptr) return;
  timer_armed_ = true;
  timer_.expires_after(std::chrono::seconds(next.tv_sec) + std::chrono::microseconds(next.tv_usec) + 1ms);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (error) return;
    self->timer_armed_ = false;
    ares_process_fd(self->channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    self->arm_timer();
  });
}

}  // namespace proxy
