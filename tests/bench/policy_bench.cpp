// Measures the life of policies at scale: look-ups in memory, a million rows at start, a wave of refreshes. Prints
// figures, judges none: they belong to the machine that they were taken on.
#include <sqlite3.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <random>

#include "policy/sts/refresh.hpp"
#include "proxy/store/sqlite_policy_store.hpp"
#include "proxy/sts/refresher.hpp"

namespace {

using policy::sts::CacheEntry;
using policy::sts::Time;
using Steady = std::chrono::steady_clock;

constexpr int million = 1'000'000, wave = 100'000;

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

/// Resident memory in MiB.
double resident() {
  std::ifstream file("/proc/self/statm");
  long total = 0, pages = 0;
  file >> total >> pages;
  return static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

std::string name_of(int number) {
  return "customer-" + std::to_string(number) + ".example.com";
}

CacheEntry row_of(int number, Time now) {
  CacheEntry entry;
  entry.domain = name_of(number);
  entry.id = "20260101000000Z";
  entry.policy = {policy::sts::Mode::enforce, {"mx1.provider.example", "*.mx.provider.example"}, 604800};
  entry.fetched = now - std::chrono::seconds(number % 86400);
  entry.body = "version: STSv1\nmode: enforce\nmx: mx1.provider.example\nmx: *.mx.provider.example\nmax_age: 604800\n";
  entry.upkeep.last_used = policy::sts::day_of(now);
  entry.upkeep.refresh_at = now + std::chrono::seconds(number % 86400 + 3600);
  return entry;
}

struct NoResolver : proxy::Resolver {
  proxy::awaitable<std::shared_ptr<const dns::Answer>> ask(std::string, dns::Type, bool) override {
    auto answer = std::make_shared<dns::Answer>();
    answer->status = dns::Status::ok;
    answer->txt = {"v=STSv1; id=20260101000000Z;"};
    co_return answer;
  }
};

/// Each fetch takes some milliseconds; counts how many there are at a time.
struct SlowFetcher : proxy::Fetcher {
  unsigned open = 0, peak = 0, all = 0;
  proxy::awaitable<proxy::Fetched> fetch(std::string) override {
    peak = std::max(peak, ++open);
    ++all;
    const auto executor = co_await boost::asio::this_coro::executor;
    boost::asio::steady_timer timer(executor, std::chrono::milliseconds(2));
    co_await timer.async_wait(boost::asio::use_awaitable);
    --open;
    co_return proxy::Fetched{proxy::Fetched::Result::valid, row_of(0, {}).policy, row_of(0, {}).body, ""};
  }
};

void look_ups() {
  proxy::PolicyCache cache(std::uint64_t{2} << 30);
  const auto now = std::chrono::system_clock::now();
  const double before = resident();
  for (int i = 0; i < million; ++i) {
    const auto row = row_of(i, now);
    auto facts = std::make_shared<policy::StsFacts>();
    facts->state = policy::StsFacts::State::policy;
    facts->policy_domain = row.domain;
    facts->id = row.id;
    facts->policy = row.policy;
    facts->fetched = row.fetched;
    facts->expires = policy::sts::expires(row, now);
    cache.put_policy(row.domain, std::move(facts), Steady::time_point::max(), row.upkeep.last_used);
  }
  std::printf("memory of 1,000,000 policies: %.0f MiB\n", resident() - before);
  std::mt19937 random(1);
  std::vector<std::string> names;
  for (int i = 0; i < 100'000; ++i) names.push_back(name_of(static_cast<int>(random() % million)));
  const auto start = Steady::now();
  const auto processor = std::clock();
  unsigned found = 0;
  for (int round = 0; round < 20; ++round) {
    for (const auto& name : names) found += cache.find(name, now, Steady::now()).has_value();
  }
  const double took = seconds_since(start);
  const double worked = static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC;
  std::printf("look-ups among 1,000,000 in memory: %.0f a second, %.2f us each, %.2f us of processor time (%u found)\n",
              found / took, took / found * 1e6, worked / found * 1e6, found);

  proxy::PolicyCache bounded(std::uint64_t{64} << 20);
  const double empty = resident();
  for (int i = 0; i < million; ++i) {
    auto facts = std::make_shared<policy::StsFacts>();
    facts->id = "20260101000000Z";
    facts->policy = row_of(i, now).policy;
    facts->expires = now + std::chrono::hours(1);
    bounded.put_policy(name_of(i), std::move(facts), Steady::time_point::max());
    auto none = std::make_shared<policy::StsFacts>();
    bounded.put_negative("unknown-" + name_of(i), std::move(none), Steady::time_point::max(), false);
  }
  std::printf("memory after a flood of 1,000,000 policies and 1,000,000 negatives with memory = 64MiB: %.0f MiB more\n",
              resident() - empty);
}

void fill(const std::string& file, int rows, bool due) {
  proxy::prepare_policy_database(file);
  proxy::PolicyWriter writer(file);
  const auto now = std::chrono::system_clock::now();
  for (int i = 0; i < rows; i += 10'000) {
    writer.begin();
    for (int j = i; j < i + 10'000; ++j) {
      auto row = row_of(j, now);
      if (due) row.upkeep.refresh_at = now - std::chrono::seconds(j % 3600);
      writer.save(row);
    }
    writer.commit();
  }
}

void start_with(const std::string& file) {
  fill(file, million, false);
  std::printf("database of 1,000,000 policies: %.0f MiB\n",
              static_cast<double>(std::filesystem::file_size(file)) / (1 << 20));
  auto start = Steady::now();
  proxy::SqlitePolicyStore store(file);
  std::printf("start: the store is open after %.3f s, ", seconds_since(start));
  const bool next = store.next_due().has_value();
  const bool loaded = store.load(name_of(4711)).has_value();
  std::printf("has read a policy after %.3f s (%d%d)\n", seconds_since(start), next, loaded);
  start = Steady::now();
  constexpr int reads = 20'000;
  for (int i = 0; i < reads; ++i) loaded ? void(store.load(name_of(i * 49 % million))) : void();
  std::printf("reads from the store: %.1f us each\n", seconds_since(start) / reads * 1e6);
  start = Steady::now();
  proxy::sqlite::Connection whole(file, proxy::sqlite::Connection::Access::read_only);
  proxy::sqlite::Statement check(whole, "PRAGMA quick_check(1)");
  check.step();
  std::printf("PRAGMA quick_check of it would take %.3f s\n", seconds_since(start));
}

void refresh_wave(const std::string& file) {
  fill(file, wave, true);
  boost::asio::io_context io{1};
  proxy::SqlitePolicyStore store(file);
  NoResolver resolver;
  SlowFetcher fetcher;
  proxy::MtaStsService service(io.get_executor(), resolver, fetcher, store, {});
  proxy::Refresher refresher(io.get_executor(), service, store, std::chrono::hours(24));
  const double before = resident();
  const auto start = Steady::now();
  proxy::spawn(io.get_executor(), refresher.round(), "round");
  io.run();
  const double took = seconds_since(start);
  const auto now = std::chrono::system_clock::now();
  std::vector<std::int64_t> hours(25);
  for (const auto& row : store.load_all()) {
    const auto in = std::chrono::duration_cast<std::chrono::hours>(*row.upkeep.refresh_at - now).count();
    ++hours.at(static_cast<std::size_t>(std::clamp<std::int64_t>(in, 0, 24)));
  }
  std::printf("a wave of %u refreshes of 2 ms: %.1f s, %.0f a second, at most %u at a time, %.0f MiB more\n",
              fetcher.all, took, fetcher.all / took, fetcher.peak, resident() - before);
  std::printf("the next ones are due in");
  for (std::size_t hour = 0; hour < hours.size(); ++hour) {
    if (hours[hour] > 0) std::printf(" %zuh: %lld", hour, static_cast<long long>(hours[hour]));
  }
  std::printf("\n");
}

}  // namespace

int main() {
  proxy::log::configure(false, proxy::log::Level::error);
  const auto directory = std::filesystem::temp_directory_path() / ("policy-bench-" + std::to_string(getpid()));
  std::filesystem::create_directories(directory);
  look_ups();
  start_with(directory / "million.db");
  refresh_wave(directory / "wave.db");
  std::filesystem::remove_all(directory);
}
