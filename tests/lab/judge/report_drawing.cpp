// One column: the sender on top, from it a trunk with a branch to each place.
#include "tests/lab/judge/report_drawing.hpp"

#include <algorithm>

#include "protocol/base/text.hpp"
#include "tests/lab/judge/attacker.hpp"
#include "tests/lab/judge/report.hpp"

namespace lab::judge {
namespace {

enum class Arrow { asks, may, must_not, went_well, went_wrong };

struct Place {
  Arrow arrow = Arrow::asks;
  std::string title, name = {}, words = {};
  std::string deed = {};  ///< of the attacker there; empty: he is not there
};

std::string_view css_class(Arrow arrow) {
  switch (arrow) {
    case Arrow::asks: return "dim";
    case Arrow::may:
    case Arrow::went_well: return "good";
    case Arrow::must_not:
    case Arrow::went_wrong: break;
  }
  return "bad";
}

/// Lines and no letters: those would shrink with the drawing.
std::string arrow(Arrow kind) {
  const bool went = kind == Arrow::went_well || kind == Arrow::went_wrong;
  std::string out = "<svg class=\"" + std::string(css_class(kind)) +
                    "\" viewBox=\"0 0 48 24\" width=\"48\" height=\"24\" aria-hidden=\"true\" fill=\"none\" "
                    "stroke=\"currentColor\" stroke-width=\"";
  out += went ? "4\">" : kind == Arrow::asks ? "1.5\" stroke-dasharray=\"4 3\">" : "2\">";
  if (kind == Arrow::must_not) return out + "<path d=\"M0 12H34M29 5L41 19M41 5L29 19\"/></svg>";
  if (went)  // with an envelope
    return out +
           "<path d=\"M0 12H38\"/><path d=\"M34 4L44 12L34 20\"/><g stroke-width=\"1.5\">"
           "<rect x=\"7\" y=\"5\" width=\"20\" height=\"14\" rx=\"1\" class=\"paper\"/>"
           "<path d=\"M7 6L17 13L27 6\"/></g></svg>";
  return out + "<path d=\"M0 12H44\"/><path stroke-dasharray=\"none\" d=\"M37 6L45 12L37 18\"/></svg>";
}

/// A name that breaks at its dots where it must break.
std::string breakable(const std::string& name) {
  std::string out = escaped(name);
  for (auto at = out.find('.'); at != std::string::npos; at = out.find('.', at + 1)) out.insert(at + 1, "<wbr>");
  return out;
}

std::string box(const Place& place) {
  const bool evil = !place.deed.empty();
  std::string out =
      std::string("<div class=\"place") + (evil ? " evil" : "") + "\"><b>" + escaped(place.title) + "</b>";
  if (evil) out += " <span class=\"chip bad\">attacker</span>";
  if (!place.name.empty()) out += "<br><span class=\"name\">" + breakable(place.name) + "</span>";
  if (evil) out += "<br>" + escaped(place.deed);
  if (!place.words.empty())
    out += "<br><span class=\"" + std::string(css_class(place.arrow)) + " way\">" + escaped(place.words) + "</span>";
  return out + "</div>";
}

std::string branches(const std::vector<Place>& places) {
  std::string out = "<ul class=\"ways\">";
  for (const auto& place : places) out += "<li>" + arrow(place.arrow) + box(place) + "</li>";
  return out + "</ul>";
}

/// What a verdict says of a host: "got the message in plaintext", or "" where it says nothing.
std::string said_of(const std::string& host, const Judgement& judgement) {
  const std::string_view all = judgement.words;
  for (const std::string& beginning : {host + " got ", "delivered by " + host + " "})
    if (all.starts_with(beginning)) {
      const auto rest = std::string(all.substr(beginning.size()));
      return all.starts_with("delivered") ? "Got the message " + rest : "Got " + rest;
    }
  return {};
}

/// By the look-up of its address: a sender that refuses its certificate never comes to a request.
std::string asked_for_policy(const Result& result) {
  if (result.transcript.empty()) return {};
  const std::string host = " mta-sts." + result.domain + " A";
  const bool asked = std::any_of(result.transcript.begin(), result.transcript.end(), [&](const std::string& line) {
    return line.starts_with("DNS:") && line.find(host) != std::string::npos;
  });
  return asked ? "Was asked for the MTA-STS policy." : "Was never asked for the MTA-STS policy.";
}

/// mx1.DOMAIN, as the laboratory calls the domain's own hosts.
bool is_own(const std::string& host, const std::string& domain) {
  return host.starts_with("mx") && host.size() > 3 + domain.size() && base::is_digit(host[2]) &&
         host.ends_with("." + domain) && host.find('.') == host.size() - domain.size() - 1;
}

Place mx_place(const Result& result, const Attacker& where, const std::string& host, bool worthy) {
  const bool own = worthy || is_own(host, result.domain);
  Place place{.arrow = worthy ? Arrow::may : Arrow::must_not,
              .title = own ? "MX host" : "The attacker's host",
              .name = host,
              .words = worthy ? "May get the message." : "Must not get the message."};
  if (!own)
    place.deed = "He wants the message here.";
  else if (where.way && (!worthy || result.thieves.empty()))
    place.deed = "He sits on the way to it, or in its place.";
  if (const auto said = said_of(host, result.judgement); !said.empty()) {
    const bool well = result.judgement.verdict == Verdict::held;
    place.arrow = well ? Arrow::went_well : Arrow::went_wrong;
    place.words = said + (well ? "." : ", and must not.");
  }
  return place;
}

std::string outcome(const Judgement& judgement) {
  const std::string_view said = judgement.words;
  switch (judgement.verdict) {
    case Verdict::held:
      if (said.starts_with("delivered")) return "Delivers the message.";
      return said.starts_with("refused") ? "Refuses the message." : "Keeps the message and tries again later.";
    case Verdict::leaked: return "Gives the message away.";
    case Verdict::lost: return "Gives the message up, or spoils it.";
    case Verdict::refused_to_deliver: return "Does not deliver, though all is well.";
    case Verdict::not_reached: break;
  }
  return "Never came to this attack.";
}

std::string_view colour(Verdict verdict) {
  return verdict == Verdict::held ? "good" : verdict == Verdict::not_reached ? "dim" : "bad";
}

}  // namespace

std::string drawing(const Result& result) {
  const Attack& attack = *result.attack;
  const Attacker where = attacker(attack);
  std::vector<Place> places{{.title = "DNS",
                             .name = "records of " + result.domain,
                             .deed = where.dns ? "He forges answers, or withholds them." : ""}};
  if (!attack.domain.sts.empty())
    places.push_back({.title = "Policy host",
                      .name = "mta-sts." + result.domain,
                      .words = asked_for_policy(result),
                      .deed = where.policy_host ? "He answers in its place, or cuts it off." : ""});
  // Where an earlier run judged, the hosts are still those of the peace before the attack.
  for (const auto& host : result.hosts) places.push_back(mx_place(result, where, host, attack.good.delivered));
  for (const auto& host : result.thieves) {
    auto place = mx_place(result, where, host, false);
    // The domain's own host, while DNS speaks of the attacker's alone.
    const bool beside = where.host && place.deed.empty() && place.arrow == Arrow::must_not;
    if (!beside) places.push_back(std::move(place));
  }
  std::string out = "<figure class=\"map\"><figcaption class=\"dim\">Who sits where</figcaption>";
  if (where.author)
    out += box({.title = "The message's author", .deed = "He hides a second message in it."}) +
           "<div class=\"stem\"></div>";
  out += "<div class=\"place sender\"><b>The sender under test</b>";
  if (attack.needs_past) out += "<br>Before the attack, a first message went to the domain in peace.";
  out += "<br><span class=\"way " + std::string(colour(result.judgement.verdict)) + "\">" + outcome(result.judgement) +
         "</span></div>";
  return out + branches(places) + "</figure>";
}

std::string legend() {
  const std::vector<Place> marks{
      {.arrow = Arrow::asks, .title = "A dashed arrow", .words = "The sender asks there."},
      {.arrow = Arrow::may, .title = "A green arrow", .words = "The message may go there."},
      {.arrow = Arrow::must_not,
       .title = "A cross",
       .words = "The message must not go there.",
       .deed = "He sits here."},
      {.arrow = Arrow::went_well, .title = "A green envelope", .words = "The message went there, rightly."},
      {.arrow = Arrow::went_wrong,
       .title = "A red envelope",
       .words = "The message went there, and must not.",
       .deed = "He has the message."}};
  return "<figure class=\"map\"><figcaption class=\"dim\">How to read the drawings</figcaption><div class=\"place "
         "sender\"><b>The sender under test</b><br>What it did with the message.</div>" +
         branches(marks) + "</figure>";
}

std::string_view drawing_style() {
  return ".map{margin:.8rem 0;max-width:32rem}figcaption{margin-bottom:.3rem}"
         ".place{border:1.5px solid var(--line);border-radius:.4rem;padding:.35rem .6rem;min-width:0;"
         "overflow-wrap:anywhere;background:var(--paper)}"
         ".sender{border-width:3px}.evil{border:2px dashed var(--bad)}"
         ".chip{border:1px solid;border-radius:1rem;padding:0 .5rem;font-size:.8125rem;white-space:nowrap}"
         ".way{font-weight:600}"
         ".ways{list-style:none;margin:0 0 0 1rem;padding:0}"
         ".ways li{display:grid;grid-template-columns:48px "
         "minmax(0,1fr);align-items:center;gap:.3rem;position:relative;"
         "padding:.3rem 0}"
         ".ways li::before{content:\"\";position:absolute;left:-1px;top:0;bottom:0;border-left:2px solid var(--line)}"
         ".ways li:last-child::before{bottom:50%}"
         ".stem{height:1rem;margin-left:1rem;border-left:2px solid var(--line)}"
         "svg{display:block}.paper{fill:var(--paper)}";
}

}  // namespace lab::judge
