// PolicyStore on SQLite: one writer thread with group commit, reads on a connection of their own. A write that fails is
// reported and the database opened anew; a failed fsync is never retried on the same descriptor. Nothing here decides
// what is stored.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "proxy/store/completion.hpp"
#include "proxy/store/policy_store.hpp"
#include "proxy/store/policy_table.hpp"

namespace proxy {

class SqlitePolicyStore : public PolicyStore, public ExemptionStore {
 public:
  /// Opens or makes the database; throws StoreError where it is not usable, and then has not changed it.
  explicit SqlitePolicyStore(const std::string& file);
  /// Writes what was handed over, then ends the writer. The io_contexts of all who saved or removed must still exist.
  ~SqlitePolicyStore() override;

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
  /// What the writer thread does, within its transaction.
  using Work = std::function<void(PolicyWriter&)>;
  struct Write {
    Work work;
    Completion<bool> done;
  };
  boost::asio::awaitable<bool> submit(Work work);
  void write_until_stopped();
  bool commit(const std::deque<Write>& batch);

  const std::string file_;
  std::unique_ptr<PolicyWriter> writer_;  ///< null after a failure, until it could be opened again; the writer thread's
  PolicyReader reader_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Write> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace proxy
