// Progress and table on standard output.
#include "tests/lab/judge/report.hpp"

#include <algorithm>
#include <ostream>

#include "protocol/base/text.hpp"

namespace lab::judge {
namespace {

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

/// "1:05"
std::string minutes(std::chrono::milliseconds time) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(time).count();
  const auto rest = std::to_string(seconds % 60);
  return std::to_string(seconds / 60) + (rest.size() < 2 ? ":0" : ":") + rest;
}

constexpr std::size_t verdict_width = 19, name_width = 32;

}  // namespace

Count count(const std::vector<Result>& results) {
  Count all;
  for (const auto& result : results) all.add(result.judgement.verdict, expectation(*result.attack).control);
  return all;
}

std::string Reporter::coloured(Verdict verdict) const {
  const std::string word = padded(std::string(words(verdict)), verdict_width);
  if (!colour_) return word;
  const char* code = verdict == Verdict::held          ? "\x1b[32m"
                     : verdict == Verdict::not_reached ? "\x1b[33m"
                                                       : "\x1b[1;31m";
  return code + word + "\x1b[0m";
}

void Reporter::erase() {
  if (status_shown_) out_ << "\r\x1b[K";
  status_shown_ = false;
}

/// On a terminal what is left of its line; the whole is in the table and the reports.
std::string Reporter::fitting(std::string text, std::size_t used) const {
  if (columns_ == 0 || used + text.size() < columns_) return text;
  constexpr std::string_view more = "..";
  const auto room = columns_ > used + more.size() + 1 ? columns_ - used - more.size() - 1 : 0;
  return text.substr(0, room) + std::string(more);
}

void Reporter::tell(const Progress& progress) {
  if (progress.latest != nullptr) {
    erase();
    const auto& result = *progress.latest;
    const auto name = padded(result.attack->name, name_width);
    out_ << coloured(result.judgement.verdict) << name
         << fitting(base::printable(result.judgement.words, 200), verdict_width + name.size()) << std::endl;
  }
  if (columns_ == 0 || progress.waiting == 0) return;
  erase();
  std::string status = std::to_string(progress.judged) + " of " + std::to_string(progress.all) + " judged, " +
                       std::to_string(progress.waiting) + " under way";
  if (progress.in_peace > 0) status += ", " + std::to_string(progress.in_peace) + " of them still in peace";
  out_ << fitting(status + ", " + minutes(progress.left) + " left at most", 0) << std::flush;
  status_shown_ = true;
}

void Reporter::table(const std::vector<Result>& results) {
  erase();
  const Attack* before = nullptr;
  for (const auto& result : results) {
    if (before == nullptr || before->side != result.attack->side) out_ << "\n" << heading(result.attack->side) << "\n";
    before = result.attack;
    out_ << "  " << coloured(result.judgement.verdict) << padded(result.attack->name, name_width)
         << result.attack->title << "\n";
    if (result.judgement.verdict != Verdict::held)
      out_ << std::string(verdict_width + 2, ' ') << base::printable(result.judgement.words, 300) << "\n"
           << std::string(verdict_width + 2, ' ') << result.attack->rule << " " << result.attack->source << "\n";
  }
  out_ << "\n" << count(results).line() << std::endl;
}

}  // namespace lab::judge
