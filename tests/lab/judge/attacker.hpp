// Where the attacker of each attack sits, for people who read a report. Never decides anything.
#pragma once

#include "tests/lab/judge/attack.hpp"

namespace lab::judge {

struct Attacker {
  bool dns = false;          ///< he forges or withholds DNS answers
  bool policy_host = false;  ///< he answers in place of the policy host, or cuts it off
  bool way = false;          ///< he sits on the way to the MX host, or in its place
  bool host = false;         ///< he has a host of his own
  bool author = false;       ///< he wrote the message
  bool anywhere() const { return dns || policy_host || way || host || author; }
};

/// Nowhere: a healthy control.
Attacker attacker(const Attack& attack);

}  // namespace lab::judge
