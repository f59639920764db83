// The database of the queue: its schema, version by version, and what a start clears away.
#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "proxy/store/database_file.hpp"
#include "proxy/store/queue_table.hpp"

namespace proxy {
namespace {

constexpr std::uint32_t application = 0x73747371;  // "stsq"

// Times are milliseconds since 1970, UTC.
constexpr char make_first_schema[] =
    "CREATE TABLE message ("
    " number INTEGER PRIMARY KEY NOT NULL,"
    " id TEXT NOT NULL UNIQUE,"
    " sender TEXT NOT NULL,"  // reverse-path without brackets; empty: <>
    " size INTEGER NOT NULL,"
    " received INTEGER NOT NULL,"
    " expires INTEGER NOT NULL,"
    " warn_at INTEGER,"            // NULL: no warning of the delay is due
    " accepted INTEGER NOT NULL,"  // 0: no client was promised it yet
    " held INTEGER NOT NULL,"      // by an administrator
    " client TEXT NOT NULL,"       // address
    " floor INTEGER NOT NULL,"     // 1 encrypted, 2 a valid certificate
    " requiretls INTEGER NOT NULL,"
    " tls_required_no INTEGER NOT NULL,"
    " body TEXT NOT NULL CHECK (body IN ('', '7BIT', '8BITMIME')),"
    " smtputf8 INTEGER NOT NULL,"
    " eight_bit INTEGER NOT NULL,"  // 1: an octet above 127 is in it, 2: in its header, 4: its last newline was added
    " ret TEXT NOT NULL CHECK (ret IN ('', 'FULL', 'HDRS')),"
    " envid TEXT NOT NULL,"           // xtext
    " received_field TEXT NOT NULL,"  // goes in front
    " in_file INTEGER NOT NULL"       // the octets lie in the folder queue/ under the id
    ");"
    "CREATE TABLE recipient ("
    " message INTEGER NOT NULL,"
    " number INTEGER NOT NULL,"
    " address TEXT NOT NULL,"  // forward-path without brackets
    " domain TEXT NOT NULL,"
    " notify TEXT NOT NULL,"
    " orcpt TEXT NOT NULL,"
    " attempts INTEGER NOT NULL,"
    " next_attempt INTEGER NOT NULL,"
    " reason TEXT NOT NULL,"  // what the last attempt ended with
    " host TEXT NOT NULL,"    // whose reply that is; empty: nobody's
    " PRIMARY KEY (message, number)"
    ") WITHOUT ROWID;"
    "CREATE TABLE octets ("
    " message INTEGER PRIMARY KEY NOT NULL,"
    " content BLOB NOT NULL"  // wire form: CRLF, dots stuffed, without the end marker
    ");"
    "PRAGMA application_id = 1937011569;"
    "PRAGMA user_version = 1;";
static_assert(application == 1937011569);
// RFC 4954 §5: that there was an AUTH=; who it named is not passed on, and not kept.
constexpr char add_auth[] =
    "ALTER TABLE message ADD COLUMN auth INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 2;";
constexpr const char* versions[] = {make_first_schema, add_auth};

constexpr const char* ends[] = {
    "SELECT * FROM message ORDER BY number LIMIT 1",
    "SELECT * FROM message ORDER BY number DESC LIMIT 1",
    "SELECT * FROM message ORDER BY id LIMIT 1",
    "SELECT * FROM recipient ORDER BY message, number LIMIT 1",
    "SELECT * FROM recipient ORDER BY message DESC, number DESC LIMIT 1",
    "SELECT message FROM octets ORDER BY message LIMIT 1",
    "SELECT message FROM octets ORDER BY message DESC LIMIT 1",
};
const Schema schema{application, versions, ends};

constexpr char clear_unpromised[] =
    "BEGIN IMMEDIATE;"
    "DELETE FROM octets WHERE message IN (SELECT number FROM message WHERE accepted = 0);"
    "DELETE FROM recipient WHERE message IN (SELECT number FROM message WHERE accepted = 0);"
    "DELETE FROM message WHERE accepted = 0;"
    "COMMIT;";

// A file is there before its row, and after it.
void clear_files(sqlite::Connection& connection, const std::string& folder) {
  std::set<std::string> named;
  sqlite::Statement files(connection, "SELECT id FROM message WHERE in_file");
  while (files.step()) named.insert(files.text(0));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (!named.contains(entry.path().filename().string())) std::filesystem::remove(entry.path(), error);
  }
}

}  // namespace

std::string queue_file(const std::string& state_dir) {
  return state_dir + "/queue.db";
}

std::string queue_folder(const std::string& state_dir) {
  return state_dir + "/queue";
}

bool is_queue_database(const std::string& file) {
  return is_database(file, schema);
}

void prepare_queue(const std::string& state_dir) {
  const auto folder = queue_folder(state_dir);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw StoreError("folder " + folder + ": cannot be made: " + std::strerror(errno));
  prepare_database(queue_file(state_dir), schema);
  sqlite::Connection connection(queue_file(state_dir), sqlite::Connection::Access::read_write);
  if (connection.number("SELECT count(*) FROM message WHERE accepted = 0") > 0) connection.run(clear_unpromised);
  clear_files(connection, folder);
}

}  // namespace proxy
