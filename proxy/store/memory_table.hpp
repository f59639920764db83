// The table of what domains have proven before: rows to values and back. It stands in the policies' database and is no
// part of its schema's number: a program that does not know the table leaves it alone.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "policy/memory.hpp"
#include "proxy/store/sqlite.hpp"

namespace proxy {

using MemoryRow = std::pair<std::string, policy::memory::Record>;  ///< domain, record

/// Every row, the least recently seen first. The database exists. Makes the table where there is none, and drops what
/// is too old to say anything. Throws StoreError.
std::vector<MemoryRow> load_memory(const std::string& file, policy::memory::Time now);
/// The row of one domain, on a connection that only reads; nullopt as well where there is no table.
std::optional<policy::memory::Record> read_memory(const std::string& file, const std::string& domain);

/// Within the caller's transaction; no record: the row goes. The table exists.
void save_memory(sqlite::Connection& connection, const std::string& domain,
                 const std::optional<policy::memory::Record>& record);

}  // namespace proxy
