// `sts-lab judge`: one message to each domain of the catalogue through the sender under test, then a verdict for each.
// The sender is known by its SMTP port alone; what it did is read off the laboratory's own servers.
//
// 1. The servers start, each domain with its attack; those that need a past, in peace.
// 2. Every message is handed over; for attacks that need a past a first one, and after its arrival the attack begins
//    and the message follows.
// 3. Where the sender's reply or an arrival settles a verdict, nobody waits; else until `wait` has passed.
// 4. At the end all verdicts are drawn once more, from all that was seen: a late leak is a leak.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "tests/lab/judge/grounds.hpp"
#include "tests/lab/judge/verdict.hpp"

namespace lab::judge {

struct RunOptions {
  std::string address = {};  ///< of the sender under test
  std::uint16_t port = 0;
  std::chrono::milliseconds wait{std::chrono::minutes(2)};
  std::string state = {};  ///< file that an interrupted run goes on from; empty: none
  int at_once = 10;        ///< messages handed over at a time
};

struct Result {
  const Attack* attack = nullptr;
  std::string domain;
  Judgement judgement;
  std::string reply = {};                    ///< of the sender under test
  std::vector<std::string> transcript = {};  ///< empty where an earlier run judged
  std::vector<std::string> hosts = {};       ///< "mx1.x.test", those that may have the message
  std::vector<std::string> thieves = {};     ///< those that must not
};

struct Progress {
  std::size_t judged = 0, all = 0, waiting = 0;
  std::size_t in_peace = 0;           ///< of `waiting`: their attack begins when a first message has arrived
  std::chrono::milliseconds left{0};  ///< at most, for all that wait
  const Result* latest = nullptr;     ///< null: only time has passed
};

/// Results in the catalogue's order. Throws std::runtime_error where nobody answers at the address
/// and not all is judged already.
std::vector<Result> run(Grounds& grounds, const RunOptions& options, const std::function<void(const Progress&)>& tell);

}  // namespace lab::judge
