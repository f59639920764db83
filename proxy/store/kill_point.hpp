// Points at which a test kills the process, as kill -9 does: before and after each step that makes mail durable. In the
// program that is shipped nothing stands behind them.
#pragma once

namespace proxy {

/// Set before the first thread starts, by a test's build of the program; called on any thread.
inline void (*kill_point_hook)() = nullptr;

inline void kill_point() {
  if (kill_point_hook != nullptr) kill_point_hook();
}

}  // namespace proxy
