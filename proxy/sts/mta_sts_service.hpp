// The MTA-STS service. The cache answers in the caller's thread; everything that waits (record lookups, fetches) is a
// flight on the control thread, one a domain, whoever asks.
//
//   in date           answered from the cache; in the background the record is looked at again, another id is fetched
//   first contact     record, then fetch; every message for the domain waits for the same flight
//   before deferral   the record past the DNS cache; the policy under another id at once, under the same id once per
//                     retry_after
//   refresh           whatever the record says, unasked (Refresher) or at an administrator's word
//
// A failed lookup or fetch never removes a policy. Only a fetched policy moves an expiry. What the store could not take
// is kept here and handed to it again.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/sts/cache_entry.hpp"
#include "policy/sts/record.hpp"
#include "policy/sts/two_clocks.hpp"
#include "proxy/config/config.hpp"
#include "proxy/dns/resolver.hpp"
#include "proxy/store/completion.hpp"
#include "proxy/store/policy_store.hpp"
#include "proxy/sts/domain_notes.hpp"
#include "proxy/sts/fetcher.hpp"
#include "proxy/sts/gate.hpp"
#include "proxy/sts/policy_cache.hpp"
#include "proxy/sts/policy_service.hpp"
#include "proxy/sts/refresh_troubles.hpp"

namespace proxy {

/// Uniform in [0, 1). Not thread-safe.
std::function<double()> random_chance();

/// Both clocks and chance, so that tests can turn them.
struct Clock {
  std::function<std::chrono::system_clock::time_point()> wall = [] { return std::chrono::system_clock::now(); };
  std::function<std::chrono::steady_clock::time_point()> steady = [] { return std::chrono::steady_clock::now(); };
  std::function<double()> chance = random_chance();
};

class MtaStsService final : public PolicyService {
 public:
  /// `control` has one thread; resolver and fetcher live on it. All must outlive the executor's work.
  MtaStsService(Executor control, Resolver& resolver, Fetcher& fetcher, PolicyStore& store, Config::MtaSts options,
                Clock clock = {});

  awaitable<StsFactsPtr> ask(std::string domain) override;
  awaitable<StsFactsPtr> ask_before_deferral(std::string domain) override;

  // The rest on the control thread only.

  /// What came of a refresh.
  struct Refreshed {
    StsFactsPtr facts;   ///< the policy, where it was fetched
    std::string why;     ///< otherwise
    bool early = false;  ///< nothing was tried: a fetch for this id has just failed (STS-29)
  };
  /// Fetches a stored policy anew, whatever its record says (STS-26): under the record's id where it has another, else
  /// under the known one.
  awaitable<Refreshed> refresh(std::string domain, std::string known_id);
  /// The same because an administrator says so: at once, and where nothing is stored under the record's id alone.
  awaitable<Refreshed> refresh_now(std::string domain);

  struct Forgotten {
    std::optional<policy::sts::CacheEntry> policy;  ///< that was stored
    bool remembered = false;                        ///< that there is none, or a failure
    bool durable = true;                            ///< false: the store failed, and is asked again later
  };
  /// Drops policy and negatives: the next message is the first contact.
  awaitable<Forgotten> forget(std::string domain);

  /// Hands to the store what it could not take before.
  void save_unsaved();
  std::size_t unsaved() const { return unsaved_.size(); }
  bool is_unsaved(const std::string& domain) const { return unsaved_.contains(domain); }
  /// What the Refresher could not refresh; a policy that is fetched or forgotten leaves it.
  RefreshTroubles& refresh_troubles() { return refresh_troubles_; }
  /// Sets the gauges of what is known now (metrics, of the scrape).
  void measure();
  /// Says in the log when the wall clock has jumped (OPS-14); returns the step.
  std::optional<std::chrono::seconds> look_at_clocks();
  /// What is past its expiry at this time is so without the wall clock's jumps as well.
  policy::sts::Time earliest_now() const { return two_clocks_.earliest(clock_.wall()); }

 private:
  using Waiters = std::vector<Completion<StsFactsPtr>>;
  using Flights = std::unordered_map<std::string, Waiters>;
  using Steady = std::chrono::steady_clock::time_point;
  /// Whom a fetch is for: a refresh is no use of the domain, takes no room in memory, and is quiet in the log.
  enum class Cause { message, refresh };

  /// A record lookup.
  struct Record {
    bool failed = false;
    std::string words;  // of the failure
    policy::sts::Published published;
    std::chrono::seconds ttl{0};
  };
  /// A fetch: the new facts, or why there are none.
  struct Update {
    StsFactsPtr facts;
    std::string why;
  };

  awaitable<StsFactsPtr> join(Flights& flights, std::string domain,
                              awaitable<StsFactsPtr> (MtaStsService::*work)(std::string));
  awaitable<void> fly(Flights& flights, std::string domain, awaitable<StsFactsPtr> (MtaStsService::*work)(std::string));

  awaitable<StsFactsPtr> first_contact(std::string domain);
  awaitable<StsFactsPtr> before_deferral(std::string domain);
  awaitable<void> recheck(std::string domain, StsFactsPtr known);
  awaitable<Record> look_up(std::string domain, bool fresh);
  awaitable<Update> fetch(std::string domain, std::string id, Cause cause);  // joins the one in flight
  awaitable<Update> fetch_alone(std::string domain, std::string id, Cause cause);
  Update fetch_failed(const std::string& domain, const std::string& id, const std::string& why, Cause cause);
  StsFactsPtr take(policy::sts::CacheEntry entry, Cause cause);

  // Written at once for who reads here, durable later: nullopt removes.
  void store(std::string domain, std::optional<policy::sts::CacheEntry> entry);
  awaitable<bool> write(std::string domain);
  awaitable<void> write_in_background(std::string domain);
  std::optional<policy::sts::CacheEntry> row_of(const std::string& domain);
  std::optional<policy::sts::CacheEntry> row_if_readable(const std::string& domain);
  void note_use(std::string domain);
  awaitable<void> write_use(std::string domain);
  awaitable<void> write_upkeep(std::string domain, policy::sts::Upkeep upkeep);

  StsFactsPtr lookup_failed(const std::string& domain, DomainNotes& notes, const std::string& words);
  StsFactsPtr in_memory(const std::string& domain);
  StsFactsPtr in_date(const std::string& domain);
  StsFactsPtr held(const std::string& domain);
  StsFactsPtr held_in_spite_of_the_clock(const std::string& domain);
  StsFactsPtr facts_of(const policy::sts::CacheEntry& entry, policy::StsFacts::Source source) const;
  StsFactsPtr without(const std::string& domain, policy::StsFacts::State state, std::string error) const;
  static constexpr std::chrono::seconds least_recheck{5};
  Steady recheck_time(std::chrono::seconds ttl) const;

  Executor control_;
  Resolver& resolver_;
  Fetcher& fetcher_;
  PolicyStore& store_;
  const Config::MtaSts options_;
  const Clock clock_;
  PolicyCache cache_;
  Gate fetches_, lookups_;
  Flights contacts_, deferrals_;
  std::unordered_map<std::string, Task<Update>> fetching_;
  Notebook notes_;
  policy::sts::TwoClocks two_clocks_;
  RefreshTroubles refresh_troubles_;

  struct Unsaved {
    std::optional<policy::sts::CacheEntry> entry;  // none: to be removed
    std::uint64_t number = 0;                      // which write of the domain it is
    bool writing = false;
  };
  std::map<std::string, Unsaved> unsaved_;
  std::uint64_t writes_ = 0;
};

}  // namespace proxy
