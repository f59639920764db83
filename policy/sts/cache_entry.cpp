// Arithmetic of freshness. Never asks a clock, never prolongs a policy by anything but its own max_age.
#include "policy/sts/cache_entry.hpp"

#include <algorithm>

namespace policy::sts {

Time expires(const CacheEntry& entry, Time now) {
  return std::min(entry.fetched, now) + std::chrono::seconds(entry.policy.max_age);
}

bool in_date(const CacheEntry& entry, Time now) {
  return now < expires(entry, now) && entry.policy.max_age > 0;
}

bool may_fetch(const std::optional<FetchFailure>& last, std::string_view id, Time now,
               std::chrono::seconds retry_after) {
  if (!last || last->id != id) return true;
  // A clock set back must not keep the domain from being asked for longer than the pause.
  return now < last->at || now - last->at >= retry_after;
}

}  // namespace policy::sts
