// What a power cut takes: every octet that SQLite wrote and did not sync yet, and every file and name of the queue's
// folder that was not synced. Keeps what it needs to put the files back, one change after the other. Not for production
// code; linked into sts-relay-kill alone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/vfs_shim.hpp"

namespace test {

class Unsynced : public VfsShim {
 public:
  explicit Unsynced(const char* name) : VfsShim(name) {}

  int write(sqlite3_file* file, const std::string& path, const void* data, int size, sqlite3_int64 offset) override;
  int truncate(sqlite3_file* file, const std::string& path, sqlite3_int64 size) override;
  int sync(sqlite3_file* file, const std::string& path, int flags) override;
  int remove(const std::string& path, int sync_directory) override;

  // ---- files that are not SQLite's; called after the system's call went well
  void synced(int descriptor);
  void named(const std::string& path);

  /// Puts the files into a state that a power cut may leave: of what was not synced a part chosen by chance is there,
  /// in any order, a write perhaps in part. From here on no other thread writes. The process must end now.
  void lose(unsigned seed);

 private:
  struct Change {
    off_t offset;
    std::string before, after;  // the octets from there on; what stood behind the end of the file is not in `before`
    off_t size_before, size_after;
  };
  void lose_changes(const std::string& path, const std::vector<Change>& changes, std::mt19937& random) const;
  void lose_files(std::mt19937& random) const;

  std::recursive_mutex mutex_;                          // a sync of SQLite comes back through synced()
  std::map<std::string, std::vector<Change>> changes_;  // by file, since it was last synced
  std::set<std::pair<dev_t, ino_t>> synced_;            // files and folders
  std::vector<std::string> named_, unsure_;             // names given; those of them whose folder was not synced since
};

}  // namespace test
