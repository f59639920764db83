// The sweep, and the list that it walks.
#include "proxy/net/watchdog.hpp"

#include <boost/asio/redirect_error.hpp>

namespace proxy {

namespace {
constexpr std::chrono::milliseconds sweep_time(250);
}

Watched::~Watched() {
  if (previous_) previous_->next_ = next_;
  if (next_) next_->previous_ = previous_;
}

Watchdog::Watchdog(const Executor& executor) : executor_(executor), timer_(executor) {
  spawn(executor_, sweep(), "watchdog");
}

Watchdog::~Watchdog() {
  stop();
}

void Watchdog::arm(Watched& watched, Deadline due) {
  watched.due_ = due;
  if (watched.previous_) return;  // linked already; it stays so until it is destroyed
  watched.previous_ = &root_;
  watched.next_ = root_.next_;
  if (root_.next_) root_.next_->previous_ = &watched;
  root_.next_ = &watched;
}

void Watchdog::stop() {
  stopped_ = true;
  timer_.cancel();
}

awaitable<void> Watchdog::sweep() {
  while (!stopped_) {
    timer_.expires_after(sweep_time);
    boost::system::error_code ignored;
    co_await timer_.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    if (stopped_) co_return;
    const auto now = std::chrono::steady_clock::now();
    for (Watched* at = root_.next_; at != nullptr;) {
      Watched* following = at->next_;
      if (at->due_ <= now) {
        at->due_ = never;
        at->expired();
      }
      at = following;
    }
  }
}

}  // namespace proxy
