// The verdict on one attack: a pure function of what was sent, replied and seen. Knows neither sockets nor clocks.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/lab/judge/attack.hpp"
#include "tests/lab/policy_host.hpp"

namespace lab::judge {

enum class Verdict {
  held,                ///< deferred, or delivered by a host that may have it, or whatever else is good here
  leaked,              ///< a host that must not have it got the message or its addresses, or got it in plaintext
  lost,                ///< returned, or spoilt, where it should have been kept
  refused_to_deliver,  ///< a healthy domain got nothing
  not_reached,         ///< the sender under test never came to the attack
};
std::string_view words(Verdict verdict);

/// The message, or its envelope alone, at an MX host.
struct Sighting {
  std::string host;
  std::string tls;        ///< "" or the version
  bool worthy = false;    ///< the host may have the message
  bool whole = true;      ///< with its body; else MAIL alone
  bool accepted = false;  ///< answered 2xx
  std::string body = {};
};

struct Evidence {
  std::string first_failed = {};  ///< for attacks with a past: why the first message did not arrive, or ""
  bool submitted = false;         ///< the sender under test took the connection and gave a final reply
  int code = 0;                   ///< of that reply
  std::string reply = {};         ///< the whole of it, or why there was none
  bool asked = false;             ///< it asked for the domain in DNS, or came to one of its hosts
  bool returned = false;          ///< a notice of failure came back
  int visits = 0;                 ///< connections to the domain's hosts
  std::string starved = {};       ///< how the laboratory itself kept the policy from the sender, or ""
  std::vector<Sighting> seen = {};
};

struct Expectation {
  Good good;
  bool control = false, plaintext_is_fine = false, spoilt_is_leak = false;
  std::string (*spoilt)(const std::vector<std::string>&) = nullptr;
};
Expectation expectation(const Attack& attack);

struct Judgement {
  Verdict verdict = Verdict::not_reached;
  std::string words;  ///< what was seen
};

/// How the laboratory's slowness kept a policy from its sender, or "": nobody was answered soon, and somebody waited.
/// On a machine without time for an answer, what follows says nothing of the sender.
std::string starved(const std::vector<Visit>& visits);

Judgement judged(const Expectation& expected, const Evidence& evidence);

/// No more evidence can change the judgement, so that nobody need wait for it.
bool settled(const Expectation& expected, const Evidence& evidence);

/// A whole run: 0 where nothing leaked, was lost or was refused wrongly and the controls were reached; else 1.
struct Count {
  int held = 0, leaked = 0, lost = 0, refused = 0, not_reached = 0, controls_not_reached = 0;
  void add(Verdict verdict, bool control);
  int exit_code() const;
  std::string line() const;
};

}  // namespace lab::judge
