// The writer thread: takes whatever waits as one transaction.
#include "proxy/store/sqlite_policy_store.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "proxy/runtime/log.hpp"

namespace proxy {
namespace {

constexpr std::size_t batch_limit = 256;

std::unique_ptr<PolicyWriter> prepared_writer(const std::string& file) {
  prepare_policy_database(file);
  return std::make_unique<PolicyWriter>(file);
}

}  // namespace

SqlitePolicyStore::SqlitePolicyStore(const std::string& file)
    : file_(file), writer_(prepared_writer(file)), reader_(file), thread_([this] { write_until_stopped(); }) {}

SqlitePolicyStore::~SqlitePolicyStore() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

std::optional<policy::sts::CacheEntry> SqlitePolicyStore::load(std::string_view domain) {
  return reader_.load(domain);
}

std::vector<policy::sts::CacheEntry> SqlitePolicyStore::load_all() {
  return reader_.load_all();
}

boost::asio::awaitable<bool> SqlitePolicyStore::save(policy::sts::CacheEntry entry) {
  Write write;
  write.entry = std::move(entry);
  return submit(std::move(write));
}

boost::asio::awaitable<bool> SqlitePolicyStore::remove(std::string domain) {
  Write write;
  write.entry.domain = std::move(domain);
  write.removes = true;
  return submit(std::move(write));
}

boost::asio::awaitable<bool> SqlitePolicyStore::submit(Write write) {
  auto initiate = [this](auto handler, Write handed_over) {
    handed_over.done = resume_on_its_executor<bool>(std::move(handler));
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(handed_over));
    }
    changed_.notify_one();
  };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(bool)>(
      std::move(initiate), boost::asio::use_awaitable, std::move(write));
}

void SqlitePolicyStore::write_later(std::function<void(sqlite::Connection&)> work) {
  Write write;
  write.other = std::move(work);
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(write));
  }
  changed_.notify_one();
}

void SqlitePolicyStore::write_until_stopped() {
  for (;;) {
    std::deque<Write> batch;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      while (!waiting_.empty() && batch.size() < batch_limit) {
        batch.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
    }
    const bool durable = commit(batch);
    for (auto& write : batch) {
      if (write.done) write.done(durable);
    }
  }
}

bool SqlitePolicyStore::commit(const std::deque<Write>& batch) {
  try {
    if (!writer_) writer_ = std::make_unique<PolicyWriter>(file_);
    writer_->begin();
    for (const auto& write : batch) {
      if (write.other) {
        write.other(writer_->connection());
      } else if (write.removes) {
        writer_->remove(write.entry.domain);
      } else {
        writer_->save(write.entry);
      }
    }
    writer_->commit();
    return true;
  } catch (const StoreError& error) {
    // What the kernel dropped after a failed fsync would look clean on this descriptor. Closing rolls the transaction
    // back.
    writer_.reset();
    log::Event(log::Level::error, "store_failed")
        .add("writes", static_cast<std::uint64_t>(batch.size()))
        .add("reason", error.what());
    return false;
  }
}

}  // namespace proxy
