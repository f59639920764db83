// Recognising the file, making the schema, and rows to values and back.
#include "proxy/store/policy_table.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace proxy {
namespace {

using policy::sts::CacheEntry;
using policy::sts::Mode;

// The two numbers of an SQLite header that are free for applications: whose file it is, and which schema.
constexpr std::uint32_t application = 0x73747372;  // "stsr"
constexpr std::uint32_t schema = 1;

constexpr char make_schema[] =
    "CREATE TABLE policy ("
    " domain TEXT PRIMARY KEY NOT NULL,"
    " id TEXT NOT NULL,"
    " mode TEXT NOT NULL CHECK (mode IN ('none', 'testing', 'enforce')),"
    " mx TEXT NOT NULL,"          // patterns, one a line
    " max_age INTEGER NOT NULL,"  // seconds
    " fetched INTEGER NOT NULL,"  // seconds since 1970, UTC
    " body TEXT NOT NULL"
    ");"
    "PRAGMA application_id = 1937011570;"
    "PRAGMA user_version = 1;";
static_assert(application == 1937011570 && schema == 1);

constexpr char columns[] = "SELECT domain, id, mode, mx, max_age, fetched, body FROM policy";

std::uint32_t big_endian(const unsigned char* octets) {
  return std::uint32_t{octets[0]} << 24 | std::uint32_t{octets[1]} << 16 | std::uint32_t{octets[2]} << 8 | octets[3];
}

[[noreturn]] void refuse(const std::string& file, const std::string& why) {
  throw StoreError("database " + file + ": " + why + "; it was left as it is");
}

void make_file(const std::string& file) {
  // SQLite gives its -wal and -shm files the mode of the database.
  const int made = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (made < 0) throw StoreError("database " + file + ": cannot be made: " + std::strerror(errno));
  ::close(made);
}

void check_whole(sqlite::Connection& connection, const std::string& file) {
  std::string found;
  try {
    sqlite::Statement check(connection, "PRAGMA quick_check(1)");
    if (check.step()) found = check.text(0);
  } catch (const StoreError& error) {
    found = error.what();
  }
  if (found != "ok") refuse(file, "damaged (" + found + ")");
}

Mode mode_of(const std::string& text) {
  for (const Mode mode : {Mode::enforce, Mode::testing}) {
    if (text == policy::sts::words(mode)) return mode;
  }
  return Mode::none;
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
  entry.fetched = policy::sts::Time(std::chrono::seconds(row.number(5)));
  entry.body = row.text(6);
  return entry;
}

sqlite::Connection open_for_writing(const std::string& file) {
  sqlite::Connection connection(file, sqlite::Connection::Access::read_write);
  connection.run("PRAGMA journal_mode = WAL");
  connection.run("PRAGMA synchronous = FULL");  // STS-22: a completed COMMIT survives a power cut
  return connection;
}

}  // namespace

bool is_policy_database(const std::string& file) {
  const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0) {
    if (errno == ENOENT) return false;
    throw StoreError("database " + file + ": cannot be opened: " + std::strerror(errno));
  }
  std::array<unsigned char, 100> header{};
  const ssize_t size = pread(opened, header.data(), header.size(), 0);
  const int error = errno;
  ::close(opened);
  if (size < 0) throw StoreError("database " + file + ": cannot be read: " + std::strerror(error));
  if (size == 0) return false;
  if (static_cast<std::size_t>(size) < header.size() || std::memcmp(header.data(), "SQLite format 3", 16) != 0) {
    refuse(file, "not an SQLite database");
  }
  if (big_endian(&header[68]) != application) refuse(file, "an SQLite database of another program");
  const auto version = big_endian(&header[60]);
  if (version > schema) {
    refuse(file, "written by a newer sts-relay (schema " + std::to_string(version) + ", this program knows " +
                     std::to_string(schema) + ")");
  }
  return true;
}

void prepare_policy_database(const std::string& file) {
  if (!is_policy_database(file)) make_file(file);
  sqlite::Connection connection(file, sqlite::Connection::Access::read_write);
  check_whole(connection, file);
  // Header fields belong to the transaction: a file has schema and numbers, or nothing.
  if (connection.number("PRAGMA user_version") == 0) {
    connection.run("BEGIN IMMEDIATE");
    connection.run(make_schema);
    connection.run("COMMIT");
  }
}

PolicyReader::PolicyReader(const std::string& file)
    : connection_(file, sqlite::Connection::Access::read_only),
      one_(connection_, (std::string(columns) + " WHERE domain = ?1").c_str()),
      all_(connection_, (std::string(columns) + " ORDER BY domain").c_str()) {}

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
  std::vector<CacheEntry> entries;
  while (all_.step()) entries.push_back(entry_of(all_));
  all_.reset();
  return entries;
}

PolicyWriter::PolicyWriter(const std::string& file)
    : connection_(open_for_writing(file)),
      save_(connection_, "INSERT OR REPLACE INTO policy VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"),
      remove_(connection_, "DELETE FROM policy WHERE domain = ?1") {}

void PolicyWriter::save(const CacheEntry& entry) {
  std::string mx;
  for (const auto& pattern : entry.policy.mx) mx += (mx.empty() ? "" : "\n") + pattern;
  save_.reset();
  save_.bind(1, entry.domain);
  save_.bind(2, entry.id);
  save_.bind(3, policy::sts::words(entry.policy.mode));
  save_.bind(4, mx);
  save_.bind(5, std::int64_t{entry.policy.max_age});
  save_.bind(6, std::chrono::duration_cast<std::chrono::seconds>(entry.fetched.time_since_epoch()).count());
  save_.bind(7, entry.body);
  save_.step();
  save_.reset();
}

void PolicyWriter::remove(std::string_view domain) {
  remove_.reset();
  remove_.bind(1, domain);
  remove_.step();
  remove_.reset();
}

}  // namespace proxy
