// Rows of the memory; times in seconds since 1970, UTC, and 0 where there is none.
#include "proxy/store/memory_table.hpp"

namespace proxy {
namespace {

using policy::memory::Level;
using policy::memory::Record;
using policy::memory::Time;

constexpr char make_table[] =
    "CREATE TABLE IF NOT EXISTS memory ("
    " domain TEXT PRIMARY KEY NOT NULL,"
    " level TEXT NOT NULL CHECK (level IN ('encrypted', 'pkix')),"
    " since INTEGER NOT NULL,"
    " last_seen INTEGER NOT NULL,"
    " weaker_since INTEGER NOT NULL"
    ")";
constexpr char columns[] = "SELECT domain, level, since, last_seen, weaker_since FROM memory";

std::int64_t seconds(Time time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}
Time time(std::int64_t seconds) {
  return Time(std::chrono::seconds(seconds));
}

MemoryRow row_of(const sqlite::Statement& row) {
  Record record;
  record.level = row.text(1) == words(Level::pkix) ? Level::pkix : Level::encrypted;
  record.since = time(row.number(2));
  record.last_seen = time(row.number(3));
  if (row.number(4) != 0) record.weaker_since = time(row.number(4));
  return {row.text(0), record};
}

}  // namespace

std::vector<MemoryRow> load_memory(const std::string& file, Time now) {
  sqlite::Connection connection(file, sqlite::Connection::Access::read_write);
  connection.run(make_table);
  const auto oldest = std::to_string(seconds(now - policy::memory::lasts));
  connection.run(("DELETE FROM memory WHERE last_seen <= " + oldest).c_str());
  sqlite::Statement all(connection, (std::string(columns) + " ORDER BY last_seen").c_str());
  std::vector<MemoryRow> rows;
  while (all.step()) rows.push_back(row_of(all));
  return rows;
}

std::optional<Record> read_memory(const std::string& file, const std::string& domain) {
  sqlite::Connection connection(file, sqlite::Connection::Access::read_only);
  if (connection.number("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'memory'") == 0)
    return std::nullopt;
  sqlite::Statement one(connection, (std::string(columns) + " WHERE domain = ?1").c_str());
  one.bind(1, domain);
  if (!one.step()) return std::nullopt;
  return row_of(one).second;
}

void save_memory(sqlite::Connection& connection, const std::string& domain, const std::optional<Record>& record) {
  if (!record) {
    sqlite::Statement remove(connection, "DELETE FROM memory WHERE domain = ?1");
    remove.bind(1, domain);
    remove.step();
    return;
  }
  sqlite::Statement save(connection, "INSERT OR REPLACE INTO memory VALUES (?1, ?2, ?3, ?4, ?5)");
  save.bind(1, domain);
  save.bind(2, words(record->level));
  save.bind(3, seconds(record->since));
  save.bind(4, seconds(record->last_seen));
  save.bind(5, record->weaker_since ? seconds(*record->weaker_since) : std::int64_t{0});
  save.step();
}

}  // namespace proxy
