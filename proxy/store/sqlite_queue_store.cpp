// What is written goes to the writer thread; what is read is read at once.
#include "proxy/store/sqlite_queue_store.hpp"

namespace proxy {
namespace {

GroupCommit<QueueWriter>::Open prepared(const std::string& state_dir) {
  prepare_queue(state_dir);
  return [state_dir] { return std::make_unique<QueueWriter>(state_dir); };
}

}  // namespace

SqliteQueueStore::SqliteQueueStore(const std::string& state_dir)
    : writes_(prepared(state_dir)), reader_(state_dir), last_number_(reader_.last_number()) {}

boost::asio::awaitable<Applied> SqliteQueueStore::apply(QueueChange change) {
  const auto applied = std::make_shared<Applied>();
  const auto shared = std::make_shared<const QueueChange>(std::move(change));
  GroupCommit<QueueWriter>::Work work = [shared, applied](QueueWriter& writer) {
    applied->durable = writer.apply(*shared, applied->gone);
  };
  const bool durable = co_await writes_.submit(std::move(work));
  applied->durable = durable && applied->durable;
  co_return std::move(*applied);
}

std::optional<QueuedMessage> SqliteQueueStore::load(std::int64_t number, std::string_view domain) {
  return reader_.load(number, domain);
}

std::shared_ptr<const Octets> SqliteQueueStore::octets(const QueuedMessage& message) {
  return reader_.octets(message);
}

std::optional<std::int64_t> SqliteQueueStore::number_of(std::string_view id) {
  return reader_.number_of(id);
}

void SqliteQueueStore::walk(const std::function<bool(QueuedMessage)>& each) {
  reader_.walk(each);
}

}  // namespace proxy
