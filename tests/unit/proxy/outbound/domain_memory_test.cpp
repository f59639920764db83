// The records of all domains: bounded, shared by threads, written when that is worth it, and there after a restart.
#include "proxy/outbound/domain_memory.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "proxy/store/memory_table.hpp"
#include "proxy/store/sqlite_policy_store.hpp"
#include "tests/unit/proxy/tls/directory.hpp"

using namespace proxy;
using namespace std::chrono_literals;
using policy::memory::Level;
using policy::memory::Record;
using policy::memory::Time;

namespace {

const Time start{std::chrono::seconds(1'795'593'600)};
constexpr std::chrono::seconds believe_after = 72h;

}  // namespace

TEST_CASE("a domain's record is found again and each change is handed on to be stored", "[memory]") {
  std::vector<std::pair<std::string, std::optional<Record>>> saved;
  DomainMemory memory({}, [&](const std::string& domain, const auto& record) { saved.emplace_back(domain, record); });
  CHECK_FALSE(memory.find("a.test"));
  memory.observe("a.test", Level::pkix, start, believe_after);
  memory.observe("a.test", Level::pkix, start + 1h, believe_after);
  CHECK(memory.find("a.test")->level == Level::pkix);
  CHECK(saved.size() == 1);
  memory.observe("a.test", Level::none, start + 2h, believe_after);
  const auto change = memory.observe("a.test", Level::none, start + 100h, believe_after);
  CHECK(change.what == policy::memory::Change::What::believed);
  CHECK_FALSE(memory.find("a.test"));
  REQUIRE(saved.size() == 3);
  CHECK_FALSE(saved.back().second);
}

TEST_CASE("the memory is bounded and the least recently used domain goes first", "[memory]") {
  std::vector<std::string> removed;
  const Record record{Level::encrypted, start, start, std::nullopt};
  DomainMemory memory(
      {{"a.test", record}, {"b.test", record}},
      [&](const std::string& domain, const auto& now) {
        if (!now) removed.push_back(domain);
      },
      2);
  CHECK(memory.find("a.test"));  // used: b.test is the oldest now
  memory.observe("c.test", Level::pkix, start, believe_after);
  CHECK(memory.size() == 2);
  CHECK(removed == std::vector<std::string>{"b.test"});
  CHECK(memory.find("a.test"));
  CHECK_FALSE(memory.find("b.test"));
}

TEST_CASE("several threads observe and ask at once", "[tsan][memory]") {
  std::atomic<unsigned> saves{0};
  DomainMemory memory(
      {}, [&](const std::string&, const auto&) { ++saves; }, 50);
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&memory, thread] {
      for (unsigned n = 0; n < 2000; ++n) {
        const auto domain = std::to_string((n * 7 + thread) % 100) + ".test";
        memory.observe(domain, n % 3 == 0 ? Level::pkix : Level::encrypted, start, believe_after);
        memory.find(domain);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(memory.size() == 50);
  CHECK(saves > 0);
}

TEST_CASE("what is remembered is there after a restart and what is too old is not", "[memory]") {
  const Directory directory;
  const auto file = directory.path() + "/state.db";
  const Record fresh{Level::pkix, start, start + 1h, std::nullopt};
  const Record doubted{Level::encrypted, start, start + 2h, start + 1h};
  const Record old{Level::pkix, start - 10000h, start - 9000h, std::nullopt};
  {
    SqlitePolicyStore store(file);
    CHECK(load_memory(file, start).empty());
    DomainMemory memory({}, [&](const std::string& domain, const auto& record) {
      store.write_later([domain, record](sqlite::Connection& to) { save_memory(to, domain, record); });
    });
    store.write_later([&](sqlite::Connection& to) {
      save_memory(to, "fresh.test", fresh);
      save_memory(to, "doubted.test", doubted);
      save_memory(to, "old.test", old);
      save_memory(to, "gone.test", fresh);
      save_memory(to, "gone.test", std::nullopt);
    });
    memory.observe("seen.test", Level::pkix, start, believe_after);
  }
  CHECK(read_memory(file, "doubted.test") == doubted);
  CHECK_FALSE(read_memory(file, "gone.test"));
  const auto rows = load_memory(file, start + 3h);
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].first == "seen.test");  // the least recently seen first
  CHECK(rows[1] == MemoryRow{"fresh.test", fresh});
  CHECK(rows[2] == MemoryRow{"doubted.test", doubted});
  CHECK_FALSE(read_memory(file, "old.test"));  // loading dropped it
}

TEST_CASE("a database without the table remembers nothing", "[memory]") {
  const Directory directory;
  const auto file = directory.path() + "/state.db";
  { const SqlitePolicyStore store(file); }
  CHECK_FALSE(read_memory(file, "a.test"));
}
