// Policies in stable storage (STS-22). The only promise: what save() completed is there after kill -9.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "policy/sts/cache_entry.hpp"

namespace proxy {

/// The database cannot be opened, read or written; the words name the file and are fit for an administrator.
struct StoreError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class PolicyStore {
 public:
  virtual ~PolicyStore() = default;
  /// Blocking, one indexed read; nullopt when there is none. Throws StoreError when the database cannot be read.
  virtual std::optional<policy::sts::CacheEntry> load(std::string_view domain) = 0;
  virtual std::vector<policy::sts::CacheEntry> load_all() = 0;
  /// Inserts or replaces; returns when it is durable. False: the store failed (logged); the caller goes on with what it
  /// has.
  virtual boost::asio::awaitable<bool> save(policy::sts::CacheEntry entry) = 0;
  virtual boost::asio::awaitable<bool> remove(std::string domain) = 0;
};

}  // namespace proxy
