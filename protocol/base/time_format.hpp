// Times as text. The time is always an argument: nothing here reads a clock.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace base {

using Time = std::chrono::system_clock::time_point;

/// RFC 3339 in UTC with whole seconds: 2026-11-25T07:00:00Z
std::string rfc3339(Time time);
/// Only the day: 2026-11-25
std::string day(Time time);
/// RFC 5322 §3.3 in UTC: Wed, 25 Nov 2026 07:00:00 +0000
std::string rfc5322(Time time);
/// RFC 3339 in UTC with milliseconds, for log lines.
std::string rfc3339_milliseconds(Time time);
/// What rfc3339 writes, read back; nullopt for any other form.
std::optional<Time> from_rfc3339(std::string_view text);

}  // namespace base
