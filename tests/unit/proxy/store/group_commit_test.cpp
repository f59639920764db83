// Many writes at once: few transactions, in their order, and none completed before it is durable.
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <set>

#include "proxy/store/sqlite_policy_store.hpp"
#include "proxy/store/state_directory.hpp"

namespace {

struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/store-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~Directory() { std::filesystem::remove_all(path); }
};

std::string domain(std::size_t number) {
  return "d" + std::to_string(number) + ".test";
}

policy::sts::CacheEntry entry(const std::string& of, const std::string& id = "1") {
  policy::sts::CacheEntry made;
  made.domain = of;
  made.id = id;
  made.policy = {policy::sts::Mode::enforce, {"mx1." + of, "*.mx." + of}, 86400};
  made.fetched = std::chrono::system_clock::time_point(std::chrono::seconds(1'800'000'000));
  made.body = "version: STSv1\n";
  return made;
}

/// Another writer that has the database for itself, so that what is saved meanwhile has to wait.
class Writer {
 public:
  explicit Writer(const std::string& file) {
    REQUIRE(sqlite3_open(file.c_str(), &database_) == SQLITE_OK);
    REQUIRE(sqlite3_exec(database_, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr) == SQLITE_OK);
  }
  ~Writer() {
    sqlite3_exec(database_, "COMMIT", nullptr, nullptr, nullptr);
    sqlite3_close(database_);
  }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

 private:
  sqlite3* database_ = nullptr;
};

std::size_t octets_of(const std::string& file) {
  std::error_code none;
  const auto size = std::filesystem::file_size(file, none);
  return none ? 0 : static_cast<std::size_t>(size);
}

/// Saves policies until it is killed; says on `out` which are durable.
[[noreturn]] void save_until_killed(const std::string& file, int out) {
  boost::asio::io_context io{1};  // outlives the store, whose thread still holds what it has completed
  proxy::SqlitePolicyStore store(file);
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    boost::asio::co_spawn(io, store.save(entry(domain(i))), [i, out](const std::exception_ptr& error, bool saved) {
      if (error || !saved || ::write(out, &i, sizeof i) != sizeof i) ::_exit(1);
    });
    io.poll();
  }
  io.run();
  ::_exit(1);  // nobody killed it
}

}  // namespace

TEST_CASE("writes that wait at the same time become durable together and in their order", "[STS-22]") {
  const Directory directory;
  const auto file = proxy::database_file(directory.path);
  constexpr std::size_t writes = 200;
  boost::asio::io_context io{1};  // outlives the store, whose thread still holds what it has completed
  proxy::SqlitePolicyStore store(file);
  std::size_t durable = 0;
  const auto count = [&durable](const std::exception_ptr& error, bool saved) { durable += !error && saved ? 1u : 0u; };
  const auto before = octets_of(file + "-wal");
  {
    const Writer other(file);
    for (std::size_t i = 0; i < writes; ++i) boost::asio::co_spawn(io, store.save(entry(domain(i))), count);
    boost::asio::co_spawn(io, store.save(entry(domain(0), "2")), count);
    boost::asio::co_spawn(io, store.remove(domain(1)), count);
    io.poll();
    CHECK(durable == 0);
  }
  io.run();
  CHECK(durable == writes + 2);
  // Each transaction writes at least one page to the write-ahead log: one a write would be 200.
  constexpr std::size_t page = 4096 + 24;
  CHECK(octets_of(file + "-wal") - before < writes / 2 * page);
  CHECK(store.load_all().size() == writes - 1);
  CHECK(store.load(domain(0)) == entry(domain(0), "2"));
  CHECK_FALSE(store.load(domain(1)));
}

TEST_CASE("of a process killed while it writes every policy that was completed is there and every one is whole",
          "[STS-22]") {
  const Directory directory;
  const auto file = proxy::database_file(directory.path);
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    ::close(ends[0]);
    save_until_killed(file, ends[1]);
  }
  ::close(ends[1]);
  std::set<std::uint32_t> completed;
  std::uint32_t number = 0;
  bool killed = false;
  while (::read(ends[0], &number, sizeof number) == sizeof number) {  // also what it said before it was killed
    completed.insert(number);
    if (completed.size() == 300) killed = ::kill(child, SIGKILL) == 0;
  }
  ::close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(killed);
  REQUIRE(WIFSIGNALED(status));

  proxy::SqlitePolicyStore store(file);
  std::size_t missing = 0, torn = 0;
  for (const auto one : completed) missing += store.load(domain(one)) ? 0u : 1u;
  const auto all = store.load_all();
  for (const auto& one : all) torn += one == entry(one.domain) ? 0u : 1u;
  CHECK(missing == 0);
  CHECK(torn == 0);
  CHECK(all.size() >= completed.size());
}
