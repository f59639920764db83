// `sts-lab guide`: how to point a mail sender at the laboratory's servers. Changes nothing itself.
#pragma once

#include <string>
#include <vector>

#include "tests/lab/judge/lab_config.hpp"

namespace lab::judge {

std::vector<std::string> guided();  ///< the senders that there is a guide for
std::string guide(const std::string& sender, const LabConfig& config);

}  // namespace lab::judge
