// The state of a run as a JSON file.
#include "tests/lab/judge/run_state.hpp"

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace lab::judge {
namespace {

Verdict verdict_of(const std::string& text) {
  for (const Verdict verdict :
       {Verdict::held, Verdict::leaked, Verdict::lost, Verdict::refused_to_deliver, Verdict::not_reached})
    if (text == words(verdict)) return verdict;
  throw std::runtime_error("no verdict: " + text);
}

}  // namespace

RunState::RunState(std::string file, std::string zone) : file_(std::move(file)), zone_(std::move(zone)) {
  if (file_.empty() || !std::filesystem::exists(file_)) return;
  std::ostringstream text;
  text << std::ifstream(file_).rdbuf();
  try {
    const auto whole = boost::json::parse(text.str()).as_object();
    if (std::string(whole.at("zone").as_string()) != zone_) throw std::runtime_error("it is of another zone");
    for (const auto& name : whole.at("met").as_array()) met_.emplace(name.as_string());
    for (const auto& [name, value] : whole.at("judged").as_object()) {
      const auto& one = value.as_object();
      judged_[std::string(name)] = {verdict_of(std::string(one.at("verdict").as_string())),
                                    std::string(one.at("seen").as_string())};
    }
  } catch (const std::exception& error) {
    throw std::runtime_error("cannot go on from " + file_ + ": " + error.what());
  }
}

const Judgement* RunState::verdict(const std::string& attack) const {
  const auto found = judged_.find(attack);
  return found == judged_.end() ? nullptr : &found->second;
}

void RunState::has_met(const std::string& attack) {
  if (met_.insert(attack).second) write();
}

void RunState::has_judged(const std::string& attack, const Judgement& judgement) {
  judged_[attack] = judgement;
  write();
}

void RunState::write() const {
  if (file_.empty()) return;
  boost::json::array met;
  for (const auto& name : met_) met.emplace_back(name);
  boost::json::object judged;
  for (const auto& [name, judgement] : judged_)
    judged[name] = {{"verdict", std::string(words(judgement.verdict))}, {"seen", judgement.words}};
  const boost::json::object whole{{"zone", zone_}, {"met", std::move(met)}, {"judged", std::move(judged)}};
  std::ofstream(file_ + ".new") << boost::json::serialize(whole) << "\n";
  std::filesystem::rename(file_ + ".new", file_);
}

}  // namespace lab::judge
