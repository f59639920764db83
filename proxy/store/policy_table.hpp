// The table of policies: what a row means, and what makes a file this program's database. A file that is not ours,
// newer than we know, or damaged is refused with words and left as it is.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "policy/sts/cache_entry.hpp"
#include "proxy/store/policy_store.hpp"
#include "proxy/store/sqlite.hpp"

namespace proxy {

/// As is_database and prepare_database, whose conditions hold.
bool is_policy_database(const std::string& file);
void prepare_policy_database(const std::string& file);

/// A connection that only reads. It works beside a running relay and after one was killed.
class PolicyReader {
 public:
  /// The database exists (is_policy_database).
  explicit PolicyReader(const std::string& file);
  std::optional<policy::sts::CacheEntry> load(std::string_view domain);
  /// By domain.
  std::vector<policy::sts::CacheEntry> load_all();
  /// As PolicyStore has them.
  std::vector<policy::sts::CacheEntry> due(const PolicyStore::Cursor& after, policy::sts::Time now, unsigned limit);
  std::optional<policy::sts::Time> next_due();
  std::vector<Exemption> exemptions();

 private:
  std::mutex mutex_;
  sqlite::Connection connection_;
  const bool first_schema_;  // of an earlier version, which no relay of this one has opened yet
  sqlite::Statement one_, all_, due_, next_due_, exemptions_;
};

/// Writes rows within the caller's transaction.
class PolicyWriter {
 public:
  /// The database exists (prepare_policy_database).
  explicit PolicyWriter(const std::string& file);
  void begin() { connection_.run("BEGIN IMMEDIATE"); }
  void commit() { connection_.run("COMMIT"); }
  void save(const policy::sts::CacheEntry& entry);
  /// Whether there was one.
  bool remove(std::string_view domain);
  void used(std::string_view domain, policy::sts::Time now);
  void keep(std::string_view domain, const policy::sts::Upkeep& upkeep);
  void pull_in(policy::sts::Time now, policy::sts::Time latest);
  void tidy(policy::sts::Time now, std::uint64_t most);
  void exempt(const Exemption& exemption);
  /// Whether there was one.
  bool end_exemption(std::string_view domain);
  /// For the rows of other tables, in the same transaction.
  sqlite::Connection& connection() { return connection_; }

 private:
  sqlite::Connection connection_;
  sqlite::Statement save_, remove_, used_, keep_, pull_in_, expired_, count_, idle_, exempt_, end_exemption_;
};

}  // namespace proxy
