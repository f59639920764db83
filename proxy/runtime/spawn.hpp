// Starting coroutines. Never a bare `detached`: an exception that leaves a spawned coroutine is logged, with its name.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/runtime/log.hpp"

namespace proxy {

template <class T>
using awaitable = boost::asio::awaitable<T>;
using Executor = boost::asio::any_io_executor;

namespace detail {
inline void log_escaped(std::string_view name, const std::exception_ptr& error) {
  if (!error) return;
  std::string words = "unknown";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    words = e.what();
  } catch (...) {
  }
  log::Event(log::Level::error, "internal_error").add("where", name).add("reason", words);
}
}  // namespace detail

/// Runs `work` to its end on `executor`; `name` must be a literal.
inline void spawn(const Executor& executor, awaitable<void> work, std::string_view name) {
  boost::asio::co_spawn(executor, std::move(work),
                        [name](const std::exception_ptr& error) { detail::log_escaped(name, error); });
}

/// Work that runs beside its starter, on the same executor, until someone joins it; any number may. A Task that is
/// never joined ends by itself.
template <class T>
class Task {
 public:
  static Task start(const Executor& executor, awaitable<T> work) {
    Task task;
    task.state_ = std::make_shared<State>();
    boost::asio::co_spawn(executor, std::move(work), [state = task.state_](std::exception_ptr error, T value) {
      state->error = std::move(error);
      state->value = std::move(value);
      state->done = true;
      for (auto* waiting : state->joiners) waiting->cancel();
    });
    return task;
  }

  awaitable<T> join() {
    const auto state = state_;
    co_await ended(boost::asio::steady_timer::time_point::max());
    if (state->error) std::rethrow_exception(state->error);
    co_return *state->value;
  }

  /// Waits until the work has ended or the time has come. True: it has ended, and join() does not wait.
  awaitable<bool> ended(boost::asio::steady_timer::time_point latest) {
    const auto state = state_;
    if (state->done) co_return true;
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer wake(executor, latest);
    state->joiners.push_back(&wake);
    while (!state->done && boost::asio::steady_timer::clock_type::now() < latest) {
      boost::system::error_code ignored;
      co_await wake.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
    }
    std::erase(state->joiners, &wake);
    co_return state->done;
  }

 private:
  struct State {
    bool done = false;
    std::exception_ptr error;
    std::optional<T> value;
    std::vector<boost::asio::steady_timer*> joiners;  // each lives in an ended() that waits
  };
  std::shared_ptr<State> state_;
};

}  // namespace proxy
