// One connect with a deadline.
#include "proxy/net/dialer.hpp"

#include <boost/asio/redirect_error.hpp>

#include "protocol/base/text.hpp"

namespace proxy {

namespace asio = boost::asio;

namespace {
class Guard final : public Watched {
 public:
  explicit Guard(Socket& socket) : socket_(socket) {}
  bool rang() const { return rang_; }

 private:
  void expired() override {
    rang_ = true;
    error_code ignored;
    socket_.close(ignored);
  }
  Socket& socket_;
  bool rang_ = false;
};
}  // namespace

awaitable<Dialled> dial(std::string address, std::uint16_t port, Watchdog& watchdog, Deadline deadline) {
  Dialled result;
  error_code error;
  const auto parsed = asio::ip::make_address(address, error);
  if (error) {
    result.words = "not an address";
    co_return result;
  }
  auto executor = co_await asio::this_coro::executor;
  Socket socket(executor);
  Guard guard(socket);
  watchdog.arm(guard, deadline);
  const asio::ip::tcp::endpoint endpoint(parsed, port);
  co_await socket.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  Watchdog::disarm(guard);
  if (guard.rang()) {
    result.timed_out = true;
    result.words = "connect timed out";
  } else if (error) {
    result.timed_out = error == asio::error::timed_out;
    result.words = base::lower(base::printable(error.message(), 80));
  } else {
    result.socket = std::move(socket);
  }
  co_return result;
}

}  // namespace proxy
