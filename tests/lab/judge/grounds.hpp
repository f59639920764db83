// The catalogue as servers: DNS, policy hosts, MX hosts and authority, with a domain for each attack. `sts-lab serve`
// holds them until it is told to end; the judge holds them while it judges. Never sends a message.
#pragma once

#include <deque>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "tests/lab/judge/attack.hpp"
#include "tests/lab/judge/lab_config.hpp"

namespace lab::judge {

class Grounds {
 public:
  /// All servers run when it returns. `wanted`: which attacks; none: all. Throws std::runtime_error.
  Grounds(const LabConfig& config, const std::function<bool(const Attack&)>& wanted);

  Laboratory& lab() { return *lab_; }
  std::deque<Field>& fields() { return fields_; }
  const std::string& zone() const { return config_.zone; }
  /// What is served, and where.
  void describe(std::ostream& out) const;

 private:
  LabConfig config_;
  std::unique_ptr<Laboratory> lab_;
  std::deque<Field> fields_;
};

/// `sts-lab serve`: until SIGTERM or SIGINT; SIGUSR1 begins the attacks that need a past. The exit status.
int serve(const LabConfig& config, std::ostream& out);

}  // namespace lab::judge
