// Commands that change what a relay knows: `policy refresh`, `policy forget`, `exempt`. Through the control socket
// where a relay runs, else on the database under the lock of the state directory. By the same code either way.
#pragma once

#include <chrono>
#include <string>

#include "proxy/config/config.hpp"

namespace proxy {

/// Exit of all: 0 done, 1 not known or failed, 3 error, 4 another process has the state directory and no socket
/// answers. `json`: the reply as one object.
int run_policy_refresh(const Config& config, const std::string& domain, bool all, bool json);
int run_policy_forget(const Config& config, const std::string& domain, bool json);

struct ExemptOptions {
  std::string domain, time, reason;
  bool list = false, end = false, json = false;
};
int run_exempt(const Config& config, const ExemptOptions& options);

}  // namespace proxy
