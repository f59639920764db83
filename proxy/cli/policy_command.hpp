// `sts-relay policy list|show`: what the database holds, read beside a running relay or without one.
#pragma once

#include <string>

#include "proxy/config/config.hpp"

namespace proxy {

int run_policy_list(const Config& config, bool json);
/// Exit 1 where there is none.
int run_policy_show(const Config& config, const std::string& domain, bool json);

}  // namespace proxy
