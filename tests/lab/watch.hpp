// One lock and one bell for all that the laboratory's servers record: whoever waits for an event waits here, and is
// woken by every change. Never held while anything is read, written or called back.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

namespace lab {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

class Watch {
 public:
  /// The lock over the recorded facts. Short: no I/O and no foreign function below it.
  std::unique_lock<std::mutex> lock() const { return std::unique_lock(mutex_); }

  /// Tells all who wait that a fact has changed. The caller holds no lock.
  void changed();

  /// Waits until `condition` holds; false when `limit` passed first. `condition` is called without the lock, so it may
  /// use any locking accessor; it is asked after every change, and now and then for facts that ring no bell (the DNS
  /// server's log).
  bool until(const std::function<bool()>& condition, std::chrono::milliseconds limit) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable bell_;
  std::uint64_t changes_ = 0;
};

}  // namespace lab
