// One domain's cached policy and the arithmetic of its freshness. Wall-clock time is an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "policy/sts/policy_file.hpp"

namespace policy::sts {

using Time = std::chrono::system_clock::time_point;

/// What is known of a stored policy beside the policy itself: when it is fetched anew, and how the last try went.
struct Upkeep {
  std::optional<Time> refresh_at;  ///< none: left out, for nobody has sent mail there lately (STS-26)
  std::int64_t last_used = 0;      ///< day of the last message, days since 1970 in UTC
  std::uint32_t failures = 0;      ///< refreshes in a row
  std::string last_error;          ///< empty: the last fetch went well
  Time last_error_at{};
  bool operator==(const Upkeep&) const = default;
};

struct CacheEntry {
  std::string domain;
  std::string id;  ///< of the record in force when it was fetched
  Policy policy;
  Time fetched{};
  std::string body{};  ///< as fetched, for reports
  Upkeep upkeep{};
  bool operator==(const CacheEntry&) const = default;
};

/// fetched + max_age; a fetch time in the future counts as now, so that a clock set back prolongs nothing by more than
/// the step.
Time expires(const CacheEntry& entry, Time now);
/// STS-22, STS-27: in date until it expires. max_age 0 is never in date (STS-60).
bool in_date(const CacheEntry& entry, Time now);

/// What is remembered of a fetch that failed (STS-29).
struct FetchFailure {
  std::string id;
  Time at{};
  std::string why;
};
/// Whether a fetch for `id` may be made now: another id at once, the same one after `retry_after`.
bool may_fetch(const std::optional<FetchFailure>& last, std::string_view id, Time now,
               std::chrono::seconds retry_after);

}  // namespace policy::sts
