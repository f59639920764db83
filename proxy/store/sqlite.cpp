// Connection and statement over the C interface.
#include "proxy/store/sqlite.hpp"

namespace proxy::sqlite {
namespace {

constexpr int busy_milliseconds = 5000;  // a reader of another process holds a lock for moments only

}  // namespace

Connection::Connection(const std::string& file, Access access) : file_(file) {
  const int flags = (access == Access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE) |
                    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, flags, nullptr);
  handle_.reset(raw);
  if (code != SQLITE_OK) {
    throw StoreError("database " + file + ": cannot be opened: " + (raw ? sqlite3_errmsg(raw) : sqlite3_errstr(code)));
  }
  sqlite3_busy_timeout(raw, busy_milliseconds);
}

void Connection::fail(const std::string& doing) const {
  throw StoreError("database " + file_ + ": " + doing + ": " + sqlite3_errmsg(handle_.get()) + " (" +
                   std::to_string(sqlite3_extended_errcode(handle_.get())) + ")");
}

void Connection::run(const char* sql) {
  if (sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail(sql);
}

std::int64_t Connection::number(const char* sql) {
  Statement statement(*this, sql);
  return statement.step() ? statement.number(0) : 0;
}

Statement::Statement(Connection& connection, const char* sql) : connection_(connection) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(connection.get(), sql, -1, &raw, nullptr) != SQLITE_OK) connection.fail("cannot prepare");
  statement_.reset(raw);
}

void Statement::bind(int parameter, std::string_view text) {
  if (sqlite3_bind_text64(statement_.get(), parameter, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8) !=
      SQLITE_OK) {
    connection_.fail("cannot bind");
  }
}

void Statement::bind(int parameter, std::int64_t number) {
  if (sqlite3_bind_int64(statement_.get(), parameter, number) != SQLITE_OK) connection_.fail("cannot bind");
}

void Statement::bind_octets(int parameter, std::string_view octets) {
  const int code = octets.empty()
                       ? sqlite3_bind_zeroblob(statement_.get(), parameter, 0)
                       : sqlite3_bind_blob64(statement_.get(), parameter, octets.data(), octets.size(), SQLITE_STATIC);
  if (code != SQLITE_OK) connection_.fail("cannot bind");
}

bool Statement::step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) connection_.fail("cannot run a statement");
  return false;
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

void Statement::run() {
  step();
  reset();
}

std::string Statement::text(int column) const {
  const void* data = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return data ? std::string(static_cast<const char*>(data), static_cast<std::size_t>(size)) : std::string();
}

std::int64_t Statement::number(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

}  // namespace proxy::sqlite
