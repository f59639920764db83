// The report as one page: readable on a phone and in print, with neither script nor network.
#include "tests/lab/judge/report.hpp"

namespace lab::judge {
namespace {

constexpr const char* style =
    ":root{color-scheme:light dark;--bad:#b3261e;--good:#1b6e3c;--dim:#666}"
    "@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--good:#7ddf9f;--dim:#aaa}}"
    "body{font:16px/1.45 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem}"
    "h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}h3{font-size:1rem;margin:0}"
    "table{border-collapse:collapse;width:100%}td{padding:.25rem .6rem .25rem 0;vertical-align:top;"
    "border-bottom:1px solid #8884}a{color:inherit}"
    "article{border:1px solid #8886;border-left:.4rem solid var(--dim);border-radius:.4rem;padding:.7rem .9rem;"
    "margin:.8rem 0;break-inside:avoid}"
    ".held{border-left-color:var(--good)}.leaked,.lost,.refused{border-left-color:var(--bad)}"
    ".verdict{font-weight:700}.good{color:var(--good)}.bad{color:var(--bad)}.dim{color:var(--dim)}"
    "p{margin:.35rem 0}svg{width:100%;max-width:38rem;height:auto;display:block;margin:.4rem 0}"
    "svg text{font:13px system-ui,sans-serif;fill:currentColor}"
    "pre{font:12px/1.4 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0}"
    "summary{cursor:pointer}.name{overflow-wrap:anywhere}"
    "@media print{body{max-width:none;font-size:11pt}details>summary{display:none}}";

const char* css_class(Verdict verdict) {
  switch (verdict) {
    case Verdict::held: return "held";
    case Verdict::leaked: return "leaked";
    case Verdict::lost: return "lost";
    case Verdict::refused_to_deliver: return "refused";
    case Verdict::not_reached: break;
  }
  return "unreached";
}

const char* colour(Verdict verdict) {
  return verdict == Verdict::held ? "good" : verdict == Verdict::not_reached ? "dim" : "bad";
}

std::string box(int x, int y, int width, const std::string& first, const std::string& second, bool evil) {
  const std::string at = std::to_string(x), top = std::to_string(y), middle = std::to_string(x + width / 2);
  const auto line = [&](int below, const std::string& text) {
    return "<text x=\"" + middle + "\" y=\"" + std::to_string(y + below) + "\" text-anchor=\"middle\">" +
           escaped(text) + "</text>";
  };
  return "<rect x=\"" + at + "\" y=\"" + top + "\" width=\"" + std::to_string(width) +
         "\" height=\"48\" rx=\"6\" fill=\"none\" stroke=\"" + (evil ? "#c62828" : "currentColor") +
         "\" stroke-width=\"" + (evil ? "2.5" : "1.5") + "\"" + (evil ? " stroke-dasharray=\"6 3\"" : "") + "/>" +
         line(20, first) + line(38, second);
}

std::string arrow(int x1, int y1, int x2, int y2) {
  const auto number = [](int value) { return std::to_string(value); };
  return "<line x1=\"" + number(x1) + "\" y1=\"" + number(y1) + "\" x2=\"" + number(x2) + "\" y2=\"" + number(y2) +
         "\" stroke=\"currentColor\" marker-end=\"url(#tip)\"/>";
}

/// Long names keep their telling end off the drawing; the transcript has them whole.
std::string brief(const std::string& name) {
  return name.size() <= 30 ? name : name.substr(0, 28) + "..";
}

/// Who sits where: the sender under test, what it asks, where mail may go and where it must not. The attacker's places
/// are red and dashed.
std::string drawing(const Result& result) {
  const Attack& attack = *result.attack;
  const bool on_policy = attack.side == Side::policy || attack.name.starts_with("past-policy") ||
                         attack.name.starts_with("past-record") || attack.name.starts_with("past-forged") ||
                         attack.name.starts_with("past-disarmed");
  const bool has_policy = !attack.domain.sts.empty();
  std::vector<std::pair<std::string, bool>> places;
  places.emplace_back("DNS", false);
  if (has_policy) places.emplace_back("mta-sts." + result.domain, on_policy);
  for (const auto& host : result.hosts) places.emplace_back(host, false);
  for (const auto& host : result.thieves) places.emplace_back(host, true);
  const int height = static_cast<int>(places.size()) * 60 + 4;
  std::string out =
      "<svg viewBox=\"0 0 620 " + std::to_string(height) + "\" role=\"img\" aria-label=\"who sits where\">" +
      "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" "
      "markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"currentColor\"/></marker></defs>" +
      box(4, height / 2 - 24, 170, "the sender", "under test", false);
  for (std::size_t i = 0; i < places.size(); ++i) {
    const auto& [name, evil] = places[i];
    const int top = static_cast<int>(i) * 60 + 6;
    const bool dns = i == 0, policy = has_policy && i == 1;
    const std::string role = dns      ? "records of the domain"
                             : policy ? (evil ? "policy host, attacked" : "policy host")
                             : evil   ? "must not get the message"
                                      : "MX host, may get the message";
    out += box(330, top, 284, brief(name), role, evil) + arrow(174, height / 2, 328, top + 24);
  }
  return out + "</svg>";
}

std::string article(const Result& result) {
  const Attack& attack = *result.attack;
  const Verdict verdict = result.judgement.verdict;
  std::string out = "<article id=\"" + attack.name + "\" class=\"" + css_class(verdict) + "\"><h3>" +
                    escaped(attack.title) + "</h3><p class=\"name dim\">" + escaped(result.domain) +
                    "</p><p><span class=\"verdict " + colour(verdict) + "\">" + std::string(words(verdict)) +
                    "</span>: " + escaped(result.judgement.words) + "</p><p>" + escaped(attack.deed) +
                    "</p><p><b>Rule.</b> " + escaped(attack.rule) + " <span class=\"dim\">" + escaped(attack.source) +
                    "</span> Good: " + words(attack.good) + ".</p>" + drawing(result);
  if (!result.transcript.empty()) {
    const bool open = verdict != Verdict::held;
    out += std::string("<details") + (open ? " open" : "") + "><summary>What was seen</summary><pre>";
    for (const auto& line : result.transcript) out += escaped(line) + "\n";
    out += "</pre></details>";
  }
  return out + "</article>\n";
}

}  // namespace

std::string as_html(const About& about, const std::vector<Result>& results) {
  const Count all = count(results);
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
      "<title>sts-lab: " +
      escaped(about.sender) + "</title><style>" + style +
      "</style></head><body>\n<h1>Judged: " + escaped(about.sender) + "</h1><p class=\"dim\">" + escaped(about.time) +
      "</p><p class=\"verdict " + (all.exit_code() == 0 ? "good" : "bad") + "\">" + all.line() +
      "</p><p>One message was sent to each of " + std::to_string(results.size()) +
      " domains, each with one attack or one healthy control. <b>Held</b>: deferred, or delivered by a host that may "
      "have the message. <b>Leaked</b>: plaintext or an unproven host got it. <b>Lost</b>: returned, or spoilt, where "
      "it "
      "had to wait. <b>Refused to deliver</b>: a healthy domain got nothing. <b>Not reached</b>: the sender never came "
      "to the attack. In the drawings the attacker's places are dashed; \"C:\" is the sender under test.</p>\n<table>";
  for (const auto& result : results)
    out += std::string("<tr><td class=\"verdict ") + colour(result.judgement.verdict) + "\">" +
           std::string(words(result.judgement.verdict)) + "</td><td><a href=\"#" + result.attack->name + "\">" +
           escaped(result.attack->title) + "</a></td></tr>\n";
  out += "</table>\n";
  const Attack* before = nullptr;
  for (const auto& result : results) {
    if (before == nullptr || before->side != result.attack->side)
      out += "<h2>" + std::string(heading(result.attack->side)) + "</h2>\n";
    before = result.attack;
    out += article(result);
  }
  return out + "</body></html>\n";
}

}  // namespace lab::judge
