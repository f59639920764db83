// Pins, ends of exemptions and preloaded lists, from their files; and which of them a route has when.
#include <stdlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "proxy/config/config.hpp"

using namespace proxy;
using namespace std::chrono_literals;

namespace {

const std::string policy_text = "version: STSv1\nmode: enforce\nmx: mx1.corp.test\nmax_age: 60\n";
const std::string beginning = "hostname = \"relay.test\"\n[dns]\nservers = [\"127.0.0.1:53\"]\n";

class Directory {
 public:
  Directory() {
    char name[] = "/tmp/overrides-test-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~Directory() { std::filesystem::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  std::string write(const std::string& name, const std::string& text) const {
    const auto file = path_ + '/' + name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file) << text;
    return file;
  }
  LoadedConfig load(const std::string& text, PreloadFaults faults = PreloadFaults::refuse) const {
    return load_config(write("relay.toml", beginning + text), faults);
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string first_error(const LoadedConfig& loaded) {
  return loaded.errors.empty() ? "none" : message(loaded.errors.front());
}

const policy::sts::Time year_end{std::chrono::sys_days(std::chrono::year{2027} / 1 / 1)};

}  // namespace

TEST_CASE("a pin is a policy file and what is wrong with it is said with its own line", "[STS-52]") {
  const Directory directory;
  directory.write("good.policy", policy_text);
  const auto good = directory.load("[[destination]]\ndomain = \"corp.test\"\npin = \"good.policy\"\n");
  CHECK(first_error(good) == "none");
  REQUIRE(good.config.destinations[0].pin);
  CHECK(good.config.destinations[0].pin->mx == std::vector<std::string>{"mx1.corp.test"});
  const auto bad_file = directory.write("bad.policy", "version: STSv1\nmode: enforced\nmx: m.test\nmax_age: 60\n");
  const auto bad = directory.load("[[destination]]\ndomain = \"corp.test\"\npin = \"bad.policy\"\n");
  CHECK(first_error(bad).starts_with(bad_file + ":2: "));
  CHECK(
      first_error(directory.load("[[destination]]\ndomain = \"corp.test\"\npin = \"none\"\n")).find("cannot be read") !=
      std::string::npos);
}

TEST_CASE("a pin that contradicts its destination is refused", "[STS-52][STS-32]") {
  const Directory directory;
  directory.write("good.policy", policy_text);
  const auto with = [&](const std::string& more, const std::string& domain = "corp.test") {
    return first_error(directory.load("[[destination]]\ndomain = \"" + domain + "\"\npin = \"good.policy\"\n" + more));
  };
  CHECK(with("exempt = true\nreason = \"why\"\n").find("`pin` and `exempt`") != std::string::npos);
  CHECK(with("host = \"hop.test\"\n").find("`pin` and `host`") != std::string::npos);
  CHECK(with("", "*").find("domain = \"*\"") != std::string::npos);
}

TEST_CASE("an exemption counts until its end and not after it", "[STS-52]") {
  const Directory directory;
  const auto until = [&](const std::string& value) {
    return directory.load("[[destination]]\ndomain = \"a.test\"\nexempt = true\nreason = \"r\"\nuntil = " + value +
                          "\n");
  };
  const auto loaded = until("\"2026-12-31\"");
  REQUIRE(first_error(loaded) == "none");
  CHECK(route_for(loaded.config, "a.test", year_end - 1s).exempt);
  CHECK_FALSE(route_for(loaded.config, "a.test", year_end).exempt);
  const auto time = until("\"2026-12-31T18:00:00Z\"");
  CHECK(route_for(time.config, "a.test", year_end - 6h - 1s).exempt);
  CHECK_FALSE(route_for(time.config, "a.test", year_end - 6h).exempt);
  CHECK(first_error(until("\"soon\"")).find("is no time") != std::string::npos);
  CHECK(first_error(until("2026-12-31")).find("expected") != std::string::npos);
  const auto past = until("\"2020-01-01\"");
  CHECK(first_error(past) == "none");
  REQUIRE(past.warnings.size() == 1);
  CHECK(past.warnings[0].find("ended at 2020-01-02T00:00:00Z") != std::string::npos);
  CHECK(first_error(directory.load("[[destination]]\ndomain = \"a.test\"\nuntil = \"2026-12-31\"\n"))
            .find("`until` without `exempt`") != std::string::npos);
}

TEST_CASE("a folder of policies is preloaded under the names of its files", "[STS-53]") {
  const Directory directory;
  directory.write("preload.d/a.test", policy_text);
  directory.write("preload.d/b.test.txt", policy_text);
  directory.write("preload.d/.hidden", "nothing");
  const auto loaded = directory.load("[mta_sts]\npreload = \"preload.d\"\n");
  REQUIRE(first_error(loaded) == "none");
  REQUIRE(loaded.config.mta_sts.preloaded);
  CHECK(loaded.config.mta_sts.preloaded->size() == 2);
  CHECK(loaded.config.mta_sts.preloaded->contains("b.test"));
}

TEST_CASE("a list of policies is preloaded and a bad entry refused at start and left out at a reload", "[STS-53]") {
  const Directory directory;
  const auto list = directory.write("list", "domain: a.test\n" + policy_text + "\ndomain: b.test\nversion: STSv1\n");
  const auto start = directory.load("[mta_sts]\npreload = \"list\"\n");
  CHECK(first_error(start).starts_with(list + ":"));
  const auto again = directory.load("[mta_sts]\npreload = \"list\"\n", PreloadFaults::leave_out);
  CHECK(first_error(again) == "none");
  REQUIRE(again.config.mta_sts.preloaded);
  CHECK(again.config.mta_sts.preloaded->size() == 1);
  REQUIRE(again.warnings.size() == 1);
  CHECK(again.warnings[0].starts_with(list + ":"));
  directory.write("folder/not a domain", policy_text);
  directory.write("folder/c.test", "nonsense");
  CHECK(directory.load("[mta_sts]\npreload = \"folder\"\n").errors.size() == 2);
  CHECK(first_error(directory.load("[mta_sts]\npreload = \"none\"\n")).find("cannot be read") != std::string::npos);
}

TEST_CASE("an exemption of the command counts for its domain until its end and never above a pin", "[STS-52]") {
  const Directory directory;
  directory.write("good.policy", policy_text);
  auto loaded = directory.load(
      "[[destination]]\ndomain = \"corp.test\"\npin = \"good.policy\"\n"
      "[[destination]]\ndomain = \"floor.test\"\nsecurity = \"verify\"\n");
  REQUIRE(first_error(loaded) == "none");
  auto exemptions = std::make_shared<Exemptions>();
  for (const auto* domain : {"a.test", "corp.test", "floor.test"})
    exemptions->emplace(domain, Exemption{domain, "ticket 1", year_end - 24h, year_end});
  loaded.config.exemptions = exemptions;
  const auto route = route_for(loaded.config, "a.test", year_end - 1s);
  CHECK(route.exempt);
  CHECK(route.reason == "ticket 1");
  CHECK(route.configured_at == "exempt command, until 2027-01-01T00:00:00Z");
  CHECK_FALSE(route_for(loaded.config, "a.test", year_end).exempt);
  CHECK_FALSE(route_for(loaded.config, "sub.a.test", year_end - 1s).exempt);
  CHECK_FALSE(route_for(loaded.config, "corp.test", year_end - 1s).exempt);
  // The floor is the administrator's own and stays.
  CHECK(route_for(loaded.config, "floor.test", year_end - 1s).security == policy::Security::verify);
}
