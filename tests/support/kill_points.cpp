// Makes the relay's program kill itself, as kill -9 does: at the point number STS_RELAY_KILL_AT of all threads. Points
// are where proxy/store/kill_point.hpp says, and before and after whatever SQLite does to a file. Linked with
// proxy/main.cpp into sts-relay-kill, which is never shipped.
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>

#include "proxy/store/kill_point.hpp"
#include "tests/support/vfs_shim.hpp"

namespace {

std::atomic<long> points{0};
long last_point = 0;

void point() {
  if (++points == last_point) ::kill(::getpid(), SIGKILL);
}

class Killing final : public test::VfsShim {
 public:
  Killing() : VfsShim("killing") {}

  int write(sqlite3_file* file, const std::string& path, const void* data, int size, sqlite3_int64 offset) override {
    point();
    const int code = VfsShim::write(file, path, data, size, offset);
    point();
    return code;
  }
  int truncate(sqlite3_file* file, const std::string& path, sqlite3_int64 size) override {
    point();
    const int code = VfsShim::truncate(file, path, size);
    point();
    return code;
  }
  int sync(sqlite3_file* file, const std::string& path, int flags) override {
    point();
    const int code = VfsShim::sync(file, path, flags);
    point();
    return code;
  }
  int remove(const std::string& path, int sync_directory) override {
    point();
    const int code = VfsShim::remove(path, sync_directory);
    point();
    return code;
  }
};

[[maybe_unused]] const bool begun = [] {
  const char* at = std::getenv("STS_RELAY_KILL_AT");
  if (at == nullptr) return false;
  last_point = std::strtol(at, nullptr, 10);
  proxy::kill_point_hook = point;
  static auto* const never_gone = new Killing;  // threads may use it until the end of the process
  return never_gone != nullptr;
}();

}  // namespace
