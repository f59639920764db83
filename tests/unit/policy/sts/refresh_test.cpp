// When policies are fetched anew: never late, never all at once.
#include "policy/sts/refresh.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using namespace policy::sts;

namespace {
const Time then{std::chrono::seconds(1'800'000'000)};
constexpr std::uint32_t week = 7 * 86400;
}  // namespace

TEST_CASE("a refresh is due within the last fifth of its interval that half of max_age bounds", "[STS-26]") {
  CHECK(refresh_time(then, week, 24h, 0.0) == then + 1152min);
  CHECK(refresh_time(then, week, 24h, 0.5) == then + 1296min);
  CHECK(refresh_time(then, week, 24h, 0.999999) < then + 24h);
  CHECK(refresh_time(then, 3600, 24h, 0.0) == then + 24min);
  CHECK(refresh_time(then, 60, 1s, 0.0) == then + 800ms);
  CHECK(refresh_time(then, max_max_age, 720h, 0.0) == then + 576h);
}

TEST_CASE("failing refreshes back off to six hours and are tried once more with a tenth of max_age left",
          "[STS-26][STS-55]") {
  const auto expires = then + 7 * 24h;
  const std::chrono::minutes pauses[] = {5min, 10min, 20min, 40min, 80min, 160min, 320min, 360min, 360min};
  for (std::uint32_t n = 0; n < std::size(pauses); ++n)
    CHECK(retry_time(then, n + 1, expires, week) == then + pauses[n]);
  CHECK(retry_time(then, 4'000'000'000U, expires, week) == then + 6h);
  const auto last = expires - std::chrono::seconds(week / 10);
  CHECK(retry_time(last - 1min, 9, expires, week) == last);
  CHECK(retry_time(last, 9, expires, week) == last + 1h);
  CHECK(retry_time(last, 1, expires, week) == last + 5min);
  CHECK(retry_time(then, 1, then + 60s, 60) == then + 54s);
}

TEST_CASE("a domain is in use for thirty days", "[STS-26][C-2]") {
  const auto today = day_of(then);
  CHECK(in_use(today, then));
  CHECK(in_use(today - 30, then));
  CHECK_FALSE(in_use(today - 31, then));
  CHECK(in_use(today + 1, then));  // a clock set back
  CHECK(day_of(Time(std::chrono::seconds(-1))) == -1);
  CHECK(first_day_in_use(then) == today - 30);
}
