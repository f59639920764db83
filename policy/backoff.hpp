// How long a host that failed is left alone (SMTP-67): 5, 10, 20, 40, 60 s at most, a quarter more or less by chance.
#pragma once

#include <chrono>

namespace policy {

/// `failures` in a row, at least 1; `chance` is uniform in [0, 1).
constexpr std::chrono::milliseconds block_time(unsigned failures, double chance) {
  unsigned seconds = 5;
  for (unsigned n = 1; n < failures && seconds < 60; ++n) seconds *= 2;
  if (seconds > 60) seconds = 60;
  const double milliseconds = seconds * 1000.0 * (0.75 + 0.5 * chance);
  return std::chrono::milliseconds(static_cast<long long>(milliseconds < 60000.0 ? milliseconds : 60000.0));
}

}  // namespace policy
