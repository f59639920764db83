// The demonstration that newcomers run, run as they run it.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

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

TEST_CASE("the demo fails with a relay that does not apply what domains publish", "[scenario]") {
  // The real relay behind a script that switches MTA-STS off in its configuration.
  lab::Laboratory folder;
  const std::string careless = folder.directory() + "/careless-relay";
  std::ofstream(careless)
      << "#!/bin/sh\n"
         "grep -q exempt \"$3\" ||\n"
         "  printf '\\n[[destination]]\\ndomain = \"*\"\\nexempt = true\\nreason = \"careless\"\\n' >> \"$3\"\n"
      << "exec " << scenario::relay_program() << " \"$@\"\n";
  std::filesystem::permissions(careless, std::filesystem::perms::owner_all);
  const auto demo = lab::run_program({STS_LAB_PROGRAM, "demo", "--relay", careless}, ".", std::chrono::minutes(2));
  INFO(demo.out << demo.err);
  CHECK(demo.status == 1);
  CHECK(demo.out.find("IN PLAINTEXT") != std::string::npos);
  CHECK(demo.out.find("OVER UNPROVEN TLS") != std::string::npos);
  CHECK(demo.out.find(" SUCCEEDED") != std::string::npos);
}

TEST_CASE("the demo says so when there is no relay to attack", "[scenario]") {
  const auto demo =
      lab::run_program({STS_LAB_PROGRAM, "demo", "--relay", "/nonexistent/sts-relay"}, ".", std::chrono::minutes(1));
  CHECK(demo.status == 1);
  CHECK(demo.err.find("/nonexistent/sts-relay") != std::string::npos);
}
