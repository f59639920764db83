// Freshness of a cached policy, and when a failed fetch may be repeated. The time is always an argument.
#include "policy/sts/cache_entry.hpp"

#include <catch2/catch.hpp>

namespace sts = policy::sts;
using std::chrono::hours;
using std::chrono::seconds;

namespace {

const sts::Time fetched{seconds(1'800'000'000)};

sts::CacheEntry entry(std::uint32_t max_age) {
  return {.domain = "example.com",
          .id = "1",
          .policy = {sts::Mode::enforce, {"mx1.example.com"}, max_age},
          .fetched = fetched,
          .body = ""};
}

}  // namespace

TEST_CASE("a cached policy is in date for max_age seconds from its fetch", "[STS-22][STS-27]") {
  const auto cached = entry(600);
  CHECK(sts::expires(cached, fetched) == fetched + seconds(600));
  CHECK(sts::in_date(cached, fetched));
  CHECK(sts::in_date(cached, fetched + seconds(599)));
  CHECK_FALSE(sts::in_date(cached, fetched + seconds(600)));
  CHECK_FALSE(sts::in_date(cached, fetched + hours(24 * 365)));
}

TEST_CASE("a policy with max_age 0 is never in date", "[STS-60]") {
  CHECK_FALSE(sts::in_date(entry(0), fetched));
  CHECK_FALSE(sts::in_date(entry(0), fetched - seconds(1)));
  CHECK_FALSE(sts::in_date(entry(0), fetched + seconds(1)));
}

TEST_CASE("a clock that was set back prolongs no policy beyond its max_age from now", "[STS-22]") {
  const auto cached = entry(600);
  const auto now = fetched - hours(24);
  CHECK(sts::expires(cached, now) == now + seconds(600));
  CHECK(sts::in_date(cached, now));
}

TEST_CASE("a failed fetch is repeated after the pause or for another id", "[STS-29]") {
  const seconds pause(300);
  const std::optional<sts::FetchFailure> failure(sts::FetchFailure{"1", fetched, "refused"});
  CHECK(sts::may_fetch(std::nullopt, "1", fetched, pause));
  CHECK_FALSE(sts::may_fetch(failure, "1", fetched, pause));
  CHECK_FALSE(sts::may_fetch(failure, "1", fetched + seconds(299), pause));
  CHECK(sts::may_fetch(failure, "1", fetched + seconds(300), pause));
  CHECK(sts::may_fetch(failure, "2", fetched, pause));
  CHECK(sts::may_fetch(failure, "1", fetched - hours(1), pause));
}
