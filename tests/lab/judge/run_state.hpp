// What an interrupted run leaves to the next: which first messages have arrived, which verdicts are drawn. The file is
// written anew after each change and replaced at once; a run without a file remembers nothing.
#pragma once

#include <map>
#include <set>
#include <string>

#include "tests/lab/judge/verdict.hpp"

namespace lab::judge {

class RunState {
 public:
  /// Reads the file where there is one. Throws std::runtime_error for one that is of another zone or no such file.
  RunState(std::string file, std::string zone);

  bool met(const std::string& attack) const { return met_.contains(attack); }
  const Judgement* verdict(const std::string& attack) const;
  void has_met(const std::string& attack);
  void has_judged(const std::string& attack, const Judgement& judgement);

 private:
  void write() const;

  std::string file_, zone_;
  std::set<std::string> met_;
  std::map<std::string, Judgement> judged_;
};

}  // namespace lab::judge
