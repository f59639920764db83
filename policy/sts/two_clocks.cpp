// What a step of the wall clock means for expiries.
#include "policy/sts/two_clocks.hpp"

#include <algorithm>

namespace policy::sts {

std::optional<std::chrono::seconds> TwoClocks::look(Time wall, Steady steady) {
  const auto step = (wall - wall_) - std::chrono::duration_cast<Time::duration>(steady - steady_);
  wall_ = wall;
  steady_ = steady;
  if (step < jump && step > -jump) return std::nullopt;
  ahead_ = std::max(ahead_ + step, Time::duration::zero());
  // What came back to where it was leaves nothing to doubt.
  if (ahead_ < jump) ahead_ = Time::duration::zero();
  jumped_ = ahead_ > Time::duration::zero() ? wall : Time{};
  return std::chrono::duration_cast<std::chrono::seconds>(step);
}

bool TwoClocks::held(const CacheEntry& entry, Time wall) const {
  if (ahead_ == Time::duration::zero() || entry.fetched >= jumped_) return false;
  return earliest(wall) < entry.fetched + std::chrono::seconds(entry.policy.max_age);
}

}  // namespace policy::sts
