// The control socket of a running relay, `control.sock` in the state directory: one line with a JSON object, one such
// line back, and the connection ends. Whoever may write to the socket may order what Administration offers; nothing of
// a message or a key can be had here. Bounded in size, number and time.
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "proxy/runtime/spawn.hpp"

namespace proxy {

std::string control_socket_file(const std::string& state_dir);

class ControlServer {
 public:
  using Handler = std::function<awaitable<boost::json::object>(boost::json::object)>;

  /// The state directory is held by this process, so that a socket which lies there is a dead one's. Throws
  /// boost::system::system_error where none can be made. `handler` must outlive the executor's work.
  ControlServer(Executor control, const std::string& state_dir, Handler handler);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  void start();

 private:
  using Socket = boost::asio::local::stream_protocol::socket;
  awaitable<void> accept();
  awaitable<void> serve(std::shared_ptr<Socket> socket);

  Executor control_;
  const std::string file_;
  const Handler handler_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  const std::shared_ptr<unsigned> open_ = std::make_shared<unsigned>(0);  // connections, which may outlive the server
};

/// Sends the request to the relay that has this state directory and waits for its reply; nullopt: none listens there.
/// Throws std::runtime_error where one does but does not answer. Blocking.
std::optional<boost::json::object> ask_relay(const std::string& state_dir, const boost::json::object& request,
                                             std::chrono::milliseconds limit);

}  // namespace proxy
