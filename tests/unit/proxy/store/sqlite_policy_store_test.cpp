// What the store has said is saved is there after kill -9; files that are not ours stay as they are.
#include "proxy/store/sqlite_policy_store.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "proxy/store/policy_table.hpp"
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

void run_sql(const std::string& file, const char* sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  REQUIRE(sqlite3_exec(database, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(database);
}

std::string refusal(const std::string& file) {
  try {
    proxy::SqlitePolicyStore store(file);
    return "none";
  } catch (const proxy::StoreError& error) {
    return error.what();
  }
}

/// Whether another process finds SQLite's shared lock on the file, which keeps it from taking the write-ahead log away.
/// The child makes system calls only.
bool shared_lock_is_held(const std::string& file) {
  const pid_t child = fork();
  if (child == 0) {
    struct flock wanted {};
    wanted.l_type = F_WRLCK;
    wanted.l_whence = SEEK_SET;
    wanted.l_start = 0x40000002;  // the range of shared locks in SQLite's file format
    wanted.l_len = 510;
    const int opened = ::open(file.c_str(), O_RDWR);
    if (opened < 0 || fcntl(opened, F_GETLK, &wanted) != 0) ::_exit(2);
    ::_exit(wanted.l_type == F_UNLCK ? 1 : 0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) != 2);
  return WEXITSTATUS(status) == 0;
}

/// No file grows past `octets`: what a full disk does, without one.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t octets) {
    before_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was_);
    const rlimit limit{octets, was_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &was_);
    std::signal(SIGXFSZ, before_);
  }

 private:
  rlimit was_{};
  void (*before_)(int) = nullptr;
};

}  // namespace

TEST_CASE("a policy that was saved is there after kill -9", "[STS-22]") {
  const Directory directory;
  const auto file = proxy::database_file(directory.path);
  const pid_t child = fork();
  if (child == 0) {
    boost::asio::io_context io{1};
    proxy::SqlitePolicyStore store(file);
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
  boost::asio::io_context io{1};
  proxy::SqlitePolicyStore store(proxy::database_file(directory.path));
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

TEST_CASE("databases of other programs and of newer versions are refused in words and left alone", "[STS-22]") {
  const Directory directory;
  const auto foreign = directory.path + "/foreign.db";
  run_sql(foreign, "CREATE TABLE theirs (a); PRAGMA user_version = 1");
  const auto newer = directory.path + "/newer.db";
  { proxy::SqlitePolicyStore store(newer); }
  run_sql(newer, "PRAGMA user_version = 3; PRAGMA wal_checkpoint(TRUNCATE)");
  const auto before = content(foreign) + content(newer);
  CHECK(refusal(foreign).find("another program") != std::string::npos);
  CHECK(refusal(newer).find("newer") != std::string::npos);
  CHECK(content(foreign) + content(newer) == before);
}

TEST_CASE("a damaged database is refused in words and left alone", "[STS-22]") {
  const Directory directory;
  const auto file = proxy::database_file(directory.path);
  {
    boost::asio::io_context io{1};
    proxy::SqlitePolicyStore store(file);
    for (int i = 0; i < 200; ++i)
      REQUIRE(test::run_awaitable(io, store.save(entry("d" + std::to_string(i) + ".test"))));
  }
  {
    std::fstream damage(file, std::ios::in | std::ios::out | std::ios::binary);
    damage.seekp(4096);
    damage << std::string(3 * 4096, '\xA5');
  }
  const auto before = content(file);
  CHECK(refusal(file).find("damaged") != std::string::npos);
  CHECK(content(file) == before);
}

TEST_CASE("database and write-ahead log are readable by their owner only", "[STS-22]") {
  const Directory directory;
  const auto file = proxy::database_file(directory.path);
  boost::asio::io_context io{1};
  proxy::SqlitePolicyStore store(file);
  REQUIRE(test::run_awaitable(io, store.save(entry("a.test"))));
  for (const auto* suffix : {"", "-wal", "-shm"}) {
    struct stat status {};
    REQUIRE(::stat((file + suffix).c_str(), &status) == 0);
    CHECK((status.st_mode & 077) == 0);
  }
}

TEST_CASE("another program that looks at the database cannot take its write-ahead log away", "[STS-22]") {
  const Directory directory;
  const auto file = proxy::database_file(directory.path);
  boost::asio::io_context io{1};
  proxy::SqlitePolicyStore store(file);
  REQUIRE(test::run_awaitable(io, store.save(entry("a.test"))));
  CHECK(shared_lock_is_held(file));
}

TEST_CASE("a write that fails is reported and the next one finds the database opened anew", "[STS-22]") {
  const Directory directory;
  const auto file = proxy::database_file(directory.path);
  boost::asio::io_context io{1};
  proxy::SqlitePolicyStore store(file);
  REQUIRE(test::run_awaitable(io, store.save(entry("before.test"))));
  auto large = entry("large.test");
  large.body = std::string(60'000, 'x');
  bool saved_on_a_full_disk = true;
  {
    const FileSizeLimit full(32'768);
    saved_on_a_full_disk = test::run_awaitable(io, store.save(large));
  }
  CHECK_FALSE(saved_on_a_full_disk);
  CHECK(store.load("before.test") == entry("before.test"));
  CHECK_FALSE(store.load("large.test"));
  CHECK(test::run_awaitable(io, store.save(large)));
  CHECK(store.load("large.test") == large);
  CHECK(shared_lock_is_held(file));
}

TEST_CASE("policies are read beside the process that writes them", "[STS-22]") {
  const Directory directory;
  const auto file = proxy::database_file(directory.path);
  boost::asio::io_context io{1};
  proxy::SqlitePolicyStore store(file);
  REQUIRE(test::run_awaitable(io, store.save(entry("b.test"))));
  REQUIRE(test::run_awaitable(io, store.save(entry("a.test"))));
  proxy::PolicyReader reader(file);
  const std::vector<policy::sts::CacheEntry> expected{entry("a.test"), entry("b.test")};
  CHECK(reader.load_all() == expected);
  CHECK(reader.load("b.test") == entry("b.test"));
  CHECK_FALSE(reader.load("c.test"));
}

TEST_CASE("many writes at once are all durable", "[STS-22]") {
  const Directory directory;
  const auto file = proxy::database_file(directory.path);
  constexpr std::size_t writes = 700;  // more than one batch
  std::size_t durable = 0;
  {
    boost::asio::io_context io{1};
    proxy::SqlitePolicyStore store(file);
    for (std::size_t i = 0; i < writes; ++i) {
      boost::asio::co_spawn(io, store.save(entry("d" + std::to_string(i) + ".test")),
                            [&durable](const std::exception_ptr& error, bool saved) { durable += !error && saved; });
    }
    io.run();
  }
  CHECK(durable == writes);
  CHECK(proxy::SqlitePolicyStore(file).load_all().size() == writes);
}
