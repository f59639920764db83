// A plan as lines for people. The relay's log, `check` and whatever else shows a plan print these lines from the same
// values; nothing here decides anything.
#pragma once

#include <chrono>
#include <string>

#include "policy/decision.hpp"

namespace policy {

/// "policy: MTA-STS enforce, id 20260101, stored, fetched 2026-..., expires ..., mx mx1.example.com" / "policy: none"
std::string policy_line(const Plan& plan, std::chrono::system_clock::time_point now);
/// "10 mx1.example.com:25 (192.0.2.1, 2001:db8::1) must prove: TLS 1.2 or later, a certificate for mx1.example.com"
std::string attempt_line(const Attempt& attempt);
/// "20 mx2.example.net left out: its name is not in the MTA-STS policy 20260101"
std::string left_out_line(const LeftOut& left_out);

/// One closing sentence: "Mail for example.com goes over verified TLS to mx1.example.com, or waits.", "Mail for
/// example.com would wait: ..." or "Mail for example.com would be refused: ...".
std::string sentence(const Plan& plan);
/// The same after the hosts were tried: `verdict` is what a client would be told.
std::string sentence(const Plan& plan, const smtp::Reply& verdict);

}  // namespace policy
