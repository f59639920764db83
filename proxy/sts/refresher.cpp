// Rounds over the rows that are due, and what a failure means for a row.
#include "proxy/sts/refresher.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "policy/sts/refresh.hpp"
#include "protocol/base/time_format.hpp"

namespace proxy {

namespace {

using policy::sts::CacheEntry;

constexpr unsigned workers = 16;  // of the 64 fetches at a time
constexpr unsigned batch = 64;
constexpr std::chrono::milliseconds shortest_pause(50), longest_pause(30'000);
constexpr std::chrono::minutes tidy_pause(1);
constexpr std::uint64_t rows_at_most = 1'000'000;
constexpr std::chrono::hours longest_back_off(6);

}  // namespace

Refresher::Refresher(Executor control, MtaStsService& service, PolicyStore& store, Milliseconds refresh_every,
                     Clock clock)
    : control_(std::move(control)),
      service_(service),
      store_(store),
      refresh_every_(refresh_every),
      clock_(std::move(clock)) {}

void Refresher::start() {
  spawn(control_, recall_troubles(), "troubles of before");
  spawn(control_, run(), "refresher");
  spawn(control_, tidy_for_ever(), "tidy policies");
}

// What failed before the process began is tried again within hours; until then nobody is to think that all is well.
// Those are due soonest, so the walk need not see every row.
awaitable<void> Refresher::recall_troubles() {
  const auto now = clock_.wall();
  PolicyStore::Cursor cursor;
  for (bool more = true; more;) {
    try {
      const auto rows = store_.due(cursor, now + longest_back_off, batch);
      for (const auto& row : rows) {
        if (row.upkeep.failures == 0 || row.policy.mode == policy::sts::Mode::none) continue;
        if (service_.is_unsaved(row.domain)) continue;  // it has changed since
        service_.refresh_troubles().known(row.domain, row.upkeep.last_error_at, policy::sts::expires(row, now));
      }
      more = rows.size() == batch;
      if (more) cursor = {*rows.back().upkeep.refresh_at, rows.back().domain};
    } catch (const StoreError& error) {
      log::Event(log::Level::error, "store_failed").add("reason", error.what());
      more = false;
    }
    co_await boost::asio::post(control_, boost::asio::use_awaitable);  // others have their turn
  }
}

awaitable<void> Refresher::run() {
  boost::asio::steady_timer timer(control_);
  for (;;) {
    timer.expires_after(pause());
    co_await timer.async_wait(boost::asio::use_awaitable);
    co_await round();
  }
}

awaitable<void> Refresher::tidy_for_ever() {
  boost::asio::steady_timer timer(control_);
  for (;;) {
    timer.expires_after(tidy_pause);
    co_await timer.async_wait(boost::asio::use_awaitable);
    co_await tidy();
  }
}

// Until the next row is due, and no longer than a row that comes meanwhile may wait; a store that cannot be read is
// asked again after that.
Milliseconds Refresher::pause() {
  const auto longest = std::clamp<Milliseconds>(refresh_every_, shortest_pause, longest_pause);
  try {
    const auto due = store_.next_due();
    if (!due) return longest;
    const auto until = std::chrono::ceil<Milliseconds>(*due - clock_.wall());
    const auto least = std::clamp<Milliseconds>(refresh_every_ / 4, shortest_pause, std::chrono::seconds(1));
    return std::clamp<Milliseconds>(until, std::min(least, longest), longest);
  } catch (const StoreError& error) {
    log::Event(log::Level::error, "store_failed").add("reason", error.what());
    return longest;
  }
}

awaitable<void> Refresher::round() {
  auto shared = std::make_shared<Round>();
  std::vector<Task<bool>> tasks;
  for (unsigned i = 0; i < workers; ++i) tasks.push_back(Task<bool>::start(control_, work(shared)));
  for (auto& task : tasks) {
    const bool ignored = co_await task.join();
    static_cast<void>(ignored);
  }
}

awaitable<bool> Refresher::work(std::shared_ptr<Round> round) {
  while (auto row = next(*round)) {
    std::string failure;
    try {
      co_await refresh(std::move(*row));
    } catch (const std::exception& error) {
      failure = error.what();
    }
    // One domain's fault is not the next one's; the round goes on.
    if (!failure.empty())
      log::Event(log::Level::error, "internal_error").add("where", "refresh").add("reason", failure);
  }
  co_return true;
}

// A row is seen once a round at most, whatever is written of it meanwhile: the walk never goes back.
std::optional<CacheEntry> Refresher::next(Round& round) {
  if (round.next.empty() && !round.exhausted) {
    try {
      auto rows = store_.due(round.cursor, clock_.wall(), batch);
      round.exhausted = rows.size() < batch;
      if (!rows.empty()) round.cursor = {*rows.back().upkeep.refresh_at, rows.back().domain};
      round.next.assign(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    } catch (const StoreError& error) {
      log::Event(log::Level::error, "store_failed").add("reason", error.what());
      round.exhausted = true;
    }
  }
  if (round.next.empty()) return std::nullopt;
  auto row = std::move(round.next.front());
  round.next.pop_front();
  return row;
}

awaitable<void> Refresher::refresh(CacheEntry row) {
  if (service_.is_unsaved(row.domain)) co_return;  // the store's row is not what counts
  const auto now = clock_.wall();
  const bool expired = !policy::sts::in_date(row, now) && !policy::sts::in_date(row, service_.earliest_now());
  if (expired || !policy::sts::in_use(row.upkeep.last_used, now)) {
    // C-2: nobody needs it. It still applies until it expires; a message takes it up again.
    row.upkeep.refresh_at.reset();
    service_.refresh_troubles().healed(row.domain);
    co_await keep(row.domain, row.upkeep);
    co_return;
  }
  auto refreshed = co_await service_.refresh(row.domain, row.id);
  if (refreshed.facts) co_return;  // the service has stored it, with its next time
  co_await postpone(std::move(row), refreshed.why, refreshed.early);
}

awaitable<void> Refresher::postpone(CacheEntry row, const std::string& why, bool early) {
  const auto now = clock_.wall();
  const auto expires = policy::sts::expires(row, now);
  auto& upkeep = row.upkeep;
  if (!early) {
    const auto before = upkeep.failures > 0 ? std::min(upkeep.last_error_at, now) : now;
    ++upkeep.failures;
    upkeep.last_error = why;
    upkeep.last_error_at = now;
    warn(row, before, why);
  }
  upkeep.refresh_at =
      policy::sts::retry_time(now, std::max(upkeep.failures, std::uint32_t{1}), expires, row.policy.max_age);
  co_await keep(row.domain, upkeep);
}

// STS-55: long before the policy ends, once a day; that "no policy" ends soon is no news.
void Refresher::warn(const CacheEntry& row, policy::sts::Time before, const std::string& why) {
  if (row.policy.mode == policy::sts::Mode::none) return;
  const auto now = clock_.wall();
  if (!service_.refresh_troubles().failed(row.domain, now, before, policy::sts::expires(row, now))) return;
  log::Event(log::Level::warn, "policy_refresh_failing")
      .add("domain", row.domain)
      .add("policy", policy::sts::words(row.policy.mode))
      .add("failures", std::uint64_t{row.upkeep.failures})
      .add("expires", base::rfc3339(policy::sts::expires(row, now)))
      .add("reason", why);
}

awaitable<void> Refresher::keep(std::string domain, policy::sts::Upkeep upkeep) {
  const bool ignored = co_await store_.keep(std::move(domain), std::move(upkeep));  // due again, then
  static_cast<void>(ignored);
}

awaitable<void> Refresher::tidy() {
  service_.save_unsaved();
  const auto now = clock_.wall();
  const auto step = service_.look_at_clocks();
  if (step && step->count() < 0) {
    const auto latest = now + std::max<Milliseconds>(refresh_every_, longest_back_off);
    const bool pulled = co_await store_.pull_in(now, latest);
    static_cast<void>(pulled);
  }
  const bool tidied = co_await store_.tidy(service_.earliest_now(), rows_at_most);
  static_cast<void>(tidied);
}

awaitable<bool> Refresher::make_all_due() {
  const auto now = clock_.wall();
  const bool done = co_await store_.pull_in(now, now);
  co_return done;
}

}  // namespace proxy
