// The MTA-STS service. The cache answers in the caller's thread; everything that waits (record lookups, fetches) is a
// flight on the control thread, one a domain, whoever asks.
//
//   in date           answered from the cache; in the background the record is looked at again, another id is fetched
//   first contact     record, then fetch; every message for the domain waits for the same flight
//   before deferral   the record past the DNS cache; the policy under another id at once, under the same id once per
//                     retry_after
//
// A failed lookup or fetch never removes a policy. Only a fetched policy moves an expiry.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "policy/sts/cache_entry.hpp"
#include "policy/sts/record.hpp"
#include "proxy/config/config.hpp"
#include "proxy/dns/resolver.hpp"
#include "proxy/store/completion.hpp"
#include "proxy/store/policy_store.hpp"
#include "proxy/sts/fetcher.hpp"
#include "proxy/sts/gate.hpp"
#include "proxy/sts/policy_cache.hpp"
#include "proxy/sts/policy_service.hpp"

namespace proxy {

/// Both clocks, so that tests can turn them.
struct Clock {
  std::function<std::chrono::system_clock::time_point()> wall = [] { return std::chrono::system_clock::now(); };
  std::function<std::chrono::steady_clock::time_point()> steady = [] { return std::chrono::steady_clock::now(); };
};

class MtaStsService final : public PolicyService {
 public:
  /// `control` has one thread; resolver and fetcher live on it. All must outlive the executor's work.
  MtaStsService(Executor control, Resolver& resolver, Fetcher& fetcher, PolicyStore& store, Config::MtaSts options,
                Clock clock = {});

  awaitable<StsFactsPtr> ask(std::string domain) override;
  awaitable<StsFactsPtr> ask_before_deferral(std::string domain) override;

 private:
  using Waiters = std::vector<Completion<StsFactsPtr>>;
  using Flights = std::unordered_map<std::string, Waiters>;
  using Steady = std::chrono::steady_clock::time_point;

  /// What is remembered of a domain besides its policy; control thread only.
  struct Book {
    std::optional<policy::sts::FetchFailure> failure;
    std::optional<Steady> lookup_failing_since;
    std::optional<Steady> refetched;
    StsFactsPtr spent;  ///< the last policy with max_age 0, for the messages that wait under it
    Steady spent_until{};
  };
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
  awaitable<Update> fetch(std::string domain, std::string id);  // joins the one in flight
  awaitable<Update> fetch_alone(std::string domain, std::string id);
  awaitable<void> save(policy::sts::CacheEntry entry);
  awaitable<void> forget(std::string domain);

  StsFactsPtr lookup_failed(const std::string& domain, Book& book, const std::string& words);
  StsFactsPtr in_memory(const std::string& domain);
  StsFactsPtr in_date(const std::string& domain);
  StsFactsPtr held(const std::string& domain);
  StsFactsPtr facts_of(const policy::sts::CacheEntry& entry, policy::StsFacts::Source source) const;
  StsFactsPtr without(const std::string& domain, policy::StsFacts::State state, std::string error) const;
  Book& book(const std::string& domain);
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
  std::unordered_map<std::string, Book> books_;
};

}  // namespace proxy
