// An absolute end for everything that waits. Deadlines are handed down, so that ten slow steps cannot add up.
#pragma once

#include <algorithm>
#include <chrono>

namespace proxy {

using Deadline = std::chrono::steady_clock::time_point;

inline Deadline after(std::chrono::milliseconds time) {
  return std::chrono::steady_clock::now() + time;
}
inline Deadline earlier(Deadline a, Deadline b) {
  return std::min(a, b);
}
inline bool passed(Deadline deadline) {
  return deadline <= std::chrono::steady_clock::now();
}
constexpr Deadline never = Deadline::max();

}  // namespace proxy
