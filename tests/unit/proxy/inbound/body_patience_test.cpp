// How long a client may take over a body.
#include "proxy/inbound/body_patience.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using proxy::BodyPatience;

TEST_CASE("waiting uses patience up and octets give it back never beyond the timeout", "[SMTP-09]") {
  BodyPatience patience;
  patience.begin(300s, 500);
  CHECK(patience.left() == 300s);
  patience.received(100s, 0);
  CHECK(patience.left() == 200s);
  patience.received(1s, 5000);
  CHECK(patience.left() == 209s);
  patience.received(0s, 1'000'000'000'000);
  CHECK(patience.left() == 300s);
  patience.begin(1s, 1);
  CHECK(patience.left() == 1s);
}

TEST_CASE("a line at the rate lasts and one below it ends", "[SMTP-09]") {
  BodyPatience at, below;
  at.begin(60s, 500);
  below.begin(60s, 500);
  for (int second = 0; second < 10'000; ++second) at.received(1s, 500);
  CHECK(at.left() > 59s);
  int lasted = 0;
  for (; below.left() > 0s; ++lasted) below.received(1s, 250);
  CHECK(lasted == 120);
}
