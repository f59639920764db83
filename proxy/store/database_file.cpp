// The header of an SQLite file, its check and its migrations.
#include "proxy/store/database_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace proxy {
namespace {

// A whole check reads every page. Up to here that takes no more than some tenths of a second; of a larger file the
// schema and the ends of each tree are read, for the relay is to start at once with a million rows.
constexpr off_t whole_check_octets = 32 << 20;

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

void check_whole(sqlite::Connection& connection, const std::string& file, const Schema& schema) {
  struct stat status {};
  const bool small = ::stat(file.c_str(), &status) != 0 || status.st_size <= whole_check_octets;
  if (!small && connection.number("PRAGMA user_version") < schema.version()) return;  // the migration reads every row
  std::string found = "ok";
  try {
    if (small) {
      sqlite::Statement check(connection, "PRAGMA quick_check(1)");
      if (check.step()) found = check.text(0);
    } else {
      for (const char* one : schema.ends) sqlite::Statement(connection, one).step();
    }
  } catch (const StoreError& error) {
    found = error.what();
  }
  if (found != "ok") refuse(file, "damaged (" + found + ")");
}

// Header fields belong to the transaction: a file has schema and numbers of one version, or of the one before.
void bring_up_to_date(sqlite::Connection& connection, const Schema& schema) {
  const auto version = connection.number("PRAGMA user_version");
  if (version >= schema.version()) return;
  connection.run("BEGIN IMMEDIATE");
  for (auto step = static_cast<std::size_t>(version); step < schema.versions.size(); ++step)
    connection.run(schema.versions[step]);
  connection.run("COMMIT");
}

}  // namespace

bool is_database(const std::string& file, const Schema& schema) {
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
  if (big_endian(&header[68]) != schema.application) refuse(file, "an SQLite database of another program");
  const auto version = big_endian(&header[60]);
  if (version > schema.version()) {
    refuse(file, "written by a newer sts-relay (schema " + std::to_string(version) + ", this program knows " +
                     std::to_string(schema.version()) + ")");
  }
  return true;
}

void prepare_database(const std::string& file, const Schema& schema) {
  if (!is_database(file, schema)) make_file(file);
  sqlite::Connection connection(file, sqlite::Connection::Access::read_write);
  check_whole(connection, file, schema);
  bring_up_to_date(connection, schema);
}

sqlite::Connection open_for_writing(const std::string& file) {
  sqlite::Connection connection(file, sqlite::Connection::Access::read_write);
  connection.run("PRAGMA journal_mode = WAL");
  connection.run("PRAGMA synchronous = FULL");
  return connection;
}

}  // namespace proxy
