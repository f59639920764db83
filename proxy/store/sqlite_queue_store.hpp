// QueueStore on SQLite: one writer thread with group commit, reads on a connection of their own.
#pragma once

#include <atomic>
#include <string>

#include "proxy/store/group_commit.hpp"
#include "proxy/store/queue_table.hpp"

namespace proxy {

class SqliteQueueStore : public QueueStore {
 public:
  /// Opens or makes the queue of a state directory that this process holds; throws StoreError where it is not usable,
  /// and then has not changed it.
  explicit SqliteQueueStore(const std::string& state_dir);

  std::int64_t next_number() override { return ++last_number_; }
  boost::asio::awaitable<Applied> apply(QueueChange change) override;
  std::optional<QueuedMessage> load(std::int64_t number, std::string_view domain) override;
  std::shared_ptr<const Octets> octets(const QueuedMessage& message) override;
  std::optional<std::int64_t> number_of(std::string_view id) override;
  void walk(const std::function<bool(QueuedMessage)>& each) override;

 private:
  GroupCommit<QueueWriter> writes_;
  QueueReader reader_;
  std::atomic<std::int64_t> last_number_;
};

}  // namespace proxy
