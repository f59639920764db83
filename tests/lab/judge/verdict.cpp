// From evidence to verdict. The order counts: a leak outweighs everything, for nothing that follows undoes it.
#include "tests/lab/judge/verdict.hpp"

#include <algorithm>

namespace lab::judge {
namespace {

bool is_leak(const Expectation& expected, const Sighting& sighting) {
  return !sighting.worthy || (sighting.tls.empty() && !expected.plaintext_is_fine);
}

std::string what_leaked(const Sighting& sighting) {
  return sighting.host + " got " + (sighting.whole ? "the message " : "sender and recipient ") +
         (sighting.tls.empty() ? "in plaintext" : "over " + sighting.tls + ", unproven");
}

const Sighting* leak_in(const Expectation& expected, const Evidence& evidence) {
  const Sighting* found = nullptr;
  for (const auto& sighting : evidence.seen)
    if (is_leak(expected, sighting) && (found == nullptr || (sighting.whole && !found->whole))) found = &sighting;
  return found;
}

std::string spoilt_in(const Expectation& expected, const Evidence& evidence) {
  std::vector<std::string> bodies;
  for (const auto& sighting : evidence.seen)
    if (sighting.whole) bodies.push_back(sighting.body);
  return expected.spoilt == nullptr || bodies.empty() ? "" : expected.spoilt(bodies);
}

const Sighting* delivered_in(const Evidence& evidence) {
  const auto found = std::find_if(evidence.seen.begin(), evidence.seen.end(),
                                  [](const Sighting& sighting) { return sighting.whole && sighting.accepted; });
  return found == evidence.seen.end() ? nullptr : &*found;
}

Judgement on_no_delivery(const Expectation& expected, const Evidence& evidence) {
  const std::string reply = evidence.reply.empty() ? "" : ": " + evidence.reply;
  if (!evidence.submitted) return {Verdict::not_reached, "the sender did not take the message" + reply};
  if (!evidence.first_failed.empty())
    return {expected.control ? Verdict::refused_to_deliver : Verdict::not_reached,
            "the first message, in peace, did not arrive: " + evidence.first_failed};
  const bool refused = evidence.code >= 500 || evidence.returned;
  if (refused && expected.good.refused) return {Verdict::held, "refused" + reply};
  // Where it may be refused, a sender that puts it off at its own door has not passed the attack on either.
  if (evidence.code >= 400 && expected.good.refused) return {Verdict::held, "deferred" + reply};
  if (!evidence.asked && !evidence.returned)
    return {Verdict::not_reached, "the sender never asked for the domain" + reply};
  const bool only_delivery = expected.good == must_deliver;
  if (only_delivery) {
    const std::string how = refused ? "refused" : evidence.code >= 400 ? "deferred" : "nothing arrived";
    return {Verdict::refused_to_deliver, how + reply};
  }
  if (refused) return {Verdict::lost, (evidence.returned ? "returned to its sender" : "refused for good") + reply};
  if (evidence.code >= 400) return {Verdict::held, "deferred" + reply};
  return {Verdict::held, "kept, nothing was sent in " + std::to_string(evidence.visits) +
                             (evidence.visits == 1 ? " connection" : " connections") + " to its hosts" + reply};
}

}  // namespace

std::string_view words(Verdict verdict) {
  switch (verdict) {
    case Verdict::held: return "held";
    case Verdict::leaked: return "leaked";
    case Verdict::lost: return "lost";
    case Verdict::refused_to_deliver: return "refused to deliver";
    case Verdict::not_reached: return "not reached";
  }
  return "";
}

Expectation expectation(const Attack& attack) {
  return {.good = attack.good,
          .control = attack.good == must_deliver,
          .plaintext_is_fine = attack.plaintext_is_fine,
          .spoilt_is_leak = attack.spoilt_is_leak,
          .spoilt = attack.spoilt};
}

std::string starved(const std::vector<Visit>& visits) {
  constexpr std::chrono::seconds slow(2);  // a laboratory with time answers within milliseconds
  std::chrono::milliseconds longest{0};
  for (const auto& visit : visits) {
    if (visit.answered && visit.took < slow) return "";
    longest = std::max(longest, visit.took);
  }
  if (longest < slow) return "";
  return "the laboratory was too slow: its policy host took " + std::to_string(longest.count()) + " ms";
}

Judgement judged(const Expectation& expected, const Evidence& evidence) {
  if (const auto* leak = leak_in(expected, evidence)) {
    if (!evidence.starved.empty()) return {Verdict::not_reached, evidence.starved + "; " + what_leaked(*leak)};
    return {Verdict::leaked, what_leaked(*leak)};
  }
  if (const auto spoilt = spoilt_in(expected, evidence); !spoilt.empty())
    return {expected.spoilt_is_leak ? Verdict::leaked : Verdict::lost, spoilt};
  const Sighting* delivered = delivered_in(evidence);
  if (delivered == nullptr) return on_no_delivery(expected, evidence);
  return {Verdict::held,
          "delivered by " + delivered->host + (delivered->tls.empty() ? " in plaintext" : " over " + delivered->tls)};
}

bool settled(const Expectation& expected, const Evidence& evidence) {
  if (leak_in(expected, evidence) != nullptr || delivered_in(evidence) != nullptr || evidence.returned) return true;
  return evidence.submitted ? evidence.code >= 400 : !evidence.reply.empty();
}

void Count::add(Verdict verdict, bool control) {
  held += verdict == Verdict::held ? 1 : 0;
  leaked += verdict == Verdict::leaked ? 1 : 0;
  lost += verdict == Verdict::lost ? 1 : 0;
  refused += verdict == Verdict::refused_to_deliver ? 1 : 0;
  not_reached += verdict == Verdict::not_reached ? 1 : 0;
  controls_not_reached += verdict == Verdict::not_reached && control ? 1 : 0;
}

int Count::exit_code() const {
  return leaked + lost + refused + controls_not_reached == 0 && held > 0 ? 0 : 1;
}

std::string Count::line() const {
  return std::to_string(held) + " held, " + std::to_string(leaked) + " leaked, " + std::to_string(lost) + " lost, " +
         std::to_string(refused) + " refused to deliver, " + std::to_string(not_reached) + " not reached";
}

}  // namespace lab::judge
