// The report as one page: readable on a phone and in print, with neither script nor network.
#include "tests/lab/judge/attacker.hpp"
#include "tests/lab/judge/report.hpp"
#include "tests/lab/judge/report_drawing.hpp"

namespace lab::judge {
namespace {

constexpr const char* style =
    ":root{color-scheme:light;--paper:#fff;--ink:#1a1c1e;--line:#75797d;--bad:#a81f16;--good:#17643a;--dim:#5b6064}"
    "@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;--paper:#16181b;--ink:#e6e7e9;"
    "--line:#8d9296;--bad:#ff938a;--good:#7ddf9f;--dim:#aeb3b8}}"
    "body{font:16px/1.45 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem;background:var(--paper);"
    "color:var(--ink)}"
    "h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.2rem;margin:2.2rem 0 .5rem}h3{font-size:1.05rem;margin:0}"
    "h1,td{overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%;font-size:.9375rem}td{padding:.3rem .6rem .3rem 0;vertical-align:top;"
    "border-bottom:1px solid var(--line)}td:first-child{width:5.5rem;overflow-wrap:normal}a{color:inherit}"
    "article{border:1px solid var(--line);border-left:.4rem solid var(--dim);border-radius:.4rem;padding:.7rem .9rem;"
    "margin:1rem 0}"
    ".held{border-left-color:var(--good)}.leaked,.lost,.refused{border-left-color:var(--bad)}"
    ".verdict{font-weight:700}.good{color:var(--good)}.bad{color:var(--bad)}.dim{color:var(--dim)}"
    "p{margin:.4rem 0;overflow-wrap:anywhere}.name{overflow-wrap:anywhere}"
    "pre{font:13px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:.4rem 0}"
    "summary{cursor:pointer}.source{white-space:nowrap}"
    // A closed <details> shows all on paper.
    "@media "
    "print{body{max-width:none;font-size:10.5pt;padding:0}pre{font-size:9pt}table{font-size:9.5pt}td{padding:.1rem "
    ".6rem .1rem 0}"
    "article{-webkit-box-decoration-break:clone;box-decoration-break:clone}h2,h3,summary{break-after:avoid}"
    ".about{break-inside:avoid}tr{break-inside:avoid}pre{orphans:4;widows:4}"
    "details::details-content{content-visibility:visible;display:block}summary{list-style:none}}";

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

/// The transcript for the eye: a reply of several lines on lines of its own, what nobody said in grey.
std::string readable(const std::string& line) {
  std::string text = escaped(line);
  if (line.starts_with("-- ")) return "<span class=\"dim\">" + text + "</span>\n";
  if (line.starts_with("S: "))
    for (auto at = text.find("\\n"); at != std::string::npos; at = text.find("\\n", at)) text.replace(at, 2, "\n   ");
  return text + "\n";
}

std::string article(const Result& result) {
  const Attack& attack = *result.attack;
  const Verdict verdict = result.judgement.verdict;
  const bool attacked = attacker(attack).anywhere();
  std::string out =
      "<article id=\"" + attack.name + "\" class=\"" + css_class(verdict) + "\"><div class=\"about\"><h3>" +
      escaped(attack.title) + "</h3><p class=\"name dim\">" + escaped(result.domain) + "</p><p><span class=\"verdict " +
      colour(verdict) + "\">" + std::string(words(verdict)) + "</span>: " + escaped(result.judgement.words) +
      "</p><p><b>" + (attacked ? "Attack." : "Set-up.") + "</b> " + escaped(attack.deed) +
      "</p><p class=\"rule\"><b>Rule.</b> " + escaped(attack.rule) + " <b class=\"source\">" + escaped(attack.source) +
      "</b></p><p><b>Good is:</b> " + words(attack.good) + ".</p>" + drawing(result) + "</div>";
  if (!result.transcript.empty()) {
    const bool open = verdict != Verdict::held;
    out += std::string("<details") + (open ? " open" : "") + "><summary>What was seen: the transcript</summary><pre>";
    for (const auto& line : result.transcript) out += readable(line);
    out += "</pre></details>";
  } else {
    out += "<p class=\"dim\">No transcript: an earlier run judged this.</p>";
  }
  return out + "</article>\n";
}

/// A line for each that held, or for each that did not, with a link to the whole of it.
std::string index(const std::string& title, const std::vector<Result>& results, bool held) {
  std::string rows;
  for (const auto& result : results) {
    if ((result.judgement.verdict == Verdict::held) != held) continue;
    rows += std::string("<tr><td class=\"verdict ") + colour(result.judgement.verdict) + "\">" +
            std::string(words(result.judgement.verdict)) + "</td><td><a href=\"#" + result.attack->name + "\">" +
            escaped(result.attack->title) + "</a> <span class=\"dim source\">" + escaped(result.attack->source) +
            "</span></td></tr>\n";
  }
  return rows.empty() ? "" : "<h2>" + title + "</h2>\n<table>" + rows + "</table>\n";
}

}  // namespace

std::string as_html(const About& about, const std::vector<Result>& results) {
  const Count all = count(results);
  std::string out =
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
      "<title>sts-lab: " +
      escaped(about.sender) + "</title><style>" + style + std::string(drawing_style()) +
      "</style></head><body>\n<h1>Judged: " + escaped(about.sender) + "</h1><p class=\"dim\">" + escaped(about.time) +
      "</p><p class=\"verdict " + (all.exit_code() == 0 ? "good" : "bad") + "\">" + all.line() +
      "</p><p>One message was sent to each of " + std::to_string(results.size()) +
      " domains, each with one attack or one healthy control.</p><ul>"
      "<li><b>Held</b>: deferred, or delivered by a host that may have the message.</li>"
      "<li><b>Leaked</b>: plaintext, or a host that proved nothing got it.</li>"
      "<li><b>Lost</b>: returned, or spoilt, where it had to wait.</li>"
      "<li><b>Refused to deliver</b>: a healthy domain got nothing.</li>"
      "<li><b>Not reached</b>: the sender never came to the attack.</li></ul>"
      "<p>In the transcripts \"C:\" is the sender under test, \"S:\" the host.</p>" +
      legend();
  out += index("To be mended", results, false) + index("Held", results, true);
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
