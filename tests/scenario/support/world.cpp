// Start and end of a scenario.
#include "tests/scenario/support/world.hpp"

#include <catch2/catch.hpp>
#include <exception>

namespace scenario {
namespace {

/// A scenario leaves nothing that is worth a long drain.
lab::RelayOptions with_short_drain(lab::RelayOptions options) {
  options.top.emplace("drain", "\"2s\"");
  return options;
}

}  // namespace

std::string relay_program() {
  return STS_RELAY_PROGRAM;
}

World::World(const lab::RelayOptions& options, bool start)
    : relay(lab, options.program.empty() ? relay_program() : options.program, with_short_drain(options)) {
  if (start) relay.start();
}

World::~World() {
  if (std::uncaught_exceptions() > 0) return;  // the test has failed already
  const std::string crash = relay.crash();
  if (!crash.empty()) {
    UNSCOPED_INFO(report());
    CHECK(crash == "");
  } else if (relay.process_id() > 0) {
    int status = -1;
    try {
      status = relay.stop();
    } catch (const std::exception& error) {
      UNSCOPED_INFO(error.what());
    }
    if (status != 0) UNSCOPED_INFO(report());
    CHECK(status == 0);
  }
}

std::string World::report() const {
  std::string text = "---- configuration\n" + relay.configuration() + "---- the relay's log\n";
  const auto lines = relay.log();
  constexpr std::size_t most = 60;
  for (std::size_t i = lines.size() > most ? lines.size() - most : 0; i < lines.size(); ++i)
    text += lines[i].text + "\n";
  text += "---- what the laboratory saw\n";
  for (const auto& line : lab.story()) text += line + "\n";
  return text;
}

}  // namespace scenario
