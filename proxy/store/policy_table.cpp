// Rows to values and back.
#include "proxy/store/policy_table.hpp"

#include <algorithm>

#include "policy/sts/refresh.hpp"
#include "proxy/store/database_file.hpp"

namespace proxy {
namespace {

using policy::sts::CacheEntry;
using policy::sts::Mode;
using policy::sts::Time;

#define POLICY_COLUMNS "domain, id, mode, mx, max_age, fetched, body"
constexpr char columns[] = "SELECT " POLICY_COLUMNS ", last_used, refresh_at, failures, last_error, last_error_at";
constexpr char first_columns[] = "SELECT " POLICY_COLUMNS ", fetched / 86400, NULL, 0, '', 0";
#undef POLICY_COLUMNS

// How much of its work a writer does at a time: the others wait behind it.
constexpr std::int64_t rows_at_a_time = 500;

Mode mode_of(const std::string& text) {
  for (const Mode mode : {Mode::enforce, Mode::testing}) {
    if (text == policy::sts::words(mode)) return mode;
  }
  return Mode::none;
}

std::int64_t seconds_of(Time time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

// Rounded up: what was written as due later is not due now.
std::int64_t due_seconds_of(Time time) {
  return std::chrono::ceil<std::chrono::seconds>(time.time_since_epoch()).count();
}

Time time_of(std::int64_t seconds) {
  return Time(std::chrono::seconds(seconds));
}

CacheEntry entry_of(const sqlite::Statement& row) {
  CacheEntry entry;
  entry.domain = row.text(0);
  entry.id = row.text(1);
  entry.policy.mode = mode_of(row.text(2));
  const std::string mx = row.text(3);
  for (std::size_t begin = 0; begin < mx.size();) {
    const std::size_t end = std::min(mx.find('\n', begin), mx.size());
    entry.policy.mx.push_back(mx.substr(begin, end - begin));
    begin = end + 1;
  }
  const auto max_age = row.number(4);
  entry.policy.max_age = max_age < 0 || max_age > policy::sts::max_max_age ? policy::sts::max_max_age
                                                                           : static_cast<std::uint32_t>(max_age);
  entry.fetched = time_of(row.number(5));
  entry.body = row.text(6);
  entry.upkeep.last_used = row.number(7);
  if (!row.is_null(8)) entry.upkeep.refresh_at = time_of(row.number(8));
  entry.upkeep.failures = static_cast<std::uint32_t>(std::clamp<std::int64_t>(row.number(9), 0, 1'000'000));
  entry.upkeep.last_error = row.text(10);
  entry.upkeep.last_error_at = time_of(row.number(11));
  return entry;
}

std::vector<CacheEntry> entries_of(sqlite::Statement& statement) {
  std::vector<CacheEntry> entries;
  while (statement.step()) entries.push_back(entry_of(statement));
  statement.reset();
  return entries;
}

void bind_upkeep(sqlite::Statement& statement, int first, const policy::sts::Upkeep& upkeep) {
  statement.bind(first, upkeep.last_used);
  if (upkeep.refresh_at) statement.bind(first + 1, due_seconds_of(*upkeep.refresh_at));
  statement.bind(first + 2, std::int64_t{upkeep.failures});
  statement.bind(first + 3, upkeep.last_error);
  statement.bind(first + 4, seconds_of(upkeep.last_error_at));
}

// In a database of the first version the questions about upkeep have no answer.
std::string of_second(bool first_schema, const std::string& question, const char* nothing) {
  return first_schema ? nothing : question;
}

}  // namespace

PolicyReader::PolicyReader(const std::string& file)
    : connection_(file, sqlite::Connection::Access::read_only),
      first_schema_(connection_.number("PRAGMA user_version") < 2),
      one_(connection_,
           (std::string(first_schema_ ? first_columns : columns) + " FROM policy WHERE domain = ?1").c_str()),
      all_(connection_,
           (std::string(first_schema_ ? first_columns : columns) + " FROM policy ORDER BY domain").c_str()),
      due_(connection_, of_second(first_schema_,
                                  std::string(columns) +
                                      " FROM policy WHERE refresh_at IS NOT NULL AND (refresh_at, domain) > (?1, ?2)"
                                      " AND refresh_at <= ?3 ORDER BY refresh_at, domain LIMIT ?4",
                                  "SELECT ?1, ?2, ?3, ?4 WHERE 0")
                            .c_str()),
      next_due_(connection_, of_second(first_schema_,
                                       "SELECT refresh_at FROM policy WHERE refresh_at IS NOT NULL"
                                       " ORDER BY refresh_at LIMIT 1",
                                       "SELECT 0 WHERE 0")
                                 .c_str()),
      exemptions_(connection_,
                  of_second(first_schema_, "SELECT domain, reason, made, until FROM exemption ORDER BY domain",
                            "SELECT '', '', 0, 0 WHERE 0")
                      .c_str()) {}

std::optional<CacheEntry> PolicyReader::load(std::string_view domain) {
  const std::lock_guard lock(mutex_);
  one_.reset();
  one_.bind(1, domain);
  std::optional<CacheEntry> entry;
  if (one_.step()) entry = entry_of(one_);
  one_.reset();  // ends the read transaction, else the write-ahead log could not be emptied
  return entry;
}

std::vector<CacheEntry> PolicyReader::load_all() {
  const std::lock_guard lock(mutex_);
  all_.reset();
  return entries_of(all_);
}

std::vector<CacheEntry> PolicyReader::due(const PolicyStore::Cursor& after, Time now, unsigned limit) {
  const std::lock_guard lock(mutex_);
  due_.reset();
  due_.bind(1, seconds_of(after.refresh_at));
  due_.bind(2, after.domain);
  due_.bind(3, seconds_of(now));
  due_.bind(4, std::int64_t{limit});
  return entries_of(due_);
}

std::optional<Time> PolicyReader::next_due() {
  const std::lock_guard lock(mutex_);
  next_due_.reset();
  std::optional<Time> next;
  if (next_due_.step()) next = time_of(next_due_.number(0));
  next_due_.reset();
  return next;
}

std::vector<Exemption> PolicyReader::exemptions() {
  const std::lock_guard lock(mutex_);
  exemptions_.reset();
  std::vector<Exemption> all;
  while (exemptions_.step()) {
    all.push_back(
        {exemptions_.text(0), exemptions_.text(1), time_of(exemptions_.number(2)), time_of(exemptions_.number(3))});
  }
  exemptions_.reset();
  return all;
}

PolicyWriter::PolicyWriter(const std::string& file)
    : connection_(open_for_writing(file)),
      save_(connection_,
            "INSERT INTO policy (domain, id, mode, mx, max_age, fetched, body,"
            " last_used, refresh_at, failures, last_error, last_error_at)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
            " ON CONFLICT (domain) DO UPDATE SET id = ?2, mode = ?3, mx = ?4, max_age = ?5, fetched = ?6, body = ?7,"
            " last_used = max(last_used, ?8), refresh_at = ?9, failures = ?10, last_error = ?11, last_error_at = ?12"),
      remove_(connection_, "DELETE FROM policy WHERE domain = ?1"),
      used_(connection_,
            "UPDATE policy SET last_used = max(last_used, ?2), refresh_at = coalesce(refresh_at, ?3)"
            " WHERE domain = ?1"),
      keep_(connection_,
            "UPDATE policy SET last_used = max(last_used, ?2), refresh_at = ?3, failures = ?4, last_error = ?5,"
            " last_error_at = ?6 WHERE domain = ?1"),
      pull_in_(connection_, "UPDATE policy SET refresh_at = ?1 WHERE refresh_at > ?2"),
      expired_(connection_,
               "DELETE FROM policy WHERE rowid IN"
               " (SELECT rowid FROM policy WHERE fetched + max_age <= ?1 LIMIT ?2)"),
      count_(connection_, "SELECT count(*) FROM policy"),
      idle_(connection_,
            "DELETE FROM policy WHERE rowid IN"
            " (SELECT rowid FROM policy WHERE last_used < ?1 ORDER BY last_used LIMIT ?2)"),
      exempt_(connection_, "INSERT OR REPLACE INTO exemption VALUES (?1, ?2, ?3, ?4)"),
      end_exemption_(connection_, "DELETE FROM exemption WHERE domain = ?1") {}

void PolicyWriter::save(const CacheEntry& entry) {
  std::string mx;
  for (const auto& pattern : entry.policy.mx) mx += (mx.empty() ? "" : "\n") + pattern;
  save_.reset();
  save_.bind(1, entry.domain);
  save_.bind(2, entry.id);
  save_.bind(3, policy::sts::words(entry.policy.mode));
  save_.bind(4, mx);
  save_.bind(5, std::int64_t{entry.policy.max_age});
  save_.bind(6, seconds_of(entry.fetched));
  save_.bind(7, entry.body);
  bind_upkeep(save_, 8, entry.upkeep);
  save_.run();
}

bool PolicyWriter::remove(std::string_view domain) {
  remove_.reset();
  remove_.bind(1, domain);
  remove_.run();
  return connection_.changes() > 0;
}

void PolicyWriter::used(std::string_view domain, Time now) {
  used_.reset();
  used_.bind(1, domain);
  used_.bind(2, policy::sts::day_of(now));
  used_.bind(3, seconds_of(now));
  used_.run();
}

void PolicyWriter::keep(std::string_view domain, const policy::sts::Upkeep& upkeep) {
  keep_.reset();
  keep_.bind(1, domain);
  bind_upkeep(keep_, 2, upkeep);
  keep_.run();
}

void PolicyWriter::pull_in(Time now, Time latest) {
  pull_in_.reset();
  pull_in_.bind(1, seconds_of(now));
  pull_in_.bind(2, due_seconds_of(latest));
  pull_in_.run();
}

void PolicyWriter::tidy(Time now, std::uint64_t most) {
  expired_.reset();
  expired_.bind(1, seconds_of(now));
  expired_.bind(2, rows_at_a_time);
  expired_.run();
  count_.reset();
  const auto rows = count_.step() ? count_.number(0) : 0;
  count_.reset();
  const auto excess = rows - static_cast<std::int64_t>(most);
  if (excess <= 0) return;
  idle_.reset();
  idle_.bind(1, policy::sts::first_day_in_use(now));
  idle_.bind(2, std::min(excess, rows_at_a_time));
  idle_.run();
}

void PolicyWriter::exempt(const Exemption& exemption) {
  exempt_.reset();
  exempt_.bind(1, exemption.domain);
  exempt_.bind(2, exemption.reason);
  exempt_.bind(3, seconds_of(exemption.made));
  exempt_.bind(4, seconds_of(exemption.until));
  exempt_.run();
}

bool PolicyWriter::end_exemption(std::string_view domain) {
  end_exemption_.reset();
  end_exemption_.bind(1, domain);
  end_exemption_.run();
  return connection_.changes() > 0;
}

}  // namespace proxy
