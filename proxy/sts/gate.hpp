// Lets a bounded number of coroutines of one executor through at a time; the others wait in order.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>

#include "proxy/runtime/spawn.hpp"

namespace proxy {

class Gate {
 public:
  Gate(const Executor& executor, unsigned places) : executor_(executor), free_(places) {}

  class Passage {
   public:
    explicit Passage(Gate* gate) : gate_(gate) {}
    Passage(Passage&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Passage& operator=(Passage&&) = delete;
    ~Passage() {
      if (gate_) gate_->leave();
    }

   private:
    Gate* gate_;
  };

  awaitable<Passage> enter() {
    if (free_ > 0) {
      --free_;
      co_return Passage(this);
    }
    auto wake = std::make_shared<boost::asio::steady_timer>(executor_, boost::asio::steady_timer::time_point::max());
    waiting_.push_back(wake);
    boost::system::error_code ignored;
    co_await wake->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    co_return Passage(this);  // the place changed hands in leave()
  }

 private:
  void leave() {
    if (waiting_.empty()) {
      ++free_;
      return;
    }
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    next->cancel();
  }

  Executor executor_;
  unsigned free_;
  std::deque<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

}  // namespace proxy
