// A wall clock that jumps, against one that does not.
#include "policy/sts/two_clocks.hpp"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using namespace policy::sts;

namespace {

struct World {
  Time wall{1'800'000'000s};
  TwoClocks::Steady steady{1000s};
  TwoClocks clocks{wall, steady};

  void pass(std::chrono::seconds time) {
    wall += time;
    steady += time;
  }
  auto look() { return clocks.look(wall, steady); }
};

CacheEntry fetched_at(Time time, std::uint32_t max_age) {
  CacheEntry entry;
  entry.policy = {Mode::enforce, {"mx.test"}, max_age};
  entry.fetched = time;
  return entry;
}

}  // namespace

TEST_CASE("time that passes on both clocks and small steps are no jump", "[OPS-14]") {
  World world;
  world.pass(100h);
  CHECK_FALSE(world.look());
  world.wall += 59min;
  CHECK_FALSE(world.look());
  world.wall -= 59min;
  CHECK_FALSE(world.look());
  CHECK(world.clocks.earliest(world.wall) == world.wall);
}

TEST_CASE("a jump forward leaves what was in date in doubt until steady time has used it up", "[OPS-14]") {
  World world;
  const auto entry = fetched_at(world.wall, 86400);
  world.pass(1h);
  world.wall += 8760h;
  CHECK(world.look() == std::optional<std::chrono::seconds>(8760h));
  CHECK_FALSE(in_date(entry, world.wall));
  CHECK(world.clocks.held(entry, world.wall));
  world.pass(22h);
  CHECK(world.clocks.held(entry, world.wall));
  world.pass(2h);
  CHECK_FALSE(world.clocks.held(entry, world.wall));
  // What was fetched after the jump has an expiry to be believed.
  const auto later = fetched_at(world.wall, 60);
  world.pass(61s);
  CHECK_FALSE(world.clocks.held(later, world.wall));
}

TEST_CASE("a jump forward that is taken back leaves no doubt and a jump back prolongs nothing by doubt", "[OPS-14]") {
  World world;
  const auto entry = fetched_at(world.wall, 3600);
  world.wall += 100h;
  CHECK(world.look());
  world.wall -= 100h;
  CHECK(world.look() == std::optional<std::chrono::seconds>(-100h));
  world.pass(2h);
  CHECK_FALSE(world.clocks.held(entry, world.wall));
  world.wall -= 1000h;
  CHECK(world.look() == std::optional<std::chrono::seconds>(-1000h));
  CHECK_FALSE(world.clocks.held(entry, world.wall));
  CHECK(world.clocks.earliest(world.wall) == world.wall);
}

TEST_CASE("a policy from the future lasts its max_age from now", "[OPS-14]") {
  const World world;
  const auto entry = fetched_at(world.wall + 1000h, 3600);
  CHECK(expires(entry, world.wall) == world.wall + 1h);
}
