// A resolver, a fetcher, a store and a clock that do as they are told, for tests of the MTA-STS service. Thread-safe,
// for those that run it on threads.
#pragma once

#include <atomic>
#include <boost/asio/post.hpp>
#include <map>
#include <mutex>

#include "proxy/sts/mta_sts_service.hpp"

namespace test {

inline constexpr std::chrono::seconds second{1};

struct FakeClock {
  std::atomic<long long> wall_seconds{1'800'000'000}, steady_seconds{1'000};
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
    return clock;
  }
};

struct FakeResolver : proxy::Resolver {
  std::mutex lock;
  dns::Answer answer;
  unsigned asked = 0;
  std::vector<std::string> names;

  void publish(const std::string& id) { set(dns::Status::ok, {"v=STSv1; id=" + id + ";"}); }
  void set(dns::Status status, std::vector<std::string> txt = {}, std::uint32_t ttl = 0) {
    const std::lock_guard hold(lock);
    answer = {};
    answer.status = status;
    answer.txt = std::move(txt);
    answer.ttl = ttl;
  }
  proxy::awaitable<std::shared_ptr<const dns::Answer>> ask(std::string name, dns::Type, bool) override {
    co_await boost::asio::post(boost::asio::use_awaitable);  // an answer never comes within the question
    const std::lock_guard hold(lock);
    ++asked;
    names.push_back(std::move(name));
    co_return std::make_shared<const dns::Answer>(answer);
  }
};

struct FakeFetcher : proxy::Fetcher {
  std::mutex lock;
  proxy::Fetched next{proxy::Fetched::Result::valid, {policy::sts::Mode::enforce, {"mx1.example.com"}, 86400}, "", ""};
  unsigned fetched = 0;

  void fail(std::string why) {
    const std::lock_guard hold(lock);
    next = {proxy::Fetched::Result::status, {}, "", std::move(why)};
  }
  void serve(policy::sts::Mode mode, std::uint32_t max_age = 86400) {
    const std::lock_guard hold(lock);
    next = {proxy::Fetched::Result::valid, {mode, {"mx1.example.com"}, max_age}, "", ""};
  }
  proxy::awaitable<proxy::Fetched> fetch(std::string) override {
    co_await boost::asio::post(boost::asio::use_awaitable);
    const std::lock_guard hold(lock);
    ++fetched;
    co_return next;
  }
};

struct FakeStore : proxy::PolicyStore {
  std::mutex lock;
  std::map<std::string, policy::sts::CacheEntry, std::less<>> rows;

  std::optional<policy::sts::CacheEntry> load(std::string_view domain) override {
    const std::lock_guard hold(lock);
    const auto found = rows.find(domain);
    if (found == rows.end()) return std::nullopt;
    return found->second;
  }
  std::vector<policy::sts::CacheEntry> load_all() override { return {}; }
  proxy::awaitable<bool> save(policy::sts::CacheEntry entry) override {
    const std::lock_guard hold(lock);
    rows[entry.domain] = std::move(entry);
    co_return true;
  }
  proxy::awaitable<bool> remove(std::string domain) override {
    const std::lock_guard hold(lock);
    rows.erase(domain);
    co_return true;
  }
};

}  // namespace test
