// Which messages of the queue a command is about, and reading them beside a running relay, one page after the other: a
// listing that nobody reads on holds nothing up, and a million messages are never in memory. Writes nothing.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "proxy/store/queue_store.hpp"

namespace proxy {

/// All that is given must hold. Addresses are compared without case, with or without their brackets.
struct QueueFilter {
  std::optional<std::string> sender{};     ///< "<>" for reports; "@example.com": every sender of that domain
  std::optional<std::string> recipient{};  ///< one of the message's
  std::optional<std::string> domain{};     ///< of one of its recipients

  bool empty() const { return !sender && !recipient && !domain; }
};

bool matches(const QueueFilter& filter, const QueuedMessage& message);
bool matches(const QueueFilter& filter, const QueuedRecipient& recipient);

/// Each message that matches, by age, until `each` says false. No queue: none. Throws StoreError. Never while the
/// process has the queue open otherwise (is_queue_database).
void each_queued(const std::string& state_dir, const QueueFilter& filter,
                 const std::function<bool(QueuedMessage)>& each);

}  // namespace proxy
