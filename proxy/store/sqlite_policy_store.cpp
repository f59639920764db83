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

std::vector<policy::sts::CacheEntry> SqlitePolicyStore::due(const Cursor& after, policy::sts::Time now,
                                                            unsigned limit) {
  return reader_.due(after, now, limit);
}

std::optional<policy::sts::Time> SqlitePolicyStore::next_due() {
  return reader_.next_due();
}

std::vector<Exemption> SqlitePolicyStore::exemptions() {
  return reader_.exemptions();
}

boost::asio::awaitable<bool> SqlitePolicyStore::save(policy::sts::CacheEntry entry) {
  return submit([entry = std::move(entry)](PolicyWriter& writer) { writer.save(entry); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::remove(std::string domain) {
  return submit([domain = std::move(domain)](PolicyWriter& writer) { writer.remove(domain); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::used(std::string domain, policy::sts::Time now) {
  return submit([domain = std::move(domain), now](PolicyWriter& writer) { writer.used(domain, now); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::keep(std::string domain, policy::sts::Upkeep upkeep) {
  return submit(
      [domain = std::move(domain), upkeep = std::move(upkeep)](PolicyWriter& writer) { writer.keep(domain, upkeep); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::pull_in(policy::sts::Time now, policy::sts::Time latest) {
  return submit([now, latest](PolicyWriter& writer) { writer.pull_in(now, latest); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::tidy(policy::sts::Time now, std::uint64_t most) {
  return submit([now, most](PolicyWriter& writer) { writer.tidy(now, most); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::exempt(Exemption exemption) {
  return submit([exemption = std::move(exemption)](PolicyWriter& writer) { writer.exempt(exemption); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::end_exemption(std::string domain) {
  return submit([domain = std::move(domain)](PolicyWriter& writer) { writer.end_exemption(domain); });
}

boost::asio::awaitable<bool> SqlitePolicyStore::submit(Work work) {
  auto initiate = [this](auto handler, Work handed_over) {
    Write write{std::move(handed_over), resume_on_its_executor<bool>(std::move(handler))};
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(write));
    }
    changed_.notify_one();
  };
  return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(bool)>(
      std::move(initiate), boost::asio::use_awaitable, std::move(work));
}

void SqlitePolicyStore::write_later(std::function<void(sqlite::Connection&)> work) {
  Write write;
  write.work = [work = std::move(work)](PolicyWriter& writer) { work(writer.connection()); };
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
    for (const auto& write : batch) write.work(*writer_);
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
