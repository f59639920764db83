// What a run of the judge tells people: on a terminal and in a pipe.
#include "tests/lab/judge/report.hpp"

#include <catch2/catch.hpp>
#include <sstream>

#include "tests/lab/judge/catalogue.hpp"

using namespace lab::judge;

namespace {

Result result(std::size_t number, Verdict verdict, std::string words) {
  return {.attack = &catalogue().at(number), .domain = "x.judge.test", .judgement = {verdict, std::move(words)}};
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> found;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) found.push_back(line);
  return found;
}

}  // namespace

TEST_CASE("in a pipe a verdict is a plain line and nothing is written over", "[lab]") {
  std::ostringstream out;
  Reporter reporter(out, 0, false);
  const auto one = result(0, Verdict::leaked, std::string(150, 'w'));
  Progress progress{.judged = 1, .all = 3, .waiting = 2, .latest = &one};
  reporter.tell(progress);
  progress.latest = nullptr;
  reporter.tell(progress);
  REQUIRE(lines(out.str()).size() == 1);
  CHECK(lines(out.str())[0].starts_with("leaked "));
  CHECK(lines(out.str())[0].ends_with(std::string(150, 'w')));
  CHECK(out.str().find_first_of("\r\x1b") == std::string::npos);
}

TEST_CASE("on a terminal no line is wider than it and the last one says what goes on and how long", "[lab]") {
  std::ostringstream out;
  Reporter reporter(out, 80, false);
  const auto one = result(0, Verdict::held, std::string(150, 'w'));
  Progress progress{
      .judged = 1, .all = 3, .waiting = 2, .in_peace = 1, .left = std::chrono::milliseconds(64100), .latest = &one};
  reporter.tell(progress);
  const auto shown = lines(out.str());
  REQUIRE(shown.size() == 2);
  CHECK(shown[0].size() < 80);
  CHECK(shown[0].ends_with("w.."));
  CHECK(shown[1] == "1 of 3 judged, 2 under way, 1 of them still in peace, 1:05 left at most");
  std::ostringstream narrow;
  Reporter(narrow, 20, false).tell(progress);
  CHECK(lines(narrow.str())[1] == "1 of 3 judged, 2 ..");
}

TEST_CASE("the table ends with the count and tells of each fault the rule", "[lab]") {
  std::ostringstream out;
  Reporter(out, 0, false).table({result(0, Verdict::held, "fine"), result(20, Verdict::leaked, "in plaintext")});
  CHECK(out.str().find(catalogue().at(20).rule) != std::string::npos);
  CHECK(out.str().find("fine") == std::string::npos);
  CHECK(lines(out.str()).back() == "1 held, 1 leaked, 0 lost, 0 refused to deliver, 0 not reached");
}
