// The arithmetic of refreshes.
#include "policy/sts/refresh.hpp"

#include <algorithm>

namespace policy::sts {

namespace {
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
constexpr std::int64_t unused_after_days = 30;
constexpr minutes first_pause(5), longest_pause(360), longest_pause_at_the_end(60);
}  // namespace

std::int64_t day_of(Time time) {
  return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count();
}

bool in_use(std::int64_t last_used, Time now) {
  return last_used >= first_day_in_use(now);
}

std::int64_t first_day_in_use(Time now) {
  return day_of(now) - unused_after_days;
}

Time refresh_time(Time fetched, std::uint32_t max_age, milliseconds refresh_every, double chance) {
  const auto interval = std::min<milliseconds>(refresh_every, milliseconds(seconds(max_age)) / 2);
  const auto share = static_cast<double>(interval.count()) * (0.8 + 0.2 * chance);
  return fetched + duration_cast<Time::duration>(milliseconds(static_cast<std::int64_t>(share)));
}

Time retry_time(Time now, std::uint32_t failures, Time expires, std::uint32_t max_age) {
  auto pause = first_pause;
  for (std::uint32_t n = 1; n < failures && pause < longest_pause; ++n) pause *= 2;
  pause = std::min(pause, longest_pause);
  const auto last = expires - seconds(max_age / 10);
  if (now < last) return std::min<Time>(now + pause, last);
  return now + std::min(pause, longest_pause_at_the_end);
}

}  // namespace policy::sts
