// `sts-relay queue ...`: its command line, and the two commands that only look. What changes something is in
// queue_order_command.hpp.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "proxy/config/config.hpp"

namespace CLI {
class App;
}

namespace proxy {

/// What main() gives to its commands. Outlives the parsing.
struct CommandLine {
  std::string& file;                                ///< of the configuration
  std::function<std::optional<Config>()> settings;  ///< what the file says; nullopt: wrong, and told
  int& result;                                      ///< the exit status
};

void add_queue_command(CLI::App& app, const CommandLine& line);

}  // namespace proxy
