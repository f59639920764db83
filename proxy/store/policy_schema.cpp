// The database of policies and exemptions: its schema, version by version.
#include "proxy/store/database_file.hpp"
#include "proxy/store/policy_table.hpp"

namespace proxy {
namespace {

constexpr std::uint32_t application = 0x73747372;  // "stsr"

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
constexpr const char* versions[] = {make_first_schema, first_to_second};

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

const Schema schema{application, versions, ends};

}  // namespace

bool is_policy_database(const std::string& file) {
  return is_database(file, schema);
}

void prepare_policy_database(const std::string& file) {
  prepare_database(file, schema);
}

}  // namespace proxy
