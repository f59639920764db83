// Listening sockets and their threads.
#include "tests/lab/server.hpp"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace lab {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

std::uint16_t port_of(int socket) {
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&local), &size);
  return ntohs(local.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&local)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&local)->sin_port);
}

void reuse_address(int socket) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

}  // namespace

SocketAddress::SocketAddress(const std::string& address, std::uint16_t port) {
  auto& four = reinterpret_cast<sockaddr_in&>(storage_);
  auto& six = reinterpret_cast<sockaddr_in6&>(storage_);
  if (::inet_pton(AF_INET, address.c_str(), &four.sin_addr) == 1) {
    storage_.ss_family = AF_INET;
    four.sin_port = htons(port);
    size_ = sizeof four;
  } else if (::inet_pton(AF_INET6, address.c_str(), &six.sin6_addr) == 1) {
    storage_.ss_family = AF_INET6;
    six.sin6_port = htons(port);
    size_ = sizeof six;
  } else {
    throw std::runtime_error("not an address: " + address);
  }
}

ReservedPort::ReservedPort() {
  // Bound and never listening: beside it an address with SO_REUSEADDR may still be bound, but no port of the system's
  // own choice is.
  for (const char* any : {"::", "0.0.0.0"}) {
    const SocketAddress address(any, 0);
    socket_ = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (socket_ < 0) continue;
    reuse_address(socket_);
    const int off = 0;
    if (address.family() == AF_INET6) ::setsockopt(socket_, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (::bind(socket_, address.get(), address.size()) == 0) break;
    ::close(socket_);
    socket_ = -1;
  }
  if (socket_ < 0) fail("no free port");
  number_ = port_of(socket_);
}

ReservedPort::~ReservedPort() {
  ::close(socket_);
}

Server::Server(const std::string& address, std::uint16_t port, Dialogue dialogue) : dialogue_(std::move(dialogue)) {
  const SocketAddress local(address, port);
  listening_ = ::socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (listening_ < 0) fail("socket");
  reuse_address(listening_);
  if (::bind(listening_, local.get(), local.size()) != 0 || ::listen(listening_, 511) != 0) {
    const int error = errno;
    ::close(listening_);
    errno = error;
    fail("cannot listen at " + address + " port " + std::to_string(port));
  }
  port_ = port_of(listening_);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  acceptor_ = std::thread([this] { accept_loop(); });
}

Server::~Server() {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_, &one, sizeof one));
  acceptor_.join();
  ::close(listening_);
  cut_all();
  reap(true);
  ::close(wake_);
}

void Server::accept_loop() {
  for (;;) {
    pollfd ready[2] = {{listening_, POLLIN, 0}, {wake_, POLLIN, 0}};
    if (::poll(ready, 2, -1) < 0 && errno != EINTR) return;
    if (ready[1].revents != 0) return;
    const int socket = ::accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) continue;
    reap(false);
    std::lock_guard guard(mutex_);
    Connection& connection = connections_.emplace_back(socket);
    connection.thread = std::thread([this, &connection] {
      try {
        dialogue_(connection.channel);
      } catch (const Gone&) {
        // how a connection ends that a fault has ended; the dialogue has recorded it
      }
      connection.channel.close();
      connection.done = true;
    });
  }
}

void Server::reap(bool all) {
  std::list<Connection> ended;
  {
    std::lock_guard guard(mutex_);
    for (auto at = connections_.begin(); at != connections_.end();) {
      const auto next = std::next(at);
      if (all || at->done) ended.splice(ended.end(), connections_, at);
      at = next;
    }
  }
  for (auto& connection : ended) connection.thread.join();
}

void Server::cut_all() {
  std::lock_guard guard(mutex_);
  for (auto& connection : connections_) connection.channel.cut();
}

}  // namespace lab
