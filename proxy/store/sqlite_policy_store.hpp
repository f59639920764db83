// PolicyStore on SQLite: one writer thread with group commit, reads on a connection of their own. A write that fails is
// reported and the database opened anew; a failed fsync is never retried on the same descriptor. Nothing here decides
// what is stored.
#pragma once

#include <functional>
#include <string>

#include "proxy/store/group_commit.hpp"
#include "proxy/store/policy_store.hpp"
#include "proxy/store/policy_table.hpp"

namespace proxy {

class SqlitePolicyStore : public PolicyStore, public ExemptionStore {
 public:
  /// Opens or makes the database; throws StoreError where it is not usable, and then has not changed it.
  explicit SqlitePolicyStore(const std::string& file);

  std::optional<policy::sts::CacheEntry> load(std::string_view domain) override;
  std::vector<policy::sts::CacheEntry> load_all() override;
  boost::asio::awaitable<bool> save(policy::sts::CacheEntry entry) override;
  boost::asio::awaitable<bool> remove(std::string domain) override;
  /// From any thread: `work` runs on the writer thread, in the next transaction. Nobody is told when it fails, but the
  /// log.
  void write_later(std::function<void(sqlite::Connection&)> work);
  boost::asio::awaitable<bool> used(std::string domain, policy::sts::Time now) override;
  boost::asio::awaitable<bool> keep(std::string domain, policy::sts::Upkeep upkeep) override;
  std::vector<policy::sts::CacheEntry> due(const Cursor& after, policy::sts::Time now, unsigned limit) override;
  std::optional<policy::sts::Time> next_due() override;
  boost::asio::awaitable<bool> pull_in(policy::sts::Time now, policy::sts::Time latest) override;
  boost::asio::awaitable<bool> tidy(policy::sts::Time now, std::uint64_t most) override;

  std::vector<Exemption> exemptions() override;
  boost::asio::awaitable<bool> exempt(Exemption exemption) override;
  boost::asio::awaitable<bool> end_exemption(std::string domain) override;

 private:
  GroupCommit<PolicyWriter> writes_;
  PolicyReader reader_;
};

}  // namespace proxy
