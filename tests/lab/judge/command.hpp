// `sts-lab serve`, `judge` and `guide` as commands: their options, and what they do with them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

namespace lab::judge {

/// Adds the commands. The one that was given is left in `chosen`: it returns the exit status.
void add_commands(CLI::App& app, std::function<int()>& chosen);

}  // namespace lab::judge
