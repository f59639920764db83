// What every scenario starts with: a laboratory and the built relay, running.
#pragma once

#include "tests/lab/laboratory.hpp"
#include "tests/lab/relay_process.hpp"

namespace scenario {

/// The relay's program that these tests were built with.
std::string relay_program();

struct World {
  lab::Laboratory lab;
  lab::RelayProcess relay;

  explicit World(const lab::RelayOptions& options = {}, bool start = true);
  /// Fails the test where the relay has ended by itself, or does not end well on SIGTERM (OPS-02).
  ~World();

  /// The relay's configuration and log, and what the laboratory saw: for the reader of a failure.
  std::string report() const;
};

}  // namespace scenario
