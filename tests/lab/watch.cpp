// Waiting for an event of the laboratory.
#include "tests/lab/watch.hpp"

#include <algorithm>

namespace lab {

void Watch::changed() {
  {
    auto guard = lock();
    ++changes_;
  }
  bell_.notify_all();
}

bool Watch::until(const std::function<bool()>& condition, std::chrono::milliseconds limit) const {
  constexpr auto for_facts_without_bell = std::chrono::milliseconds(20);
  const Deadline end = Clock::now() + limit;
  for (;;) {
    std::uint64_t seen = 0;
    {
      auto guard = lock();
      seen = changes_;
    }
    if (condition()) return true;
    if (Clock::now() >= end) return false;
    auto guard = lock();
    bell_.wait_until(guard, std::min(end, Clock::now() + for_facts_without_bell), [&] { return changes_ != seen; });
  }
}

}  // namespace lab
