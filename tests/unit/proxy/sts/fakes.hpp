// A resolver, a fetcher, a store and a clock that do as they are told, for tests of the MTA-STS service. Thread-safe,
// for those that run it on threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <map>
#include <mutex>

#include "policy/sts/refresh.hpp"
#include "proxy/sts/mta_sts_service.hpp"

namespace test {

inline constexpr std::chrono::seconds second{1};

struct FakeClock {
  std::atomic<long long> wall_seconds{1'800'000'000}, steady_seconds{1'000};
  std::atomic<double> chance{0.5};
  void advance(std::chrono::seconds time) {
    wall_seconds += time.count();
    steady_seconds += time.count();
  }
  proxy::Clock clock() {
    proxy::Clock clock;
    clock.wall = [this] { return std::chrono::system_clock::time_point(std::chrono::seconds(wall_seconds.load())); };
    clock.steady = [this] {
      return std::chrono::steady_clock::time_point(std::chrono::seconds(steady_seconds.load()));
    };
    clock.chance = [this] { return chance.load(); };
    return clock;
  }
};

/// While it is shut, whoever comes waits: a black hole that ends when the test says so. Open it before the world ends.
class Door {
 public:
  void shut() { shut_ = true; }
  void open() {
    shut_ = false;
    for (const auto& waiting : std::exchange(waiting_, {})) waiting->cancel();
  }
  proxy::awaitable<void> pass() {
    if (!shut_) co_return;
    const auto executor = co_await boost::asio::this_coro::executor;
    auto wake = std::make_shared<boost::asio::steady_timer>(executor, boost::asio::steady_timer::time_point::max());
    waiting_.push_back(wake);
    boost::system::error_code ignored;
    co_await wake->async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
  }

 private:
  bool shut_ = false;
  std::vector<std::shared_ptr<boost::asio::steady_timer>> waiting_;
};

struct FakeResolver : proxy::Resolver {
  std::mutex lock;
  dns::Answer answer;
  std::map<std::string, dns::Answer> of_name;  // these names have answers of their own
  Door door;
  unsigned asked = 0, asked_fresh = 0;
  std::vector<std::string> names;

  void publish(const std::string& id) { set(dns::Status::ok, {"v=STSv1; id=" + id + ";"}); }
  void set(dns::Status status, std::vector<std::string> txt = {}, std::uint32_t ttl = 0) {
    const std::lock_guard hold(lock);
    answer = {};
    answer.status = status;
    answer.txt = std::move(txt);
    answer.ttl = ttl;
  }
  proxy::awaitable<std::shared_ptr<const dns::Answer>> ask(std::string name, dns::Type, bool fresh) override {
    co_await boost::asio::post(boost::asio::use_awaitable);  // an answer never comes within the question
    {
      const std::lock_guard hold(lock);
      ++asked;
      if (fresh) ++asked_fresh;
      names.push_back(name);
    }
    co_await door.pass();
    const std::lock_guard hold(lock);
    const auto own = of_name.find(name);
    co_return std::make_shared<const dns::Answer>(own == of_name.end() ? answer : own->second);
  }
};

struct FakeFetcher : proxy::Fetcher {
  std::mutex lock;
  proxy::Fetched next{proxy::Fetched::Result::valid, {policy::sts::Mode::enforce, {"mx1.example.com"}, 86400}, "", ""};
  Door door;
  bool throws = false;
  unsigned fetched = 0;
  std::vector<std::string> domains;

  void fail(std::string why) {
    const std::lock_guard hold(lock);
    next = {proxy::Fetched::Result::status, {}, "", std::move(why)};
  }
  void serve(policy::sts::Mode mode, std::uint32_t max_age = 86400) {
    const std::lock_guard hold(lock);
    next = {proxy::Fetched::Result::valid, {mode, {"mx1.example.com"}, max_age}, "", ""};
  }
  proxy::awaitable<proxy::Fetched> fetch(std::string domain) override {
    co_await boost::asio::post(boost::asio::use_awaitable);
    {
      const std::lock_guard hold(lock);
      ++fetched;
      domains.push_back(std::move(domain));
    }
    co_await door.pass();
    const std::lock_guard hold(lock);
    if (throws) throw std::runtime_error("a fault of the fetcher");
    co_return next;
  }
};

struct FakeStore : proxy::PolicyStore {
  std::mutex lock;
  std::map<std::string, policy::sts::CacheEntry, std::less<>> rows;
  bool reads = true, writes = true;

  std::optional<policy::sts::CacheEntry> load(std::string_view domain) override {
    const std::lock_guard hold(lock);
    if (!reads) throw proxy::StoreError("database of a test: cannot be read");
    const auto found = rows.find(domain);
    if (found == rows.end()) return std::nullopt;
    return found->second;
  }
  std::vector<policy::sts::CacheEntry> load_all() override { return {}; }
  proxy::awaitable<bool> save(policy::sts::CacheEntry entry) override {
    const std::lock_guard hold(lock);
    if (writes) {
      const auto known = rows.find(entry.domain);
      if (known != rows.end())
        entry.upkeep.last_used = std::max(entry.upkeep.last_used, known->second.upkeep.last_used);
      rows[entry.domain] = std::move(entry);
    }
    co_return writes;
  }
  proxy::awaitable<bool> remove(std::string domain) override {
    const std::lock_guard hold(lock);
    if (writes) rows.erase(domain);
    co_return writes;
  }
  proxy::awaitable<bool> used(std::string domain, policy::sts::Time now) override {
    const std::lock_guard hold(lock);
    if (const auto found = rows.find(domain); writes && found != rows.end()) {
      auto& upkeep = found->second.upkeep;
      upkeep.last_used = std::max(upkeep.last_used, policy::sts::day_of(now));
      if (!upkeep.refresh_at) upkeep.refresh_at = now;
    }
    co_return writes;
  }
  proxy::awaitable<bool> keep(std::string domain, policy::sts::Upkeep upkeep) override {
    const std::lock_guard hold(lock);
    if (const auto found = rows.find(domain); writes && found != rows.end()) {
      upkeep.last_used = std::max(upkeep.last_used, found->second.upkeep.last_used);
      found->second.upkeep = std::move(upkeep);
    }
    co_return writes;
  }
  std::vector<policy::sts::CacheEntry> due(const Cursor& after, policy::sts::Time now, unsigned limit) override {
    const std::lock_guard hold(lock);
    if (!reads) throw proxy::StoreError("database of a test: cannot be read");
    std::vector<policy::sts::CacheEntry> found;
    const auto key = [](const auto& row) { return std::make_pair(*row.upkeep.refresh_at, row.domain); };
    for (const auto& [domain, row] : rows) {
      if (row.upkeep.refresh_at && *row.upkeep.refresh_at <= now &&
          key(row) > std::make_pair(after.refresh_at, after.domain))
        found.push_back(row);
    }
    std::sort(found.begin(), found.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
    if (found.size() > limit) found.resize(limit);
    return found;
  }
  std::optional<policy::sts::Time> next_due() override {
    const std::lock_guard hold(lock);
    std::optional<policy::sts::Time> next;
    for (const auto& [domain, row] : rows) {
      if (row.upkeep.refresh_at && (!next || *row.upkeep.refresh_at < *next)) next = row.upkeep.refresh_at;
    }
    return next;
  }
  proxy::awaitable<bool> pull_in(policy::sts::Time now, policy::sts::Time latest) override {
    const std::lock_guard hold(lock);
    for (auto& [domain, row] : rows) {
      if (row.upkeep.refresh_at && *row.upkeep.refresh_at > latest) row.upkeep.refresh_at = now;
    }
    co_return writes;
  }
  proxy::awaitable<bool> tidy(policy::sts::Time now, std::uint64_t) override {
    const std::lock_guard hold(lock);
    std::erase_if(rows, [&](const auto& row) {
      return row.second.fetched + std::chrono::seconds(row.second.policy.max_age) <= now;
    });
    co_return writes;
  }
};

}  // namespace test
