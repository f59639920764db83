// Keeps stored policies fresh (STS-26): who is due is asked of the store in small batches, so that a million rows cost
// no memory; a bounded share of the service's fetches is used, so that first contacts never wait behind a wave. It also
// tidies the store and hands to it what it could not take. Control thread only. It never removes a policy in date.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <string>

#include "proxy/sts/mta_sts_service.hpp"

namespace proxy {

class Refresher {
 public:
  /// All must outlive the executor's work.
  Refresher(Executor control, MtaStsService& service, PolicyStore& store, Milliseconds refresh_every, Clock clock = {});

  /// Rounds and tidying until the executor ends.
  void start();

  /// One round: all that is due, a bounded number at a time. Returns when the last of them has ended.
  awaitable<void> round();
  /// What was not stored is stored, what has expired is dropped, a clock that has jumped is noticed.
  awaitable<void> tidy();
  /// All rows are due now; the next round takes them.
  awaitable<bool> make_all_due();

 private:
  /// What the workers of one round share.
  struct Round {
    PolicyStore::Cursor cursor;
    std::deque<policy::sts::CacheEntry> next;
    bool exhausted = false;
  };
  awaitable<void> run();
  awaitable<void> tidy_for_ever();
  awaitable<bool> work(std::shared_ptr<Round> round);
  std::optional<policy::sts::CacheEntry> next(Round& round);
  awaitable<void> refresh(policy::sts::CacheEntry row);
  awaitable<void> postpone(policy::sts::CacheEntry row, const std::string& why, bool early);
  void warn(const policy::sts::CacheEntry& row, policy::sts::Time before, const std::string& why);
  awaitable<void> recall_troubles();
  awaitable<void> keep(std::string domain, policy::sts::Upkeep upkeep);
  Milliseconds pause();

  Executor control_;
  MtaStsService& service_;
  PolicyStore& store_;
  const Milliseconds refresh_every_;
  const Clock clock_;
};

}  // namespace proxy
