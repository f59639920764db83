// The catalogue as it is listed, and the reports that are made of it.
#include "tests/lab/judge/catalogue.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/lab/judge/guide.hpp"
#include "tests/lab/judge/report.hpp"
#include "tests/lab/judge/run_state.hpp"

using namespace lab::judge;

namespace {

std::string read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::vector<Result> results() {
  std::vector<Result> all;
  for (const auto& attack : catalogue())
    all.push_back({.attack = &attack,
                   .domain = attack.name + ".judge.test",
                   .judgement = {all.empty() ? Verdict::leaked : Verdict::held, "seen <b> & \"so\""},
                   .reply = "451",
                   .transcript = {"C: EHLO <x>"},
                   .hosts = {"mx1." + attack.name + ".judge.test"},
                   .thieves = {"mx.attacker." + attack.name + ".judge.test"}});
  return all;
}

}  // namespace

TEST_CASE("the catalogue has 45 attacks or more and each says what it is") {
  int attacks = 0;
  for (const auto& attack : catalogue()) {
    INFO(attack.name);
    attacks += attack.side == Side::control ? 0 : 1;
    CHECK_FALSE(attack.title.empty());
    CHECK(attack.deed.ends_with('.'));
    CHECK(attack.rule.ends_with('.'));
    CHECK(attack.source.starts_with("RFC "));
    CHECK(attack.source.find("§") != std::string::npos);
    CHECK(attack.name.size() <= 31);  // the report's column
    CHECK(attack.good != Good());
  }
  CHECK(attacks >= 45);
}

TEST_CASE("docs/attacks.md is what the catalogue says") {
  std::ostringstream text;
  list_as_markdown(text);
  CHECK(text.str() == read(std::string(STS_RELAY_SOURCE) + "/docs/attacks.md"));
}

TEST_CASE("the list has a line for each attack") {
  std::ostringstream text;
  list(text);
  const std::string lines = text.str();
  CHECK(std::count(lines.begin(), lines.end(), '\n') == static_cast<std::ptrdiff_t>(catalogue().size()));
}

TEST_CASE("the reports are well formed whatever was seen") {
  const auto all = results();
  const auto json = boost::json::parse(as_json({.sender = "127.0.0.1:25", .time = "now", .version = {}}, all));
  CHECK(json.as_object().at("leaked").as_int64() == 1);
  CHECK_FALSE(json.as_object().at("passed").as_bool());
  CHECK(json.as_object().at("attacks").as_array().size() == all.size());
  const auto junit = as_junit({.sender = "127.0.0.1:25", .time = "now", .version = {}}, all);
  CHECK(junit.find("failures=\"1\"") != std::string::npos);
  CHECK(junit.find("<b>") == std::string::npos);
  CHECK(junit.find("C: EHLO &lt;x&gt;") != std::string::npos);
}

TEST_CASE("the page needs neither script nor network") {
  const auto page = as_html({.sender = "127.0.0.1:25", .time = "now", .version = {}}, results());
  for (const char* word : {"<script", "src=", "http://", "https://", "@import", "url(http"})
    CHECK(page.find(word) == std::string::npos);
  CHECK(page.find("<svg") != std::string::npos);
  CHECK(page.find("C: EHLO &lt;x&gt;") != std::string::npos);
}

TEST_CASE("an interrupted run goes on from its file and only in its own zone") {
  lab::Laboratory folder;
  const std::string file = folder.directory() + "/state.json";
  {
    RunState state(file, "a.test");
    state.has_met("one");
    state.has_judged("two", {Verdict::leaked, "so"});
  }
  const RunState next(file, "a.test");
  CHECK(next.met("one"));
  CHECK_FALSE(next.met("two"));
  REQUIRE(next.verdict("two") != nullptr);
  CHECK(next.verdict("two")->verdict == Verdict::leaked);
  CHECK(next.verdict("two")->words == "so");
  CHECK(next.verdict("one") == nullptr);
  CHECK_THROWS_AS(RunState(file, "b.test"), std::runtime_error);
}

TEST_CASE("lab.toml is refused with the line that is wrong") {
  lab::Laboratory folder;
  const std::string file = folder.directory() + "/lab.toml";
  const auto words = [&](const std::string& text) -> std::string {
    std::ofstream(file) << text;
    try {
      read_config(file);
    } catch (const BadConfig& bad) {
      return bad.what();
    }
    return "";
  };
  CHECK(words("zone = \"x.test\"\nsmtp_port = 25\n").empty());
  CHECK(read_config(file).servers.smtp_port == 25);
  CHECK(read_config(file).directory == folder.directory() + "/lab-state");
  CHECK(words("zone = \"x.test\"\nsmtp_prt = 25\n").starts_with(file + ":2: unknown key smtp_prt"));
  CHECK(words("smtp_port = 0\n").starts_with(file + ":1: smtp_port"));
  CHECK(words("mx_address = \"here\"\n").starts_with(file + ":1: mx_address"));
  CHECK(words("zone = \n").starts_with(file + ":"));
}

TEST_CASE("each guide names the servers of the configuration") {
  LabConfig config;
  config.directory = "/somewhere";
  for (const auto& sender : guided()) {
    INFO(sender);
    CHECK(guide(sender, config).find("/somewhere/lab-ca.pem") != std::string::npos);
    CHECK(guide(sender, config).find("sts-lab judge") != std::string::npos);
  }
}

TEST_CASE("an authority that is kept is the same in the next run") {
  lab::Laboratory folder;
  const std::string file = folder.directory() + "/kept.pem";
  const lab::Authority first(folder.directory(), "Kept", {.kept = file}),
      second(folder.directory(), "Kept", {.kept = file});
  CHECK(first.pem() == second.pem());
  CHECK((std::filesystem::status(file).permissions() & std::filesystem::perms::others_read) ==
        std::filesystem::perms::none);
}
