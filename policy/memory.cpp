// The rules of a record, and its words.
#include "policy/memory.hpp"

#include <algorithm>

#include "protocol/base/time_format.hpp"

namespace policy::memory {

namespace {

constexpr std::chrono::hours store_again{24};

bool is_over(const Record& record, Time now) {
  return now - record.last_seen >= lasts;
}

bool is_believed(const Record& record, Time now, std::chrono::seconds believe_after) {
  return record.weaker_since && now - *record.weaker_since >= believe_after;
}

}  // namespace

std::string_view words(Level level) {
  switch (level) {
    case Level::encrypted: return "encrypted";
    case Level::pkix: return "pkix";
    case Level::none: break;
  }
  return "none";
}

Requirement requirement_of(Level level) {
  return {.encrypted = level != Level::none, .pkix = level == Level::pkix};
}

bool is_kept(const Facts& facts) {
  using MxSet = Facts::MxSet;
  if (facts.is_literal || facts.route.exempt) return false;
  if (facts.mx_set != MxSet::found && facts.mx_set != MxSet::implicit) return false;
  return facts.sts.state != StsFacts::State::policy || facts.sts.policy.mode != sts::Mode::enforce;
}

Memory counts(const std::optional<Record>& record, Remember remember, Time now, std::chrono::seconds believe_after) {
  if (!record || remember == Remember::off || record->level == Level::none || is_over(*record, now)) return {};
  Memory memory;
  memory.proven = requirement_of(record->level);
  memory.since = base::day(record->since);
  memory.insists = remember == Remember::enforce && !is_believed(*record, now, believe_after);
  if (record->weaker_since) memory.weaker_since = base::day(*record->weaker_since);
  return memory;
}

Change observe(const std::optional<Record>& before, Level seen, Time now, std::chrono::seconds believe_after) {
  using What = Change::What;
  if (!before || is_over(*before, now)) {
    if (seen == Level::none) return {What::nothing, std::nullopt, before.has_value()};
    return {What::first, Record{seen, now, now, std::nullopt}, true};
  }
  auto record = *before;
  record.last_seen = std::max(now, before->last_seen);
  if (seen > before->level) return {What::raised, Record{seen, now, record.last_seen, std::nullopt}, true};
  if (seen == before->level) {
    record.weaker_since.reset();
    if (before->weaker_since) return {What::restored, record, true};
    const bool store = now - before->last_seen >= store_again;
    // What is stored tells how old the record is on the disk: it moves on when that is worth a write.
    return {What::nothing, store ? record : *before, store};
  }
  if (!before->weaker_since) {
    record.weaker_since = record.last_seen;  // never earlier than what was seen before it
    return {What::weaker, record, true};
  }
  if (!is_believed(*before, now, believe_after)) {
    const bool store = now - before->last_seen >= store_again;
    return {What::weaker, store ? record : *before, store};
  }
  if (seen == Level::none) return {What::believed, std::nullopt, true};
  return {What::believed, Record{seen, now, record.last_seen, std::nullopt}, true};
}

Level level_of(const Proof& proof, Time now) {
  if (!proof.encrypted) return Level::none;
  const bool certificate = proof.strong && !proof.resumed && proof.pkix == Check::passed && now < proof.not_after;
  return certificate ? Level::pkix : Level::encrypted;
}

std::optional<Level> seen_failing(const Plan& plan, std::span<const HostOutcome> outcomes) {
  using What = HostOutcome::What;
  std::optional<Level> best;
  for (const auto& outcome : outcomes) {
    const auto attempt = std::find_if(plan.attempts.begin(), plan.attempts.end(),
                                      [&](const auto& one) { return one.demand.host == outcome.host; });
    std::optional<Level> seen;
    if (outcome.what == What::no_starttls || outcome.what == What::handshake_failed) seen = Level::none;
    // Without a match of its TLSA records it may have had a valid certificate all the same.
    const bool by_certificate = attempt != plan.attempts.end() && !attempt->demand.need.dane;
    if (outcome.what == What::not_admitted && by_certificate) seen = Level::encrypted;
    if (seen && (!best || *seen > *best)) best = seen;
  }
  return best;
}

std::string line(const Memory& memory) {
  if (memory.proven.nothing()) return {};
  return std::string("memory: ") + (memory.proven.pkix ? "a valid certificate" : "TLS") + ", proven since " +
         memory.since + (memory.weaker_since.empty() ? "" : ", less since " + memory.weaker_since) +
         (memory.insists ? "; demanded" : "");
}

}  // namespace policy::memory
