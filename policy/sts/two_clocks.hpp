// The wall clock, watched with the steady one (OPS-14). A wall clock that jumps forward makes every policy look
// expired; what was in date a moment ago then goes on counting until the policy host was asked. Times are arguments.
#pragma once

#include <chrono>
#include <optional>

#include "policy/sts/cache_entry.hpp"

namespace policy::sts {

class TwoClocks {
 public:
  using Steady = std::chrono::steady_clock::time_point;
  /// A step of the wall clock beyond this is a jump.
  static constexpr std::chrono::hours jump{1};

  TwoClocks(Time wall, Steady steady) : wall_(wall), steady_(steady) {}

  /// The step, where the wall clock has jumped since the last look: positive when it went forward.
  std::optional<std::chrono::seconds> look(Time wall, Steady steady);

  /// Whether a policy that is past its expiry by the wall clock would not be without the jumps forward: it was fetched
  /// before the last of them, and steady time has not used up its max_age. The wall clock's own time does not prolong
  /// it, and a policy fetched after the jump has an expiry to be believed.
  bool held(const CacheEntry& entry, Time wall) const;
  /// The earlier of the wall clock and what it would be without jumps forward: what is past by this is past by both.
  Time earliest(Time wall) const { return wall - ahead_; }

 private:
  Time wall_;  // at the last look
  Steady steady_;
  std::chrono::system_clock::duration ahead_{0};  // by how much the wall clock has jumped forward in all, not below 0
  Time jumped_{};                                 // what the wall clock showed after the last jump forward
};

}  // namespace policy::sts
