// Deadlines of sockets, kept by one sweep a worker instead of a timer an operation: arming one is two stores. The price
// is that an expiry is noticed up to a quarter of a second late (docs/decisions/deadlines.md).
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "proxy/net/deadline.hpp"
#include "proxy/runtime/spawn.hpp"

namespace proxy {

/// Something with a deadline; a member of what it guards. Arm and disarm on the worker's thread only.
class Watched {
 public:
  virtual ~Watched();
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 protected:
  Watched() = default;
  /// The deadline has passed: cancel what waits. Called once for each arming.
  virtual void expired() = 0;

 private:
  friend class Watchdog;
  Deadline due_ = never;
  Watched* previous_ = nullptr;
  Watched* next_ = nullptr;
};

class Watchdog {
 public:
  /// Starts sweeping on the executor; must be destroyed after everything that it watches.
  explicit Watchdog(const Executor& executor);
  ~Watchdog();
  void arm(Watched& watched, Deadline due);
  static void disarm(Watched& watched) { watched.due_ = never; }
  void stop();

 private:
  struct Root final : Watched {
    void expired() override {}
  };
  awaitable<void> sweep();

  Executor executor_;
  boost::asio::steady_timer timer_;
  bool stopped_ = false;
  Root root_;  // the list's end; Watched objects unlink themselves
};

}  // namespace proxy
