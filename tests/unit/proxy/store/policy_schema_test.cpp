// Upkeep in the database: a file of the first version is brought up to date, due rows come in order, idle rows go
// first.
#include <sqlite3.h>
#include <stdlib.h>

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <filesystem>

#include "policy/sts/refresh.hpp"
#include "proxy/store/sqlite_policy_store.hpp"
#include "tests/support/run_awaitable.hpp"

namespace {

using namespace std::chrono_literals;
using policy::sts::CacheEntry;
using policy::sts::Time;

const Time then{std::chrono::seconds(1'800'000'000)};

struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/schema-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string file() const { return path + "/sts-relay.db"; }
};

void run_sql(const std::string& file, const char* sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  CHECK(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(database);
}

// As the first version made it.
constexpr char first_version[] =
    "CREATE TABLE policy (domain TEXT PRIMARY KEY NOT NULL, id TEXT NOT NULL,"
    " mode TEXT NOT NULL CHECK (mode IN ('none', 'testing', 'enforce')), mx TEXT NOT NULL,"
    " max_age INTEGER NOT NULL, fetched INTEGER NOT NULL, body TEXT NOT NULL);"
    "PRAGMA application_id = 1937011570; PRAGMA user_version = 1;"
    "INSERT INTO policy VALUES ('a.test', '1', 'enforce', 'mx1.a.test', 604800, 1800000000, 'body');"
    "INSERT INTO policy VALUES ('b.test', '2', 'testing', 'mx1.b.test', 3600, 1800000000, 'body');";

CacheEntry entry(const std::string& domain, std::optional<Time> refresh_at = std::nullopt) {
  CacheEntry made;
  made.domain = domain;
  made.id = "1";
  made.policy = {policy::sts::Mode::enforce, {"mx1." + domain}, 86400};
  made.fetched = then;
  made.upkeep.refresh_at = refresh_at;
  made.upkeep.last_used = policy::sts::day_of(then);
  return made;
}

struct Store {
  Directory directory;
  boost::asio::io_context io{1};
  proxy::SqlitePolicyStore store{directory.file()};
  bool run(boost::asio::awaitable<bool> work) { return test::run_awaitable(io, std::move(work)); }
};

}  // namespace

TEST_CASE("a database of the first version is brought up to date with all its policies", "[OPS-12][STS-22]") {
  const Directory directory;
  run_sql(directory.file(), first_version);
  {
    proxy::PolicyReader before(directory.file());  // `policy list` before the relay's first start
    CHECK(before.load_all().size() == 2);
    CHECK(before.exemptions().empty());
    CHECK(before.due({}, then + 1000h, 10).empty());
    CHECK_FALSE(before.next_due());
  }
  const proxy::SqlitePolicyStore store(directory.file());
  proxy::PolicyReader reader(directory.file());
  const auto kept = reader.load("a.test");
  REQUIRE(kept);
  CHECK(kept->policy.mx == std::vector<std::string>{"mx1.a.test"});
  CHECK(kept->upkeep.last_used == policy::sts::day_of(then));
  CHECK(kept->upkeep.refresh_at == then + 24h);
  CHECK(reader.load("b.test")->upkeep.refresh_at == then + 30min);
  CHECK(reader.next_due() == then + 30min);
}

TEST_CASE("a migration that ends half-way leaves the first version", "[OPS-12]") {
  const Directory directory;
  run_sql(directory.file(), first_version);
  run_sql(directory.file(), "CREATE TABLE exemption (theirs)");  // the last step of the migration cannot be done
  CHECK_THROWS_AS(proxy::SqlitePolicyStore(directory.file()), proxy::StoreError);
  proxy::PolicyReader reader(directory.file());
  CHECK(reader.load_all().size() == 2);
}

TEST_CASE("due rows come by refresh time in batches that never go back", "[STS-26]") {
  Store world;
  for (int i = 0; i < 10; ++i)
    REQUIRE(world.run(world.store.save(entry("d" + std::to_string(i) + ".test", then + (9 - i) * 1s))));
  REQUIRE(world.run(world.store.save(entry("same.test", then + 4s))));
  REQUIRE(world.run(world.store.save(entry("idle.test"))));
  std::vector<std::string> seen;
  proxy::PolicyStore::Cursor cursor;
  for (;;) {
    const auto rows = world.store.due(cursor, then + 8s, 3);
    for (const auto& row : rows) seen.push_back(row.domain);
    if (rows.size() < 3) break;
    cursor = {*rows.back().upkeep.refresh_at, rows.back().domain};
  }
  const std::vector<std::string> expected{"d9.test",   "d8.test", "d7.test", "d6.test", "d5.test",
                                          "same.test", "d4.test", "d3.test", "d2.test", "d1.test"};
  CHECK(seen == expected);
  CHECK(world.store.next_due() == then);
}

TEST_CASE("use takes up what was left out and upkeep leaves policy and use alone", "[STS-26]") {
  Store world;
  REQUIRE(world.run(world.store.save(entry("a.test"))));
  REQUIRE(world.run(world.store.used("a.test", then + 40 * 24h)));
  auto row = *world.store.load("a.test");
  CHECK(row.upkeep.refresh_at == then + 40 * 24h);
  CHECK(row.upkeep.last_used == policy::sts::day_of(then) + 40);
  policy::sts::Upkeep upkeep{then + 50 * 24h, 0, 3, "status 500", then};
  REQUIRE(world.run(world.store.keep("a.test", upkeep)));
  row = *world.store.load("a.test");
  CHECK(row.upkeep.failures == 3);
  CHECK(row.upkeep.last_error == "status 500");
  CHECK(row.upkeep.last_used == policy::sts::day_of(then) + 40);
  CHECK(row.policy == entry("a.test").policy);
  REQUIRE(world.run(world.store.pull_in(then, then + 49 * 24h)));
  CHECK(world.store.load("a.test")->upkeep.refresh_at == then);
}

TEST_CASE("tidying drops what has expired and above the limit what was used longest ago and never what is in use",
          "[STS-51][STS-27]") {
  Store world;
  auto expired = entry("expired.test");
  expired.fetched = then - 25h;
  REQUIRE(world.run(world.store.save(expired)));
  for (int i = 0; i < 6; ++i) {
    auto row = entry("d" + std::to_string(i) + ".test");
    row.policy.max_age = policy::sts::max_max_age;
    row.upkeep.last_used -= 20 * i;  // 0, 20: in use; 40 to 100: not
    REQUIRE(world.run(world.store.save(row)));
  }
  REQUIRE(world.run(world.store.tidy(then, 4)));
  CHECK_FALSE(world.store.load("expired.test"));
  CHECK_FALSE(world.store.load("d5.test"));
  CHECK_FALSE(world.store.load("d4.test"));
  CHECK(world.store.load("d3.test"));
  REQUIRE(world.run(world.store.tidy(then, 0)));
  CHECK(world.store.load_all().size() == 2);
}

TEST_CASE("exemptions are durable", "[STS-52]") {
  const Directory directory;
  boost::asio::io_context io{1};
  const proxy::Exemption made{"a.test", "ticket 1", then, then + 24h};
  {
    proxy::SqlitePolicyStore store(directory.file());
    REQUIRE(test::run_awaitable(io, store.exempt(made)));
    REQUIRE(test::run_awaitable(io, store.exempt({"b.test", "ticket 2", then, then + 24h})));
    REQUIRE(test::run_awaitable(io, store.end_exemption("b.test")));
  }
  proxy::SqlitePolicyStore store(directory.file());
  CHECK(store.exemptions() == std::vector<proxy::Exemption>{made});
}
