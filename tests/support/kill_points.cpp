// Harms the relay's program as its environment asks. Linked with proxy/main.cpp into sts-relay-kill, which is never
// shipped.
//   STS_RELAY_KILL_AT=N      it kills itself, as kill -9 does, at the point number N of all threads. Points are where
//                            proxy/store/kill_point.hpp says, and before and after whatever SQLite does to a file
//   STS_RELAY_LOSE=SEED      and what was not synced by then is lost, as in a power cut
//   STS_RELAY_FAIL_SYNC=FILE while the file is there, nothing can be synced
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "proxy/store/kill_point.hpp"
#include "tests/support/unsynced.hpp"

namespace {

class Harming;

std::atomic<long> points{0};
long last_point = 0;
const char *lose_seed = nullptr, *fail_sync_file = nullptr;
std::atomic<Harming*> harming{nullptr};

bool sync_fails() {
  return fail_sync_file != nullptr && ::access(fail_sync_file, F_OK) == 0;
}

void point();

class Harming final : public test::Unsynced {
 public:
  Harming() : Unsynced("harming") {}

  int write(sqlite3_file* file, const std::string& path, const void* data, int size, sqlite3_int64 offset) override {
    point();
    const int code = Unsynced::write(file, path, data, size, offset);
    point();
    return code;
  }
  int truncate(sqlite3_file* file, const std::string& path, sqlite3_int64 size) override {
    point();
    const int code = Unsynced::truncate(file, path, size);
    point();
    return code;
  }
  int sync(sqlite3_file* file, const std::string& path, int flags) override {
    if (sync_fails()) return SQLITE_IOERR_FSYNC;
    point();
    const int code = Unsynced::sync(file, path, flags);
    point();
    return code;
  }
  int remove(const std::string& path, int sync_directory) override {
    point();
    const int code = Unsynced::remove(path, sync_directory);
    point();
    return code;
  }
};

void point() {
  if (++points != last_point) return;
  if (lose_seed != nullptr) harming.load()->lose(static_cast<unsigned>(std::atoi(lose_seed)));
  ::kill(::getpid(), SIGKILL);
}

int synced(int descriptor, long call) {
  if (sync_fails()) {
    errno = EIO;
    return -1;
  }
  const auto code = static_cast<int>(::syscall(call, descriptor));
  if (auto* const shim = harming.load(); code == 0 && shim != nullptr) shim->synced(descriptor);
  return code;
}

[[maybe_unused]] const bool begun = [] {
  const char* at = std::getenv("STS_RELAY_KILL_AT");
  lose_seed = std::getenv("STS_RELAY_LOSE");
  fail_sync_file = std::getenv("STS_RELAY_FAIL_SYNC");
  if (at == nullptr && fail_sync_file == nullptr) return false;
  if (at != nullptr) last_point = std::strtol(at, nullptr, 10);
  harming = new Harming;  // threads may use it until the end of the process
  proxy::kill_point_hook = point;
  return true;
}();

}  // namespace

// In front of the C library's, also for SQLite.
extern "C" {
int fsync(int descriptor) {
  return synced(descriptor, SYS_fsync);
}
int fdatasync(int descriptor) {
  return synced(descriptor, SYS_fdatasync);
}
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  const auto code = static_cast<int>(::syscall(SYS_linkat, from_folder, from, to_folder, to, flags));
  if (auto* const shim = harming.load(); code == 0 && shim != nullptr) shim->named(to);
  return code;
}
}
