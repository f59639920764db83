// The demonstration that newcomers run, run as they run it.
#include <catch2/catch.hpp>

#include "tests/lab/child_process.hpp"
#include "tests/scenario/support/world.hpp"

TEST_CASE("the demo ends well because every attack failed and both honest messages arrived",
          "[scenario][STS-36][STS-22][STS-24]") {
  const auto demo =
      lab::run_program({STS_LAB_PROGRAM, "demo", "--relay", scenario::relay_program()}, ".", std::chrono::minutes(2));
  INFO(demo.out << demo.err);
  CHECK(demo.status == 0);
  CHECK(demo.out.find("attacks, all held") != std::string::npos);
  CHECK(demo.out.find("BROKEN") == std::string::npos);
  CHECK(demo.out.find('\x1b') == std::string::npos);  // piped: no colours
}

TEST_CASE("the demo says so when there is no relay to attack", "[scenario]") {
  const auto demo =
      lab::run_program({STS_LAB_PROGRAM, "demo", "--relay", "/nonexistent/sts-relay"}, ".", std::chrono::minutes(1));
  CHECK(demo.status == 1);
  CHECK(demo.err.find("/nonexistent/sts-relay") != std::string::npos);
}
