// When a stored policy is fetched anew, long before it expires (STS-26), and when again after a failure (STS-55).
// Arithmetic only: time and chance are arguments. Nothing here moves an expiry.
#pragma once

#include <chrono>
#include <cstdint>

#include "policy/sts/cache_entry.hpp"

namespace policy::sts {

/// Days since 1970 in UTC.
std::int64_t day_of(Time time);

/// A domain that mail was sent to within 30 days is refreshed; others lapse, and use takes them up again (C-2).
bool in_use(std::int64_t last_used, Time now);
/// The first day whose use still counts.
std::int64_t first_day_in_use(Time now);

/// fetched + min(refresh_every, max_age / 2) x (0.8 to 1.0): spread, so that what was fetched in one hour is not
/// fetched in one hour for ever. `chance` is uniform in [0, 1).
Time refresh_time(Time fetched, std::uint32_t max_age, std::chrono::milliseconds refresh_every, double chance);

/// After `failures` (at least 1) in a row: 5 minutes x 2^n, at most 6 hours, and a last time when a tenth of max_age is
/// left; within that tenth at least hourly.
Time retry_time(Time now, std::uint32_t failures, Time expires, std::uint32_t max_age);

}  // namespace policy::sts
