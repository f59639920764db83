// The judge judges the relay, and one that ignores what domains publish: it must see a leak.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/lab/judge/judgement_run.hpp"
#include "tests/lab/judge/report.hpp"
#include "tests/scenario/support/world.hpp"

using namespace lab::judge;

namespace {

struct Court {
  lab::Laboratory folder;  // its directory alone is wanted
  Grounds grounds;

  Court() : grounds(config(folder.directory()), {}) {}

  static LabConfig config(const std::string& directory) {
    LabConfig config;
    config.directory = directory + "/lab-state";
    config.servers = {};  // free ports
    return config;
  }

  std::vector<Result> judge(const lab::RelayOptions& options, std::chrono::milliseconds wait) {
    lab::RelayProcess relay(grounds.lab(), scenario::relay_program(), options);
    relay.start();
    auto results = run(grounds, {.address = "127.0.0.1", .port = relay.port(), .wait = wait}, [](const Progress&) {});
    CHECK(relay.crash() == "");
    return results;
  }
};

/// A minute or more each: by hand, with STS_LAB_JUDGE_ALL=1.
bool takes_its_time() {
  if (std::getenv("STS_LAB_JUDGE_ALL") != nullptr) return false;
  WARN("not run: it takes long, and STS_LAB_JUDGE_ALL is not set");
  return true;
}

void all_held(const std::vector<Result>& results) {
  for (const auto& result : results) {
    INFO(result.attack->name << ": " << result.judgement.words);
    CHECK(words(result.judgement.verdict) == words(Verdict::held));
  }
  CHECK(count(results).exit_code() == 0);
}

// Long enough for a busy machine: a policy host of the laboratory that is too slow is a policy that is not known, and
// that looks like a leak.
const lab::RelayOptions strict{.dnssec = "on", .fetch_timeout = "15s"};

}  // namespace

TEST_CASE("the judge finds that the relay holds with a listener that replies", "[scenario][STS-36][DANE-09]") {
  Court court;
  all_held(court.judge(strict, std::chrono::seconds(60)));
}

TEST_CASE("the judge finds that the relay holds with a listener that queues", "[scenario]") {
  if (takes_its_time()) return;
  Court court;
  auto options = strict;
  options.on_defer = "queue";
  all_held(court.judge(options, std::chrono::seconds(40)));
}

TEST_CASE("the judge sees what a relay leaks that ignores what domains publish", "[scenario]") {
  if (takes_its_time()) return;
  Court court;
  const lab::RelayOptions careless{
      .destinations = {{{"domain", "\"*\""}, {"exempt", "true"}, {"reason", "\"careless\""}}}};
  const auto results = court.judge(careless, std::chrono::seconds(30));
  CHECK(count(results).exit_code() == 1);
  int leaks = 0;
  for (const auto& result : results) {
    const auto verdict = result.judgement.verdict;
    INFO(result.attack->name << ": " << result.judgement.words);
    leaks += verdict == Verdict::leaked ? 1 : 0;
    if (result.attack->side == Side::control) CHECK(words(verdict) == words(Verdict::held));
    if (result.attack->name == "starttls-stripped" || result.attack->name == "past-policy-blocked")
      CHECK(result.judgement.words.ends_with("in plaintext"));
    if (result.attack->name == "certificate-expired" || result.attack->name == "mx-forged" ||
        result.attack->name == "dane-wrong-key")
      CHECK(result.judgement.words.ends_with("unproven"));
  }
  CHECK(leaks >= 30);
}
