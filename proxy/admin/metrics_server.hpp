// Where Prometheus reads: GET /metrics over HTTP/1.1, one request a connection, on the control thread. Bounded in
// connections, octets and time. Nothing else can be had or changed here, and a request is never logged.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <memory>
#include <string>

#include "proxy/config/config.hpp"
#include "proxy/runtime/spawn.hpp"

namespace proxy {

class MetricsServer {
 public:
  static constexpr unsigned connections_at_most = 16;
  static constexpr std::uint32_t header_limit = 8192;
  static constexpr std::chrono::seconds time_limit{10};  ///< for a whole connection

  /// Binds; throws boost::system::system_error where it cannot. `text` is asked for once a request, and must outlive
  /// the executor's work.
  MetricsServer(Executor control, const HostPort& address, std::function<std::string()> text,
                std::chrono::milliseconds limit = time_limit);
  void start();
  boost::asio::ip::tcp::endpoint local() const { return acceptor_.local_endpoint(); }

 private:
  using Socket = boost::asio::ip::tcp::socket;
  awaitable<void> accept();
  awaitable<void> serve(Socket socket);

  Executor control_;
  const std::function<std::string()> text_;
  const std::chrono::milliseconds limit_;
  boost::asio::ip::tcp::acceptor acceptor_;
  const std::shared_ptr<unsigned> open_ = std::make_shared<unsigned>(0);  // connections, which may outlive the server
};

}  // namespace proxy
