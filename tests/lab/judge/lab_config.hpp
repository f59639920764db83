// lab.toml: where `sts-lab serve` and `sts-lab judge` put their servers. Never opens a port.
#pragma once

#include <stdexcept>
#include <string>

#include "tests/lab/laboratory.hpp"

namespace lab::judge {

/// What is wrong with the file: `FILE:LINE: what is wrong, what was expected`.
struct BadConfig : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct LabConfig {
  std::string zone = "judge.test";      ///< the catalogue's domains are below it
  std::string directory = "lab-state";  ///< of the authority and the zone's key, relative to the file
  LaboratoryOptions servers = {.dns_address = "127.0.0.1",
                               .policy_address = "127.0.0.2",
                               .mx_address = "127.0.1.1",
                               .dns_port = 5300,
                               .smtp_port = 2525,
                               .https_port = 8443};

  std::string root() const { return directory + "/lab-ca.pem"; }        ///< what the sender under test must trust
  std::string trust_anchor() const { return directory + "/root.key"; }  ///< what a validating resolver must trust
};

/// `file` empty: all as it stands above, below the working directory. Throws BadConfig.
LabConfig read_config(const std::string& file);

}  // namespace lab::judge
