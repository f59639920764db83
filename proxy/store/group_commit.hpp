// One writer thread that takes whatever waits as one transaction. A transaction that fails is reported to everyone in
// it, and the database opened anew: a failed fsync is never retried on the same descriptor.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "proxy/runtime/log.hpp"
#include "proxy/store/completion.hpp"
#include "proxy/store/policy_store.hpp"

namespace proxy {

/// `Writer` has begin() and commit(), and throws StoreError.
template <class Writer>
class GroupCommit {
 public:
  using Work = std::function<void(Writer&)>;
  using Open = std::function<std::unique_ptr<Writer>()>;

  explicit GroupCommit(Open open) : open_(std::move(open)), writer_(open_()), thread_([this] { run(); }) {}
  /// Writes what was handed over, then ends the writer. The io_contexts of all who submitted must still exist.
  ~GroupCommit() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  /// Completes when the work is durable (true), or was rolled back (false, logged).
  boost::asio::awaitable<bool> submit(Work work) {
    auto initiate = [this](auto handler, Work handed_over) {
      hand_over({std::move(handed_over), resume_on_its_executor<bool>(std::move(handler))});
    };
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(bool)>(
        std::move(initiate), boost::asio::use_awaitable, std::move(work));
  }
  /// From any thread. Nobody is told when it fails, but the log.
  void later(Work work) { hand_over({std::move(work), nullptr}); }

 private:
  static constexpr std::size_t batch_limit = 256;
  struct Write {
    Work work;
    Completion<bool> done;
  };

  void hand_over(Write write) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(write));
    }
    changed_.notify_one();
  }

  void run() {
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

  bool commit(const std::deque<Write>& batch) {
    try {
      if (!writer_) writer_ = open_();
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

  Open open_;
  std::unique_ptr<Writer> writer_;  // null after a failure, until it could be opened again; the thread's
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Write> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace proxy
