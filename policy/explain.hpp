// A plan as lines for people. The relay's log, `check` and whatever else shows a plan print these lines from the same
// values.
#pragma once

#include <string>
#include <vector>

#include "policy/decision.hpp"

namespace policy {

/// "policy: MTA-STS enforce, id 20260101, fetched 2026-..., expires ..." / "policy: none (no record)"
std::string policy_line(const Plan& plan, std::chrono::system_clock::time_point now);
/// "10 mx1.example.com:25 (192.0.2.1, 2001:db8::1) must prove: TLS, certificate for mx1.example.com"
std::string attempt_line(const Attempt& attempt);
/// "20 mx2.example.net left out: its name is not in the policy"
std::string left_out_line(const LeftOut& left_out);

}  // namespace policy
