// What the store has said is saved is there after kill -9; files that are not ours stay as they are.
#include "proxy/store/sqlite_policy_store.hpp"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "proxy/store/state_directory.hpp"
#include "tests/support/run_awaitable.hpp"

namespace {

struct Directory {
  std::string path;
  Directory() {
    char name[] = "/tmp/store-test-XXXXXX";
    path = mkdtemp(name);
  }
  ~Directory() { std::filesystem::remove_all(path); }
};

policy::sts::CacheEntry entry(const std::string& domain) {
  policy::sts::CacheEntry made;
  made.domain = domain;
  made.id = "20260101";
  made.policy = {policy::sts::Mode::enforce, {"mx1." + domain, "*.mx." + domain}, 86400};
  made.fetched = std::chrono::system_clock::time_point(std::chrono::seconds(1'800'000'000));
  made.body = "version: STSv1\n";
  return made;
}

std::string content(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

}  // namespace

TEST_CASE("a policy that was saved is there after kill -9", "[STS-22]") {
  const Directory directory;
  const auto file = proxy::database_file(directory.path);
  const pid_t child = fork();
  if (child == 0) {
    proxy::SqlitePolicyStore store(file);
    boost::asio::io_context io{1};
    const bool saved = test::run_awaitable(io, store.save(entry("example.com")));
    if (saved) ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  proxy::SqlitePolicyStore store(file);
  const auto loaded = store.load("example.com");
  REQUIRE(loaded);
  CHECK(*loaded == entry("example.com"));
}

TEST_CASE("policies are replaced and removed", "[STS-22][STS-24][STS-60]") {
  const Directory directory;
  proxy::SqlitePolicyStore store(proxy::database_file(directory.path));
  boost::asio::io_context io{1};
  CHECK(test::run_awaitable(io, store.save(entry("a.test"))));
  auto changed = entry("a.test");
  changed.id = "2";
  changed.policy.mode = policy::sts::Mode::testing;
  CHECK(test::run_awaitable(io, store.save(changed)));
  CHECK(store.load("a.test") == changed);
  CHECK(store.load_all().size() == 1);
  CHECK(test::run_awaitable(io, store.remove("a.test")));
  CHECK_FALSE(store.load("a.test"));
}

TEST_CASE("a file that is no database of ours is refused and left alone", "[OPS-12]") {
  const Directory directory;
  const auto file = proxy::database_file(directory.path);
  const std::string foreign = "this is no database, and somebody may want it back\n";
  std::ofstream(file) << foreign;
  CHECK_THROWS_AS(proxy::SqlitePolicyStore(file), proxy::StoreError);
  CHECK(content(file) == foreign);
}

TEST_CASE("a state directory has one owner at a time", "[OPS-11]") {
  const Directory directory;
  const auto path = directory.path + "/state";
  {
    const auto held = proxy::StateDirectory::open(path);
    CHECK_THROWS_AS(proxy::StateDirectory::open(path), proxy::StateInUse);
    const auto mode = std::filesystem::status(path).permissions();
    CHECK((mode & std::filesystem::perms(077)) == std::filesystem::perms::none);
  }
  CHECK_NOTHROW(proxy::StateDirectory::open(path));
}
