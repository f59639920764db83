// What a run tells people and machines: progress, a table, JSON, JUnit, a page. Never decides anything.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "tests/lab/judge/judgement_run.hpp"

namespace lab::judge {

/// Lines as verdicts come; on a terminal also a last line that says what goes on.
class Reporter {
 public:
  /// `columns`: the width of a terminal, whose last line may be written over; 0: it is none. `colour`: with colours.
  Reporter(std::ostream& out, std::size_t columns, bool colour) : out_(out), columns_(columns), colour_(colour) {}
  void tell(const Progress& progress);
  /// The table of all, faults last, and the count.
  void table(const std::vector<Result>& results);

 private:
  std::string coloured(Verdict verdict) const;
  void erase();
  std::string fitting(std::string text, std::size_t used) const;

  std::ostream& out_;
  const std::size_t columns_;
  const bool colour_;
  bool status_shown_ = false;
};

struct About {
  std::string sender;   ///< "127.0.0.1:2525"
  std::string time;     ///< of the run, UTC
  std::string version;  ///< of this program, or ""
};

Count count(const std::vector<Result>& results);
std::string as_json(const About& about, const std::vector<Result>& results);
std::string as_junit(const About& about, const std::vector<Result>& results);
/// One page that needs nothing else: no script, no network.
std::string as_html(const About& about, const std::vector<Result>& results);
/// `text` with what XML and HTML take for markup escaped; other control characters become "?".
std::string escaped(const std::string& text);

}  // namespace lab::judge
