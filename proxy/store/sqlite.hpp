// SQLite with owners: a connection, a statement, every error a StoreError that names the file. Knows no table.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/store/policy_store.hpp"

namespace proxy::sqlite {

/// One connection, used by one thread at a time.
class Connection {
 public:
  enum class Access { read_only, read_write };
  Connection(const std::string& file, Access access);

  /// Runs statements that return nothing of interest.
  void run(const char* sql);
  /// The first column of the first row, as a number.
  std::int64_t number(const char* sql);
  /// Rows that the last statement has written.
  int changes() const { return sqlite3_changes(handle_.get()); }
  [[noreturn]] void fail(const std::string& doing) const;
  sqlite3* get() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::string file_;
  std::unique_ptr<sqlite3, Close> handle_;
};

/// A prepared statement; must not outlive its connection's use.
class Statement {
 public:
  Statement(Connection& connection, const char* sql);
  /// Parameters count from 1. Text is copied.
  void bind(int parameter, std::string_view text);
  void bind(int parameter, std::int64_t number);
  /// Octets of any kind; not copied, they must stay until reset().
  void bind_octets(int parameter, std::string_view octets);
  /// True: there is a row.
  bool step();
  /// Ready for the next use; what was bound is gone.
  void reset();
  /// A statement that returns nothing of interest; ready for the next use.
  void run();
  /// Also of a column of octets.
  std::string text(int column) const;
  std::int64_t number(int column) const;
  bool is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Connection& connection_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

}  // namespace proxy::sqlite
