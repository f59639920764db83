// base/time_format: the forms of a time, exact at the edges of days, months and years.
#include "protocol/base/time_format.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono;

namespace {
base::Time at(long long seconds_since_epoch, int ms = 0) {
  return base::Time(seconds(seconds_since_epoch) + milliseconds(ms));
}
}  // namespace

TEST_CASE("a time is written in its three forms") {
  struct Row {
    long long time;
    const char *rfc3339, *rfc5322;
  };
  const Row rows[] = {
      {0, "1970-01-01T00:00:00Z", "Thu, 1 Jan 1970 00:00:00 +0000"},
      {-1, "1969-12-31T23:59:59Z", "Wed, 31 Dec 1969 23:59:59 +0000"},
      {951825599, "2000-02-29T11:59:59Z", "Tue, 29 Feb 2000 11:59:59 +0000"},
      {1795590000, "2026-11-25T07:00:00Z", "Wed, 25 Nov 2026 07:00:00 +0000"},
      {4102444800, "2100-01-01T00:00:00Z", "Fri, 1 Jan 2100 00:00:00 +0000"},
  };
  for (const Row& row : rows) {
    CHECK(base::rfc3339(at(row.time)) == row.rfc3339);
    CHECK(base::rfc3339(at(row.time, 999)) == row.rfc3339);
    CHECK(base::rfc5322(at(row.time)) == row.rfc5322);
    CHECK(base::from_rfc3339(row.rfc3339) == at(row.time));
    CHECK(base::day(at(row.time)) == std::string(row.rfc3339, 10));
  }
  CHECK(base::rfc3339_milliseconds(at(1795590000, 7)) == "2026-11-25T07:00:00.007Z");
  CHECK(base::rfc3339_milliseconds(at(-1, 999)) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("only the one form of a time is read back") {
  for (const auto* bad :
       {"", "2026-11-25", "2026-11-25T07:00:00", "2026-11-25t07:00:00Z", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "2026-11-25T24:00:00Z", "2026-11-25T07:60:00Z", "2026-11-25T07:00:61Z", "2026-11-25T07:00:00+00:00",
        "2026-11-2xT07:00:00Z", " 2026-11-25T07:00:00Z", "9999-01-01T00:00:00Z", "0000-01-01T00:00:00Z"}) {
    CAPTURE(bad);
    CHECK_FALSE(base::from_rfc3339(bad));
  }
}
