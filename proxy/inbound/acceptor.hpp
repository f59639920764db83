// Listening sockets, on the control thread: accepts, and hands each connection to the worker with the fewest sessions.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>

#include "proxy/config/config.hpp"
#include "proxy/inbound/session.hpp"

namespace proxy {

class Acceptor {
 public:
  /// Called for each connection: descriptor, whether IPv6, the client's address.
  using Take = std::function<void(int descriptor, bool v6, const std::string& client)>;

  /// Binds and listens; throws boost::system::system_error where the address cannot be had.
  Acceptor(const Executor& executor, const HostPort& address, Take take);
  void start();
  /// No further connection is accepted.
  void stop();
  boost::asio::ip::tcp::endpoint local() const { return acceptor_.local_endpoint(); }

 private:
  awaitable<void> accept();

  Executor executor_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  Take take_;
};

/// What the sessions of this listener share, made from its configuration.
struct ListenerParts {
  std::shared_ptr<const ServerContext> tls;  ///< null: none
  std::shared_ptr<const ServedUsers> users;  ///< null: nobody authenticates
  Authenticator& authenticator;
  Queue& queue;
};
std::shared_ptr<const ListenerFacts> listener_facts(const Config& config, const ListenerConfig& listener,
                                                    std::uint16_t port, ListenerParts parts);

}  // namespace proxy
