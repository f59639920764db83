// What the relay's memory is, as the system counts it.
#pragma once

#include <fstream>
#include <string>

#include "tests/scenario/support/world.hpp"

namespace scenario {

/// VmRSS, VmHWM ... of /proc/PID/status in KiB, -1 without such a line.
inline long memory_of(const World& world, const std::string& key) {
  std::ifstream status("/proc/" + std::to_string(world.relay.process_id()) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(key + ":")) return std::stol(line.substr(key.size() + 1));
  return -1;
}

/// A bound in KiB: what AddressSanitizer keeps back of all that is freed is many times what the relay holds.
constexpr long bound(long kib) {
#ifdef __SANITIZE_ADDRESS__
  return kib * 8 + 65536;
#else
  return kib;
#endif
}

}  // namespace scenario
