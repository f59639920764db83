// Both ends of the socket.
#include "proxy/admin/control_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>

namespace proxy {

namespace asio = boost::asio;
namespace json = boost::json;

namespace {

constexpr std::size_t longest_line = 8192;
constexpr unsigned connections_at_most = 16;
constexpr std::chrono::seconds line_time(10);

/// Closes the socket unless it is dropped before. The timer is the socket's owner, too.
class Closer {
 public:
  Closer(const Executor& executor, const std::shared_ptr<asio::local::stream_protocol::socket>& socket)
      : timer_(std::make_shared<asio::steady_timer>(executor, line_time)) {
    timer_->async_wait([socket](const boost::system::error_code& error) {
      if (error) return;
      boost::system::error_code ignored;
      socket->close(ignored);
    });
  }
  ~Closer() { timer_->cancel(); }
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;

 private:
  std::shared_ptr<asio::steady_timer> timer_;
};

asio::local::stream_protocol::acceptor made(const Executor& control, const std::string& file) {
  ::unlink(file.c_str());
  asio::local::stream_protocol::acceptor acceptor(control);
  acceptor.open();
  acceptor.bind(asio::local::stream_protocol::endpoint(file));
  // The state directory is its owner's alone; the mode is for those who put the group into it.
  if (::chmod(file.c_str(), 0660) != 0) throw std::runtime_error(file + ": " + std::strerror(errno));
  acceptor.listen();
  return acceptor;
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

std::string control_socket_file(const std::string& state_dir) {
  return state_dir + "/control.sock";
}

ControlServer::ControlServer(Executor control, const std::string& state_dir, Handler handler)
    : control_(std::move(control)),
      file_(control_socket_file(state_dir)),
      handler_(std::move(handler)),
      acceptor_(made(control_, file_)) {}

ControlServer::~ControlServer() {
  ::unlink(file_.c_str());
}

void ControlServer::start() {
  spawn(control_, accept(), "control socket");
}

awaitable<void> ControlServer::accept() {
  for (;;) {
    auto socket = std::make_shared<Socket>(control_);
    boost::system::error_code error;
    co_await acceptor_.async_accept(*socket, asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors: the next try is later, or it would never end.
      asio::steady_timer later(control_, std::chrono::seconds(1));
      co_await later.async_wait(asio::use_awaitable);
      continue;
    }
    if (*open_ < connections_at_most) spawn(control_, serve(std::move(socket)), "control connection");
  }
}

awaitable<void> ControlServer::serve(std::shared_ptr<Socket> socket) {
  struct Count {
    std::shared_ptr<unsigned> open;
    explicit Count(std::shared_ptr<unsigned> counted) : open(std::move(counted)) { ++*open; }
    ~Count() { --*open; }
  } count(open_);
  std::string line;
  boost::system::error_code error;
  {
    const Closer closer(control_, socket);
    co_await asio::async_read_until(*socket, asio::dynamic_buffer(line, longest_line), '\n',
                                    asio::redirect_error(asio::use_awaitable, error));
  }
  if (error) co_return;
  const auto request = json::parse(line.substr(0, line.find('\n')), error);
  json::object answer{{"exit", 3}, {"words", "the request is no JSON object"}};
  if (!error && request.is_object()) {
    auto object = request.get_object();
    answer = co_await handler_(std::move(object));
  }
  const auto text = json::serialize(answer) + '\n';
  const Closer closer(control_, socket);
  co_await asio::async_write(*socket, asio::buffer(text), asio::redirect_error(asio::use_awaitable, error));
}

std::optional<json::object> ask_relay(const std::string& state_dir, const json::object& request,
                                      std::chrono::milliseconds limit) {
  const auto file = control_socket_file(state_dir);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (file.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, file.c_str(), file.size() + 1);
  const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (socket.number() < 0) throw std::runtime_error(std::string("no socket can be made: ") + std::strerror(errno));
  if (::connect(socket.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    // Refused: the socket of a relay that was killed.
    if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR) return std::nullopt;
    throw std::runtime_error(file + ": " + std::strerror(errno));
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit).count() + 1;
  const timeval wait{static_cast<time_t>(seconds), 0};
  ::setsockopt(socket.number(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  const auto line = json::serialize(request) + '\n';
  if (::send(socket.number(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size()))
    throw std::runtime_error(file + ": the request cannot be sent");
  std::string answer;
  char part[1024];
  for (ssize_t got = 0; (got = ::recv(socket.number(), part, sizeof part, 0)) > 0;) {
    answer.append(part, static_cast<std::size_t>(got));
    if (answer.size() > 16 * longest_line) break;
  }
  boost::system::error_code error;
  const auto value = json::parse(answer.substr(0, answer.find('\n')), error);
  if (error || !value.is_object()) throw std::runtime_error("the running relay has not answered");
  return value.get_object();
}

}  // namespace proxy
