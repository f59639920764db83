// The pause after a failure (SMTP-29): the list's, a tenth more or less, so that what failed together does not come
// back together.
#include <algorithm>
#include <cassert>
#include <cmath>

#include "policy/queue/agenda.hpp"

namespace policy::queue {

std::chrono::milliseconds pause(const std::vector<std::chrono::milliseconds>& retry, unsigned failures, double chance) {
  assert(!retry.empty());
  const std::size_t place = std::clamp<std::size_t>(failures, 1, retry.size()) - 1;
  const double milliseconds = static_cast<double>(retry[place].count()) * (0.9 + 0.2 * chance);
  return std::chrono::milliseconds(std::llround(milliseconds));
}

}  // namespace policy::queue
