// Lets a bounded number of coroutines of one executor through at a time; the others wait in order. A Passage may
// outlive its Gate: at the end of the process, what was suspended is unwound when the io_context goes.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <memory>

#include "proxy/runtime/spawn.hpp"

namespace proxy {

class Gate {
  struct State {
    unsigned free = 0;
    std::deque<std::shared_ptr<boost::asio::steady_timer>> waiting;

    void leave() {
      if (waiting.empty()) {
        ++free;
        return;
      }
      const auto next = std::move(waiting.front());
      waiting.pop_front();
      next->cancel();
    }
  };

 public:
  Gate(Executor executor, unsigned places) : executor_(std::move(executor)), state_(std::make_shared<State>()) {
    state_->free = places;
  }
  ~Gate() { state_->waiting.clear(); }  // the timers belong to an io_context that may go before the last Passage
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  class Passage {
   public:
    explicit Passage(std::shared_ptr<State> state) : state_(std::move(state)) {}
    Passage(Passage&& other) noexcept = default;
    Passage& operator=(Passage&&) = delete;
    ~Passage() {
      if (state_) state_->leave();
    }

   private:
    std::shared_ptr<State> state_;
  };

  awaitable<Passage> enter() {
    const auto state = state_;
    if (state->free > 0) {
      --state->free;
      co_return Passage(state);
    }
    auto wake = std::make_shared<boost::asio::steady_timer>(executor_, boost::asio::steady_timer::time_point::max());
    state->waiting.push_back(wake);
    boost::system::error_code ignored;
    co_await wake->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    co_return Passage(state);  // the place changed hands in leave()
  }

 private:
  Executor executor_;
  std::shared_ptr<State> state_;
};

}  // namespace proxy
