// The relay as a whole: what is made at the start, in which order it ends. Threads: workers, one control thread
// (acceptors, policy flights, signals), the store's writer.
#pragma once

#include <string>

#include "proxy/config/config.hpp"

namespace proxy {

/// Exit codes of `serve`.
enum Exit { exit_ok = 0, exit_error = 1, exit_configuration = 2, exit_state_in_use = 4 };

/// Runs until SIGTERM or SIGINT; the exit code.
int serve(const Config& config);

}  // namespace proxy
