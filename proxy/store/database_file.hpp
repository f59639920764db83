// What makes a file one of this program's databases: recognising it, making it, and bringing an older one up to date. A
// file that is not ours, newer than we know, or damaged is refused with words and left as it is. Knows no table.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "proxy/store/sqlite.hpp"

namespace proxy {

/// One kind of database.
struct Schema {
  std::uint32_t application;  ///< of the header: whose file it is
  /// The first makes version 1, each other one takes a database from the version before to its own. Each sets
  /// user_version; the first sets application_id, too.
  std::span<const char* const> versions;
  /// Questions that read one row from an end of each tree: a page that is no page of it is found.
  std::span<const char* const> ends;

  std::uint32_t version() const { return static_cast<std::uint32_t>(versions.size()); }
};

/// Whether there is a database at all: false where the file is missing or empty. Throws StoreError for a file that is
/// not ours. Reads 100 octets and writes none. Never call it while the process has the database open: closing any
/// descriptor of a file gives up the process's POSIX locks on it, SQLite's among them, and another program could then
/// take the write-ahead log away.
bool is_database(const std::string& file, const Schema& schema);

/// Makes the database (0600) where there is none, checks one that is there, and brings one of an earlier version to
/// this one's. Throws StoreError. As above: only while the process does not have it open.
void prepare_database(const std::string& file, const Schema& schema);

/// A connection whose completed COMMIT survives a power cut.
sqlite::Connection open_for_writing(const std::string& file);

}  // namespace proxy
