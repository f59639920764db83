// Policies in stable storage (STS-22). The only promise: what save() completed is there after kill -9.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "policy/sts/cache_entry.hpp"
#include "proxy/config/exemption.hpp"

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
  /// has. The later `last_used` of the two stays.
  virtual boost::asio::awaitable<bool> save(policy::sts::CacheEntry entry) = 0;
  virtual boost::asio::awaitable<bool> remove(std::string domain) = 0;

  /// A message went there on that day: a row that was left out is due at `now`.
  virtual boost::asio::awaitable<bool> used(std::string domain, policy::sts::Time now) = 0;
  /// Upkeep alone; the later `last_used` stays.
  virtual boost::asio::awaitable<bool> keep(std::string domain, policy::sts::Upkeep upkeep) = 0;

  /// Where a walk over due rows stands: the last row that it has seen.
  struct Cursor {
    policy::sts::Time refresh_at{};
    std::string domain;
  };
  /// The next rows whose refresh_at is not after `now`, the longest due first; one indexed read.
  virtual std::vector<policy::sts::CacheEntry> due(const Cursor& after, policy::sts::Time now, unsigned limit) = 0;
  /// When the next row is due; none: no row is.
  virtual std::optional<policy::sts::Time> next_due() = 0;
  /// A refresh time after `latest` was written under a wrong clock (OPS-14): those are due at `now`.
  virtual boost::asio::awaitable<bool> pull_in(policy::sts::Time now, policy::sts::Time latest) = 0;
  /// Drops some hundred rows that are past their expiry at `now`; above `most` rows, also those used longest ago, never
  /// one that is in use.
  virtual boost::asio::awaitable<bool> tidy(policy::sts::Time now, std::uint64_t most) = 0;
};

class ExemptionStore {
 public:
  virtual ~ExemptionStore() = default;
  /// All, also those that are over; by domain.
  virtual std::vector<Exemption> exemptions() = 0;
  virtual boost::asio::awaitable<bool> exempt(Exemption exemption) = 0;
  virtual boost::asio::awaitable<bool> end_exemption(std::string domain) = 0;
};

}  // namespace proxy
