// The MTA-STS service's fetches and what becomes of them: memory, store, upkeep; refreshing and forgetting.
#include <random>

#include "policy/sts/refresh.hpp"
#include "proxy/runtime/metrics.hpp"
#include "proxy/sts/mta_sts_service.hpp"

namespace proxy {

namespace {

using Source = policy::StsFacts::Source;
using policy::sts::CacheEntry;

constexpr std::chrono::minutes message_at_most(10);  // that a message is worked on: longer than any client waits
constexpr std::size_t unsaved_at_most = 100000;

static_assert(static_cast<int>(metrics::Fetch::invalid_policy) == static_cast<int>(Fetched::Result::invalid_policy));

std::chrono::seconds whole_seconds(Milliseconds time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time);
}

}  // namespace

std::function<double()> random_chance() {
  return [random = std::mt19937(std::random_device()())]() mutable {
    return std::uniform_real_distribution<double>(0.0, 1.0)(random);
  };
}

awaitable<MtaStsService::Update> MtaStsService::fetch(std::string domain, std::string id, Cause cause) {
  auto found = fetching_.find(domain);
  const bool first = found == fetching_.end();
  if (first) found = fetching_.emplace(domain, Task<Update>::start(control_, fetch_alone(domain, id, cause))).first;
  auto task = found->second;
  Update update;
  std::exception_ptr error;
  try {
    update = co_await task.join();
  } catch (...) {
    error = std::current_exception();
  }
  if (first) fetching_.erase(domain);  // also after a bug: the next one asks anew
  if (error) std::rethrow_exception(error);
  co_return update;
}

awaitable<MtaStsService::Update> MtaStsService::fetch_alone(std::string domain, std::string id, Cause cause) {
  const auto passage = co_await fetches_.enter();
  const auto asked = clock_.steady();
  auto fetched = co_await fetcher_.fetch(domain);
  metrics::all.sts.fetch.observe(clock_.steady() - asked);
  const auto by = cause == Cause::refresh ? metrics::FetchCause::refresh : metrics::FetchCause::message;
  metrics::all.sts.fetches[by][static_cast<metrics::Fetch>(fetched.result)].add();
  if (fetched.result != Fetched::Result::valid) co_return fetch_failed(domain, id, fetched.why, cause);
  CacheEntry entry;
  entry.domain = domain;
  entry.id = id;
  entry.policy = std::move(fetched.policy);
  entry.fetched = clock_.wall();
  entry.body = std::move(fetched.body);
  Update update;
  update.facts = take(std::move(entry), cause);
  co_return update;
}

MtaStsService::Update MtaStsService::fetch_failed(const std::string& domain, const std::string& id,
                                                  const std::string& why, Cause cause) {
  Update update;
  update.why = "policy fetch failed: " + why;
  notes_.of(domain).failure = {id, clock_.wall(), update.why};
  // STS-55: of refreshes that fail the refresher speaks, once a day.
  log::Event(cause == Cause::message ? log::Level::warn : log::Level::debug, "policy_fetch_failed")
      .add("domain", domain)
      .add("policy_id", id)
      .add("reason", why);
  if (cause == Cause::message) {
    if (auto row = row_if_readable(domain)) {
      row->upkeep.last_error = update.why;
      row->upkeep.last_error_at = clock_.wall();
      spawn(control_, write_upkeep(domain, std::move(row->upkeep)), "save upkeep");
    }
  }
  return update;
}

// A valid policy. A refresh renews what is known; a message also counts as use.
StsFactsPtr MtaStsService::take(CacheEntry entry, Cause cause) {
  const std::string domain = entry.domain;
  const auto now = clock_.wall();
  const auto today = policy::sts::day_of(now);
  auto& notes = notes_.of(domain);
  notes.failure.reset();
  notes.spent.reset();
  refresh_troubles_.healed(domain);
  const auto known = row_if_readable(domain);
  const bool renewed = known && known->id == entry.id && known->policy == entry.policy;
  log::Event(cause == Cause::refresh && renewed ? log::Level::debug : log::Level::info, "policy_fetched")
      .add("domain", domain)
      .add("policy_id", entry.id)
      .add("policy", policy::sts::words(entry.policy.mode))
      .add("mx", static_cast<std::int64_t>(entry.policy.mx.size()))
      .add("max_age", static_cast<std::int64_t>(entry.policy.max_age));
  auto facts = facts_of(entry, Source::fetched);
  if (entry.policy.max_age == 0) {
    cache_.erase(domain);  // STS-60: it applies to the messages at hand and replaces what was there
    notes.spent = facts;
    notes.spent_until = clock_.steady() + message_at_most;
    store(domain, std::nullopt);
    return facts;
  }
  entry.upkeep.last_used = cause == Cause::refresh && known ? known->upkeep.last_used : today;
  entry.upkeep.refresh_at =
      policy::sts::refresh_time(entry.fetched, entry.policy.max_age, options_.refresh_every, clock_.chance());
  if (cause == Cause::refresh) {
    cache_.renew_policy(domain, facts_of(entry, Source::stored));
  } else {
    cache_.put_policy(domain, facts_of(entry, Source::stored), clock_.steady() + least_recheck, today);
  }
  store(domain, std::move(entry));
  return facts;
}

awaitable<MtaStsService::Refreshed> MtaStsService::refresh(std::string domain, std::string known_id) {
  const auto record = co_await look_up(domain, false);
  auto id = std::move(known_id);
  if (!record.failed && record.published.record) id = record.published.record->id;
  Refreshed refreshed;
  const auto* notes = notes_.find(domain);
  if (notes && !policy::sts::may_fetch(notes->failure, id, clock_.wall(), whole_seconds(options_.retry_after))) {
    refreshed.early = true;
    refreshed.why = notes->failure->why;
    co_return refreshed;
  }
  auto update = co_await fetch(domain, id, Cause::refresh);
  refreshed.facts = std::move(update.facts);
  refreshed.why = std::move(update.why);
  co_return refreshed;
}

awaitable<MtaStsService::Refreshed> MtaStsService::refresh_now(std::string domain) {
  const auto known = row_of(domain);
  Refreshed refreshed;
  const auto record = co_await look_up(domain, true);
  std::string id = known ? known->id : "";
  if (!record.failed && record.published.record) {
    id = record.published.record->id;
  } else if (!known) {
    refreshed.why = record.failed                      ? record.words
                    : record.published.why_not.empty() ? "the domain publishes no MTA-STS record"
                                                       : record.published.why_not;
    co_return refreshed;
  }
  auto update = co_await fetch(domain, id, known ? Cause::refresh : Cause::message);
  refreshed.facts = std::move(update.facts);
  refreshed.why = std::move(update.why);
  co_return refreshed;
}

awaitable<MtaStsService::Forgotten> MtaStsService::forget(std::string domain) {
  Forgotten forgotten;
  forgotten.policy = row_of(domain);
  const auto* notes = notes_.find(domain);
  const bool noted = notes && (notes->failure || notes->lookup_failing_since || notes->spent);
  notes_.erase(domain);
  refresh_troubles_.healed(domain);
  const bool cached = cache_.erase(domain);
  forgotten.remembered = !forgotten.policy && (cached || noted);
  if (!forgotten.policy) co_return forgotten;
  const bool enforced = forgotten.policy->policy.mode == policy::sts::Mode::enforce &&
                        policy::sts::in_date(*forgotten.policy, clock_.wall());
  log::Event(enforced ? log::Level::warn : log::Level::info, "policy_forgotten")
      .add("domain", domain)
      .add("policy", policy::sts::words(forgotten.policy->policy.mode))
      .add("policy_id", forgotten.policy->id)
      .add("reason", enforced ? "an enforced policy in date was dropped at an administrator's word"
                              : "at an administrator's word");
  unsaved_[domain] = {std::nullopt, ++writes_, true};
  forgotten.durable = co_await write(domain);
  co_return forgotten;
}

void MtaStsService::store(std::string domain, std::optional<CacheEntry> entry) {
  if (unsaved_.size() >= unsaved_at_most && !unsaved_.contains(domain)) {
    log::Event(log::Level::error, "policy_not_stored").add("domain", domain).add("reason", "too much is unsaved");
    return;
  }
  unsaved_[domain] = {std::move(entry), ++writes_, true};
  spawn(control_, write_in_background(std::move(domain)), "save policy");
}

awaitable<void> MtaStsService::write_in_background(std::string domain) {
  const bool ignored = co_await write(std::move(domain));  // what failed stays in unsaved_
  static_cast<void>(ignored);
}

// STS-22: a write that failed stays, counts for who reads here, and is tried again.
awaitable<bool> MtaStsService::write(std::string domain) {
  const auto wanted = unsaved_.find(domain);
  if (wanted == unsaved_.end()) co_return true;  // an earlier write has taken this one's content along
  const auto number = wanted->second.number;
  bool saved = false;
  if (auto entry = wanted->second.entry) {
    saved = co_await store_.save(std::move(*entry));
  } else {
    saved = co_await store_.remove(domain);
  }
  const auto found = unsaved_.find(domain);
  const bool newest = found != unsaved_.end() && found->second.number == number;
  if (newest && saved) {
    unsaved_.erase(found);
  } else if (newest) {
    found->second.writing = false;
    log::Event(log::Level::error, found->second.entry ? "policy_not_stored" : "policy_not_removed")
        .add("domain", domain);
  }
  co_return saved;
}

void MtaStsService::save_unsaved() {
  std::vector<std::string> again;
  for (auto& [domain, unsaved] : unsaved_) {
    if (!std::exchange(unsaved.writing, true)) again.push_back(domain);
  }
  for (auto& domain : again) {
    auto entry = std::move(unsaved_[domain].entry);
    store(std::move(domain), std::move(entry));
  }
}

std::optional<CacheEntry> MtaStsService::row_of(const std::string& domain) {
  if (const auto found = unsaved_.find(domain); found != unsaved_.end()) return found->second.entry;
  return store_.load(domain);
}

std::optional<CacheEntry> MtaStsService::row_if_readable(const std::string& domain) {
  try {
    return row_of(domain);
  } catch (const StoreError& error) {
    log::Event(log::Level::error, "store_failed").add("reason", error.what());
    return std::nullopt;
  }
}

void MtaStsService::note_use(std::string domain) {
  if (const auto found = unsaved_.find(domain); found != unsaved_.end() && found->second.entry)
    found->second.entry->upkeep.last_used = policy::sts::day_of(clock_.wall());
  spawn(control_, write_use(std::move(domain)), "note use");
}

awaitable<void> MtaStsService::write_use(std::string domain) {
  const bool ignored = co_await store_.used(std::move(domain), clock_.wall());  // tomorrow's use says it again
  static_cast<void>(ignored);
}

awaitable<void> MtaStsService::write_upkeep(std::string domain, policy::sts::Upkeep upkeep) {
  const bool ignored = co_await store_.keep(std::move(domain), std::move(upkeep));  // the store has said so itself
  static_cast<void>(ignored);
}

std::optional<std::chrono::seconds> MtaStsService::look_at_clocks() {
  const auto step = two_clocks_.look(clock_.wall(), clock_.steady());
  if (step) {
    log::Event(log::Level::warn, "clock_jumped")
        .add("seconds", static_cast<std::int64_t>(step->count()))
        .add("reason", step->count() > 0 ? "policies that look expired now go on counting until their hosts were asked"
                                         : "policies that were fetched later than now are fetched anew");
  }
  return step;
}

}  // namespace proxy
