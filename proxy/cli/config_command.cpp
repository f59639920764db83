// What `serve` would say of the file, without serving.
#include "proxy/cli/config_command.hpp"

#include <cstdio>

#include "proxy/config/config.hpp"

namespace proxy {
namespace {

constexpr int exit_ok = 0;
constexpr int exit_wrong = 2;

}  // namespace

int run_config_check(const std::string& file) {
  const auto loaded = load_config(file);
  for (const auto& warning : loaded.warnings) std::printf("warning: %s\n", warning.c_str());
  for (const auto& error : loaded.errors) std::fprintf(stderr, "%s\n", message(error).c_str());
  if (!loaded.errors.empty()) return exit_wrong;
  for (const auto& listener : loaded.config.listeners) {
    std::string parts;
    for (const auto& one : smtp::leniencies) {
      if (listener.devices.*one.member) parts += (parts.empty() ? "" : ", ") + std::string(one.name);
    }
    if (listener.old_tls) parts += parts.empty() ? "old_tls" : ", old_tls";
    if (!parts.empty())
      std::printf("listener %s:%u: devices may use %s\n", listener.address.address.c_str(), listener.address.port,
                  parts.c_str());
  }
  std::printf("%s: ok\n", file.c_str());
  return exit_ok;
}

int run_config_reference() {
  std::fputs(config_reference().c_str(), stdout);
  return exit_ok;
}

}  // namespace proxy
