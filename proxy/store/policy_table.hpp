// The table of policies: what a row means, and what makes a file this program's database. A file that is not ours,
// newer than we know, or damaged is refused with words and left as it is.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/sts/cache_entry.hpp"
#include "proxy/store/sqlite.hpp"

namespace proxy {

/// Opens the database for writing; makes it (0600) where there is none. Throws StoreError.
sqlite::Connection open_policy_database(const std::string& file);

/// A connection that only reads. It works beside a running relay and after one was killed.
class PolicyReader {
 public:
  explicit PolicyReader(const std::string& file);
  std::optional<policy::sts::CacheEntry> load(std::string_view domain);
  /// By domain.
  std::vector<policy::sts::CacheEntry> load_all();

 private:
  std::mutex mutex_;
  sqlite::Connection connection_;
  sqlite::Statement one_, all_;
};

/// Writes rows within the caller's transaction.
class PolicyWriter {
 public:
  explicit PolicyWriter(const std::string& file);
  void begin() { connection_.run("BEGIN IMMEDIATE"); }
  void commit() { connection_.run("COMMIT"); }
  void save(const policy::sts::CacheEntry& entry);
  void remove(std::string_view domain);

 private:
  sqlite::Connection connection_;
  sqlite::Statement save_, remove_;
};

/// Whether there is a database at all: false where the file is missing or empty. Throws StoreError for a file that is
/// not ours. Reads 100 octets and writes none.
bool is_policy_database(const std::string& file);

}  // namespace proxy
