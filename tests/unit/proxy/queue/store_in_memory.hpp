// A QueueStore in memory that a test can let fail, and that says each change that became durable, in order. It keeps
// nothing beyond its own life and knows no rule of the queue.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <map>

#include "proxy/store/completion.hpp"
#include "proxy/store/queue_store.hpp"

namespace test {

class StoreInMemory final : public proxy::QueueStore {
 public:
  struct Entry {
    proxy::QueuedMessage message;
    std::shared_ptr<const proxy::Octets> octets;
  };

  bool can_read = true, can_read_octets = true;
  std::map<std::int64_t, Entry> entries;
  /// Called when a change has become durable, with the entries as they were before it.
  std::function<void(const proxy::QueueChange&)> on_durable;

  std::int64_t next_number() override { return ++last_; }

  /// Waits until write() comes to it.
  boost::asio::awaitable<proxy::Applied> apply(proxy::QueueChange change) override {
    auto initiate = [this](auto handler, proxy::QueueChange handed_over) {
      waiting_.push_back({std::move(handed_over), proxy::resume_on_its_executor<proxy::Applied>(std::move(handler))});
    };
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<>&, void(proxy::Applied)>(
        std::move(initiate), boost::asio::use_awaitable, std::move(change));
  }

  std::size_t waiting() const { return waiting_.size(); }
  /// The oldest change that waits. `durable`: it is done. `tell`: whoever waits learns what became of it; else they
  /// learn that it failed, as a program does that is killed between the two.
  void write(bool durable, bool tell = true) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    proxy::Applied applied;
    if (durable) {
      if (on_durable) on_durable(next.change);
      take(next.change, applied.gone);
      applied.durable = tell;
      if (!tell) applied.gone.clear();
    }
    next.done(std::move(applied));
  }
  /// As at the start of the program.
  void clear_unpromised() {
    std::erase_if(entries, [](const auto& one) { return !one.second.message.accepted; });
  }

  std::optional<proxy::QueuedMessage> load(std::int64_t number, std::string_view domain) override {
    if (!can_read) throw proxy::StoreError("cannot be read for now");
    const auto found = entries.find(number);
    if (found == entries.end()) return std::nullopt;
    auto message = found->second.message;
    if (!domain.empty())
      std::erase_if(message.recipients, [&](const auto& one) { return one.rcpt.forward_path.domain != domain; });
    return message;
  }
  std::shared_ptr<const proxy::Octets> octets(const proxy::QueuedMessage& message) override {
    if (!can_read_octets) throw proxy::StoreError("its octets cannot be read for now");
    const auto found = entries.find(message.number);
    return found == entries.end() ? nullptr : found->second.octets;
  }
  std::optional<std::int64_t> number_of(std::string_view id) override {
    if (!can_read) throw proxy::StoreError("cannot be read for now");
    for (const auto& [number, entry] : entries) {
      if (entry.message.id == id) return number;
    }
    return std::nullopt;
  }
  void walk(const std::function<bool(proxy::QueuedMessage)>& each) override {
    for (const auto& [number, entry] : entries) {
      if (entry.message.accepted && !each(entry.message)) return;
    }
  }

 private:
  struct Waiting {
    proxy::QueueChange change;
    proxy::Completion<proxy::Applied> done;
  };

  void remove(std::int64_t number, std::vector<proxy::Applied::Gone>& gone) {
    const auto found = entries.find(number);
    if (found == entries.end()) return;
    const auto& message = found->second.message;
    gone.push_back({message.client, message.size, number, message.expires, message.warn_at});
    entries.erase(found);
  }
  void take(const proxy::QueueChange& change, std::vector<proxy::Applied::Gone>& gone) {
    for (const auto& made : change.add) entries[made.message.number] = {made.message, made.octets};
    for (const auto& done : change.done) {
      const auto found = entries.find(done.message);
      if (found == entries.end()) continue;
      auto& left = found->second.message.recipients;
      for (const auto number : done.numbers) std::erase_if(left, [&](const auto& one) { return one.number == number; });
      if (left.empty()) remove(done.message, gone);
    }
    for (const auto& one : change.attempted) {
      const auto found = entries.find(one.message);
      if (found == entries.end()) continue;
      for (auto& recipient : found->second.message.recipients) {
        if (recipient.number == one.recipient.number) recipient = one.recipient;
      }
    }
    const auto each = [&](const auto& numbers, auto what) {
      for (const auto number : numbers) {
        if (const auto found = entries.find(number); found != entries.end()) what(found->second.message);
      }
    };
    each(change.accept, [](auto& message) { message.accepted = true; });
    each(change.warned, [](auto& message) { message.warn_at.reset(); });
    for (const auto number : change.drop) remove(number, gone);
    for (const auto& [number, held] : change.hold)
      each(std::vector{number}, [held = held](auto& message) { message.held = held; });
  }

  std::int64_t last_ = 0;
  std::deque<Waiting> waiting_;
};

}  // namespace test
