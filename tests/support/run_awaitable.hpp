// Runs a coroutine to its end on an io_context, for tests: what it threw comes out here, and a coroutine that hangs
// fails its test instead of the whole run. Not for production code.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <future>
#include <stdexcept>

namespace test {

/// Runs `io` until `task` has ended and returns its value or rethrows its exception. What else is pending on `io` stays
/// so. `limit` is no expectation, only what keeps a broken test from hanging.
template <class T>
T run_awaitable(boost::asio::io_context& io, boost::asio::awaitable<T> task,
                std::chrono::steady_clock::duration limit = std::chrono::seconds(60)) {
  // The result lives in the future: a task that is given up may still end, and then nothing of ours may be gone.
  std::future<T> result = boost::asio::co_spawn(io, std::move(task), boost::asio::use_future);
  const auto deadline = std::chrono::steady_clock::now() + limit;
  io.restart();
  while (result.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    if (io.run_one_until(deadline) == 0)
      throw std::runtime_error(io.stopped() ? "the io_context has nothing left to do and the coroutine has not ended"
                                            : "the coroutine has not ended in time");
  }
  return result.get();
}

}  // namespace test
