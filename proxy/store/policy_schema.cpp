// What makes a file this program's database: recognising it, making the schema, and bringing an older one up to date.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "proxy/store/policy_table.hpp"

namespace proxy {
namespace {

// The two numbers of an SQLite header that are free for applications: whose file it is, and which schema.
constexpr std::uint32_t application = 0x73747372;  // "stsr"
constexpr std::uint32_t schema = 2;

// A whole check reads every page. Up to here that takes no more than some tenths of a second; of a larger file the
// schema and the ends of each tree are read, for the relay is to start at once with a million policies.
constexpr off_t whole_check_octets = 32 << 20;

constexpr char make_first_schema[] =
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
static_assert(application == 1937011570);

// Version 2: upkeep and exemptions. What was fetched before is taken to have been used on that day.
constexpr char first_to_second[] =
    "ALTER TABLE policy ADD COLUMN last_used INTEGER NOT NULL DEFAULT 0;"  // days since 1970, UTC
    "ALTER TABLE policy ADD COLUMN refresh_at INTEGER;"                    // seconds since 1970; NULL: left out
    "ALTER TABLE policy ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;"   // refreshes in a row
    "ALTER TABLE policy ADD COLUMN last_error TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE policy ADD COLUMN last_error_at INTEGER NOT NULL DEFAULT 0;"
    "UPDATE policy SET last_used = fetched / 86400, refresh_at = fetched + min(86400, max_age / 2);"
    "CREATE INDEX policy_due ON policy (refresh_at, domain) WHERE refresh_at IS NOT NULL;"
    "CREATE INDEX policy_expiry ON policy (fetched + max_age);"
    "CREATE INDEX policy_use ON policy (last_used);"
    "CREATE TABLE exemption ("
    " domain TEXT PRIMARY KEY NOT NULL,"
    " reason TEXT NOT NULL,"
    " made INTEGER NOT NULL,"
    " until INTEGER NOT NULL"
    ");"
    "PRAGMA user_version = 2;";
static_assert(schema == 2);

// One row from each end of each tree: a page that is no page of it is found.
constexpr const char* ends[] = {
    "SELECT * FROM policy ORDER BY rowid LIMIT 1",
    "SELECT * FROM policy ORDER BY rowid DESC LIMIT 1",
    "SELECT * FROM policy ORDER BY domain LIMIT 1",
    "SELECT * FROM policy ORDER BY domain DESC LIMIT 1",
    "SELECT * FROM policy WHERE refresh_at IS NOT NULL ORDER BY refresh_at, domain LIMIT 1",
    "SELECT * FROM policy ORDER BY fetched + max_age LIMIT 1",
    "SELECT * FROM policy ORDER BY last_used LIMIT 1",
    "SELECT * FROM exemption ORDER BY domain LIMIT 1",
};

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
  struct stat status {};
  const bool small = ::stat(file.c_str(), &status) != 0 || status.st_size <= whole_check_octets;
  if (!small && connection.number("PRAGMA user_version") < schema) return;  // the migration reads every row
  std::string found = "ok";
  try {
    if (small) {
      sqlite::Statement check(connection, "PRAGMA quick_check(1)");
      if (check.step()) found = check.text(0);
    } else {
      for (const char* one : ends) sqlite::Statement(connection, one).step();
    }
  } catch (const StoreError& error) {
    found = error.what();
  }
  if (found != "ok") refuse(file, "damaged (" + found + ")");
}

// Header fields belong to the transaction: a file has schema and numbers of one version, or of the one before.
void bring_up_to_date(sqlite::Connection& connection) {
  const auto version = connection.number("PRAGMA user_version");
  if (version >= schema) return;
  connection.run("BEGIN IMMEDIATE");
  if (version < 1) connection.run(make_first_schema);
  connection.run(first_to_second);
  connection.run("COMMIT");
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
  bring_up_to_date(connection);
}

}  // namespace proxy
