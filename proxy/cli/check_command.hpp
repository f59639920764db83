// `sts-relay check DOMAIN`: the very plan that the relay would follow, from the same facts by the same decision.
#pragma once

#include <string>

#include "proxy/config/config.hpp"

namespace proxy {

struct CheckOptions {
  std::string domain;    ///< a domain, an address (its domain counts), or an internationalised name
  bool connect = false;  ///< dial each host to the EHLO after TLS
  bool why = false;      ///< each rule that decided, its source, and what would have to change
  bool json = false;
};

/// Exit: 0 deliverable, 1 would be deferred, 2 would be refused for good, 3 error.
int run_check(const Config& config, const CheckOptions& options);

}  // namespace proxy
