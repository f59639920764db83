// The run as JSON and as JUnit's XML.
#include <boost/json.hpp>

#include "tests/lab/judge/report.hpp"

namespace lab::judge {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\n') {
      out += '?';  // XML 1.0 §2.2 has no way to write them
    } else {
      out += c;
    }
  }
  return out;
}

std::string as_json(const About& about, const std::vector<Result>& results) {
  const Count all = count(results);
  boost::json::array attacks;
  for (const auto& result : results) {
    boost::json::array lines;
    for (const auto& line : result.transcript) lines.emplace_back(line);
    attacks.push_back(boost::json::object{{"name", result.attack->name},
                                          {"side", std::string(words(result.attack->side))},
                                          {"title", result.attack->title},
                                          {"domain", result.domain},
                                          {"verdict", std::string(words(result.judgement.verdict))},
                                          {"seen", result.judgement.words},
                                          {"reply", result.reply},
                                          {"good", words(result.attack->good)},
                                          {"rule", result.attack->rule},
                                          {"source", result.attack->source},
                                          {"transcript", std::move(lines)}});
  }
  const boost::json::object whole{{"sender", about.sender},
                                  {"time", about.time},
                                  {"held", all.held},
                                  {"leaked", all.leaked},
                                  {"lost", all.lost},
                                  {"refused_to_deliver", all.refused},
                                  {"not_reached", all.not_reached},
                                  {"passed", all.exit_code() == 0},
                                  {"attacks", std::move(attacks)}};
  return boost::json::serialize(whole) + "\n";
}

std::string as_junit(const About& about, const std::vector<Result>& results) {
  const Count all = count(results);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"sts-lab judge " +
                    escaped(about.sender) + "\" tests=\"" + std::to_string(results.size()) + "\" failures=\"" +
                    std::to_string(all.leaked + all.lost + all.refused) + "\" errors=\"0\" skipped=\"" +
                    std::to_string(all.not_reached) + "\" timestamp=\"" + escaped(about.time) + "\">\n";
  for (const auto& result : results) {
    const auto& attack = *result.attack;
    out += "  <testcase classname=\"" + std::string(words(attack.side)) + "\" name=\"" + escaped(attack.name) + "\"";
    const std::string seen = escaped(std::string(words(result.judgement.verdict)) + ": " + result.judgement.words);
    if (result.judgement.verdict == Verdict::held) {
      out += "/>\n";
    } else if (result.judgement.verdict == Verdict::not_reached) {
      out += "><skipped message=\"" + seen + "\"/></testcase>\n";
    } else {
      out += "><failure message=\"" + seen + "\">" + escaped(attack.rule + " " + attack.source) + "\n";
      for (const auto& line : result.transcript) out += escaped(line) + "\n";
      out += "</failure></testcase>\n";
    }
  }
  return out + "</testsuite>\n";
}

}  // namespace lab::judge
