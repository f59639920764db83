// `sts-lab demo`: one honest message, then each attack that MTA-STS is there to stop, against the real relay. A verdict
// is what reached the MX hosts, never the relay's reply alone.
#pragma once

#include <iosfwd>
#include <string>

namespace lab {

struct DemoOptions {
  std::string relay;  ///< the program sts-relay
  bool colour = false;
};

/// Prints one line for each message. True if every attack failed and both honest messages arrived. Throws
/// std::runtime_error with words where the laboratory or the relay cannot be started.
bool run_demo(const DemoOptions& options, std::ostream& out);

}  // namespace lab
