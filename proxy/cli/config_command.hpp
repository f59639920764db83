// `sts-relay config check` and `config reference`. Starts nothing, changes nothing.
#pragma once

#include <string>

namespace proxy {

/// Warnings and "FILE: ok" on standard output, exit 0; or every error on standard error, exit 2.
int run_config_check(const std::string& file);

/// Every setting with its meaning and default, as a commented TOML file, on standard output; exit 0.
int run_config_reference();

}  // namespace proxy
