// Why a plan is as it is: each rule that decided, with where it stands (a line of the configuration, a record, a
// paragraph), and what a host would have to change to be used. Values in, lines out; nothing here decides anything.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "policy/decision.hpp"
#include "policy/outcome.hpp"

namespace policy {

struct Rule {
  std::string words;   ///< what it says about this domain, printable
  std::string source;  ///< "RFC 8461 §4.1; policy 20260101 of https://mta-sts.example.com/...", printable
};

/// What the facts do not hold: how they were come by.
struct Circumstances {
  std::chrono::system_clock::time_point now;
  std::string dnssec;  ///< whether DANE is on, and why not
};

/// Every rule that decided `plan`, which was made of `facts`, in the order of docs/decision.md.
std::vector<Rule> rules(const Facts& facts, const Plan& plan, const Circumstances& circumstances);

/// What would have to change for a host that was left out to be used.
std::string fix(const Plan& plan, const LeftOut& host);
/// What would have to change at a host that was tried and failed; `fault` is its certificate's, where that was looked
/// at.
std::string fix(const Plan& plan, const HostOutcome& outcome, CertificateFault fault = CertificateFault::none);

/// "example.com has no MTA-STS record [RFC 8461 §3.1; ...]"
std::string rule_line(const Rule& rule);

}  // namespace policy
