// A listening TCP port with a thread for each connection: the frame of the policy host and of the MX hosts. Knows no
// protocol.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>

#include "tests/lab/channel.hpp"

namespace lab {

/// A textual IPv4 or IPv6 address with its port, as the system calls take it. Throws std::runtime_error for anything
/// else.
class SocketAddress {
 public:
  SocketAddress(const std::string& address, std::uint16_t port);
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return size_; }
  int family() const { return storage_.ss_family; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = 0;
};

/// A TCP port number that is free at every address of this machine, and is kept for us while this lives: listeners of
/// ours (SO_REUSEADDR) may use it, the system gives it to no one else.
class ReservedPort {
 public:
  ReservedPort();
  ~ReservedPort();
  ReservedPort(const ReservedPort&) = delete;
  ReservedPort& operator=(const ReservedPort&) = delete;
  std::uint16_t number() const { return number_; }

 private:
  int socket_ = -1;
  std::uint16_t number_ = 0;
};

class Server {
 public:
  /// Called on a thread of the connection's own; returning (or Gone) ends the connection.
  using Dialogue = std::function<void(Channel&)>;

  /// Listens at once; throws std::runtime_error. `port` 0: any free one.
  Server(const std::string& address, std::uint16_t port, Dialogue dialogue);
  ~Server();  ///< stops listening, cuts all connections, waits for their threads
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const { return port_; }
  void cut_all();  ///< every open connection ends now; listening goes on

 private:
  struct Connection {
    explicit Connection(int socket) : channel(socket) {}
    Channel channel;
    std::atomic<bool> done = false;
    std::thread thread;
  };
  void accept_loop();
  void reap(bool all);

  Dialogue dialogue_;
  int listening_ = -1, wake_ = -1;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::list<Connection> connections_;  ///< below mutex_
  std::thread acceptor_;
};

}  // namespace lab
