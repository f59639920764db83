// Flights: who waits for what, what each answer means, what is remembered.
#include "proxy/sts/mta_sts_service.hpp"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>

#include "policy/sts/refresh.hpp"
#include "protocol/base/text.hpp"
#include "proxy/runtime/metrics.hpp"

namespace proxy {

namespace asio = boost::asio;
using State = policy::StsFacts::State;
using Source = policy::StsFacts::Source;

namespace {

constexpr unsigned fetches_at_once = 64, lookups_at_once = 256;
constexpr std::size_t waiters_a_flight = 10000, notes_at_most = 100000;
constexpr std::chrono::seconds longest_negative(3600);
constexpr std::chrono::hours lookup_failure_ages(24);

constexpr std::chrono::minutes clock_tolerance(1);  // what clocks differ by without being wrong

std::chrono::seconds whole_seconds(Milliseconds time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time);
}

}  // namespace

MtaStsService::MtaStsService(Executor control, Resolver& resolver, Fetcher& fetcher, PolicyStore& store,
                             Config::MtaSts options, Clock clock)
    : control_(std::move(control)),
      resolver_(resolver),
      fetcher_(fetcher),
      store_(store),
      options_(options),
      clock_(std::move(clock)),
      cache_(options.memory),
      fetches_(control_, fetches_at_once),
      lookups_(control_, lookups_at_once),
      notes_(notes_at_most),
      two_clocks_(clock_.wall(), clock_.steady()) {}

awaitable<StsFactsPtr> MtaStsService::ask(std::string domain) {
  auto hit = cache_.find(domain, clock_.wall(), clock_.steady());
  metrics::all.sts.cache_lookups[hit ? metrics::Lookup::hit : metrics::Lookup::miss].add();
  if (hit) {
    if (hit->recheck) {
      asio::post(control_, [this, domain, known = hit->facts] { spawn(control_, recheck(domain, known), "recheck"); });
    }
    if (hit->first_today) asio::post(control_, [this, domain] { note_use(domain); });
    co_return std::move(hit->facts);
  }
  auto facts = co_await join(contacts_, std::move(domain), &MtaStsService::first_contact);
  co_return facts;
}

awaitable<StsFactsPtr> MtaStsService::ask_before_deferral(std::string domain) {
  auto facts = co_await join(deferrals_, std::move(domain), &MtaStsService::before_deferral);
  co_return facts;
}

// The caller, on whatever thread, waits for the domain's flight on the control thread.
awaitable<StsFactsPtr> MtaStsService::join(Flights& flights, std::string domain,
                                           awaitable<StsFactsPtr> (MtaStsService::*work)(std::string)) {
  auto initiate = [this, &flights, work](auto handler, std::string asked) {
    auto completion = resume_on_its_executor<StsFactsPtr>(std::move(handler));
    asio::post(control_, [this, &flights, work, asked = std::move(asked), completion = std::move(completion)] {
      auto& waiters = flights[asked];
      if (waiters.size() >= waiters_a_flight) {
        completion(without(asked, State::lookup_failed, "too many messages wait for this domain's policy"));
        return;
      }
      waiters.push_back(completion);
      if (waiters.size() == 1) spawn(control_, fly(flights, asked, work), "policy flight");
    });
  };
  auto facts = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(StsFactsPtr)>(
      std::move(initiate), asio::use_awaitable, std::move(domain));
  co_return facts;
}

awaitable<void> MtaStsService::fly(Flights& flights, std::string domain,
                                   awaitable<StsFactsPtr> (MtaStsService::*work)(std::string)) {
  StsFactsPtr facts;
  try {
    facts = co_await (this->*work)(domain);
  } catch (const std::exception& error) {
    log::Event(log::Level::error, "policy_lookup_failed").add("domain", domain).add("reason", error.what());
    facts = without(domain, State::lookup_failed, std::string("internal error: ") + error.what());
  }
  const auto waiters = std::move(flights[domain]);
  flights.erase(domain);
  for (const auto& waiter : waiters) waiter(facts);
}

// STS-46: what lookup and fetch bring applies to the very messages that wait.
awaitable<StsFactsPtr> MtaStsService::first_contact(std::string domain) {
  look_at_clocks();
  if (auto known = in_date(domain)) co_return known;
  const auto in_doubt = held_in_spite_of_the_clock(domain);
  const auto record = co_await look_up(domain, false);
  // Before a deferral the domain is asked about as well: what that brought meanwhile is not given up for less.
  if (auto known = in_memory(domain)) co_return known;
  // OPS-14: a policy that only a jump of the clock has made look expired goes on, unless a new one is fetched.
  if (in_doubt && (record.failed || !record.published.record)) co_return in_doubt;
  auto& notes = notes_.of(domain);
  if (record.failed) co_return lookup_failed(domain, notes, record.words);

  StsFactsPtr facts;
  std::chrono::seconds lasts = std::min(record.ttl, longest_negative);
  if (!record.published.record) {
    facts = without(domain, State::no_policy, record.published.why_not);
    if (!record.published.why_not.empty()) {
      log::Event(log::Level::warn, "record_unusable").add("domain", domain).add("reason", record.published.why_not);
    }
  } else {
    const auto& id = record.published.record->id;
    if (policy::sts::may_fetch(notes.failure, id, clock_.wall(), whole_seconds(options_.retry_after))) {
      auto update = co_await fetch(domain, id, Cause::message);
      if (update.facts) co_return update.facts;
      if (auto known = in_memory(domain)) co_return known;
      facts = without(domain, State::no_policy, update.why);
    } else {
      facts = without(domain, State::no_policy, notes.failure->why);
    }
    if (in_doubt) co_return in_doubt;
    // STS-29: a policy host that was healed is asked again after the pause, however long the record may be kept.
    lasts = std::min(lasts, whole_seconds(options_.retry_after));
  }
  // STS-66: that there is nothing is remembered no longer than DNS allows.
  if (lasts.count() > 0) cache_.put_negative(domain, facts, clock_.steady() + lasts, false);
  co_return facts;
}

// STS-07: deferred until the grace is over, then as without a policy; the failure is remembered, so that nobody waits
// again (N-1).
StsFactsPtr MtaStsService::lookup_failed(const std::string& domain, DomainNotes& notes, const std::string& words) {
  const auto now = clock_.steady();
  // A failure of long ago says nothing of this one: the grace begins anew.
  if (notes.lookup_failed_last && now - *notes.lookup_failed_last > lookup_failure_ages)
    notes.lookup_failing_since.reset();
  if (!notes.lookup_failing_since) notes.lookup_failing_since = now;
  notes.lookup_failed_last = now;
  const auto grace_ends = *notes.lookup_failing_since + options_.lookup_grace;
  const bool over = now >= grace_ends;
  auto facts = without(domain, over ? State::no_policy : State::lookup_failed, words);
  const auto until = over ? now + options_.retry_after : std::min<Steady>(now + options_.retry_after, grace_ends);
  cache_.put_negative(domain, facts, until, over);
  log::Event(log::Level::warn, over ? "lookup_grace_over" : "record_lookup_failed")
      .add("domain", domain)
      .add("reason", words);
  return facts;
}

awaitable<void> MtaStsService::recheck(std::string domain, StsFactsPtr known) {
  const auto record = co_await look_up(domain, false);
  auto& notes = notes_.of(domain);
  if (known->state != State::policy) {
    // A remembered failure of the lookup, past its grace: an answer ends it, and the next message asks anew.
    if (in_memory(domain)) co_return;
    if (record.failed) {
      lookup_failed(domain, notes, record.words);
    } else {
      cache_.erase(domain);
    }
    co_return;
  }
  cache_.checked(domain, recheck_time(record.ttl));
  if (record.failed || !record.published.record) co_return;  // STS-23: neither ends a policy in date
  const auto& id = record.published.record->id;
  if (id == known->id) co_return;
  if (!policy::sts::may_fetch(notes.failure, id, clock_.wall(), whole_seconds(options_.retry_after))) co_return;
  const auto ignored = co_await fetch(domain, id, Cause::message);
  static_cast<void>(ignored);
}

awaitable<StsFactsPtr> MtaStsService::before_deferral(std::string domain) {
  auto known = held(domain);
  if (!known) {
    known = co_await first_contact(domain);
    co_return known;
  }
  const auto record = co_await look_up(domain, true);
  if (record.failed || !record.published.record) co_return known;
  const auto& id = record.published.record->id;
  auto& notes = notes_.of(domain);
  if (id == known->id) {
    // C-1: the owner may have changed the policy and forgotten the id.
    const auto now = clock_.steady();
    if (notes.refetched && now - *notes.refetched < options_.retry_after) co_return known;
    notes.refetched = now;
  } else if (!policy::sts::may_fetch(notes.failure, id, clock_.wall(), whole_seconds(options_.retry_after))) {
    co_return known;
  }
  auto update = co_await fetch(domain, id, Cause::message);
  if (update.facts) co_return update.facts;
  co_return known;
}

awaitable<MtaStsService::Record> MtaStsService::look_up(std::string domain, bool fresh) {
  const auto passage = co_await lookups_.enter();
  const auto answer = co_await resolver_.ask("_mta-sts." + domain, dns::Type::txt, fresh);
  Record record;
  record.ttl = std::chrono::seconds(answer->ttl);
  if (dns::failed(answer->status)) {
    record.failed = true;
    record.words = "the TXT record at _mta-sts." + domain + ": " +
                   (answer->text.empty() ? std::string(dns::words(answer->status)) : answer->text);
  } else {
    record.published = policy::sts::published(answer->txt);
    if (auto* notes = notes_.find(domain)) notes->lookup_failing_since.reset();
  }
  using metrics::RecordLookup;
  auto result = record.failed ? RecordLookup::failed : RecordLookup::none;
  if (record.published.record) result = RecordLookup::found;
  metrics::all.sts.record_lookups[result].add();
  co_return record;
}

void MtaStsService::measure() {
  auto& of = metrics::all.sts;
  const auto size = cache_.size();
  of.cache_entries[metrics::Known::policy].set(static_cast<std::int64_t>(size.policies));
  of.cache_entries[metrics::Known::none].set(static_cast<std::int64_t>(size.negatives));
  of.cache_octets.set(static_cast<std::int64_t>(size.octets));
  refresh_troubles_.forget_expired(earliest_now());
  of.refresh_failing.set(static_cast<std::int64_t>(refresh_troubles_.count()));
  of.refresh_failing_seconds.set(refresh_troubles_.longest(clock_.wall()).count());
  // What is on its way to the database is no trouble yet.
  of.unsaved.set(std::count_if(unsaved_.begin(), unsaved_.end(), [](const auto& one) { return !one.second.writing; }));
}

StsFactsPtr MtaStsService::in_memory(const std::string& domain) {
  const auto hit = cache_.find(domain, clock_.wall(), clock_.steady());
  if (!hit || hit->facts->state != State::policy) return nullptr;
  if (hit->recheck) cache_.checked(domain, clock_.steady());
  return hit->facts;
}

/// From memory, or from the store after a start or an eviction; null when nothing is in date.
StsFactsPtr MtaStsService::in_date(const std::string& domain) {
  if (auto known = in_memory(domain)) return known;
  const auto now = clock_.wall();
  auto row = row_of(domain);
  if (!row || !policy::sts::in_date(*row, now)) return nullptr;
  if (row->fetched > now + clock_tolerance) {
    // OPS-14: fetched under a clock that was ahead. Its max_age begins now, once, and it is fetched anew at once.
    row->fetched = now;
    row->upkeep.refresh_at = now;
    store(domain, row);
  }
  auto facts = facts_of(*row, Source::stored);
  const auto today = policy::sts::day_of(now);
  cache_.put_policy(domain, facts, clock_.steady(), today);
  if (row->upkeep.last_used != today) note_use(domain);
  return facts;
}

StsFactsPtr MtaStsService::held_in_spite_of_the_clock(const std::string& domain) {
  const auto row = row_of(domain);
  if (!row || !two_clocks_.held(*row, clock_.wall())) return nullptr;
  return facts_of(*row, Source::stored);
}

/// What a message that is about to be deferred waits under. A policy with max_age 0 was fetched for it and stands for
/// it (STS-60): a failure after that must not let the message go.
StsFactsPtr MtaStsService::held(const std::string& domain) {
  if (auto known = in_date(domain)) return known;
  const auto* notes = notes_.find(domain);
  if (notes == nullptr || clock_.steady() >= notes->spent_until) return nullptr;
  return notes->spent;
}

StsFactsPtr MtaStsService::facts_of(const policy::sts::CacheEntry& entry, Source source) const {
  auto facts = std::make_shared<policy::StsFacts>();
  facts->state = State::policy;
  facts->source = source;
  facts->policy_domain = entry.domain;
  facts->id = entry.id;
  facts->policy = entry.policy;
  facts->fetched = entry.fetched;
  facts->expires = policy::sts::expires(entry, clock_.wall());
  return facts;
}

StsFactsPtr MtaStsService::without(const std::string& domain, State state, std::string error) const {
  auto facts = std::make_shared<policy::StsFacts>();
  facts->state = state;
  facts->policy_domain = domain;
  facts->error = std::move(error);
  return facts;
}

MtaStsService::Steady MtaStsService::recheck_time(std::chrono::seconds ttl) const {
  return clock_.steady() + std::max(std::min(ttl, longest_negative), least_recheck);
}

}  // namespace proxy
