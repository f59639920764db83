// Points at which a test kills the process, as kill -9 does: before and after each step that makes mail durable. In the
// program that is shipped there are none.
#pragma once

#ifdef STS_RELAY_KILL_POINTS
namespace proxy {
/// Ends the process with SIGKILL at the point whose number is in STS_RELAY_KILL_AT, counted from 1 over all threads.
void kill_point();
}  // namespace proxy
#else
namespace proxy {
inline void kill_point() {}
}  // namespace proxy
#endif
