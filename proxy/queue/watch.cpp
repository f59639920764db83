// What every thread asks of the queue or tells it: how much is in it, whether there is room, which domains live again.
#include <sys/statvfs.h>

#include <algorithm>
#include <boost/asio/post.hpp>

#include "proxy/queue/queue.hpp"

namespace proxy {

namespace asio = boost::asio;

namespace {
constexpr std::uint64_t reserve = std::uint64_t{8} << 20;  // octets of disk that stay free, for what is settled
}  // namespace

// The domains that live traffic can wake; asked for each message, so that most of the time one look is enough.
void Queue::watch_failing(const std::string& domain) {
  const bool failing = agenda_.status(domain).failures > 0;
  const std::lock_guard lock(shared_);
  if (failing) {
    failing_.insert(domain);
  } else {
    failing_.erase(domain);
  }
  // A domain of which nothing is left is forgotten by the agenda, and has to be here: its name was a client's choice.
  if (failing_.size() >= failing_swept_at_) {
    std::erase_if(failing_, [this](const auto& one) { return agenda_.status(one).failures == 0; });
    failing_swept_at_ = std::max<std::size_t>(1024, 2 * failing_.size());
  }
  any_failing_.store(!failing_.empty(), std::memory_order_relaxed);
}

void Queue::delivered(const std::string& domain) {
  if (!any_failing_.load(std::memory_order_relaxed)) return;
  {
    const std::lock_guard lock(shared_);
    if (failing_.erase(domain) == 0) return;
    any_failing_.store(!failing_.empty(), std::memory_order_relaxed);
  }
  asio::post(parts_.control, [this, domain] {
    agenda_.alive(domain, parts_.now());
    wake();
  });
}

void Queue::count(const QueuedMessage& message) {
  const std::lock_guard lock(shared_);
  const auto add = [&](Counts& counts) {
    ++counts.messages;
    counts.octets += message.size;
  };
  add(counts_);
  if (!message.client.empty()) add(by_client_[message.client]);
}

void Queue::forget(const std::vector<Applied::Gone>& gone) {
  const std::lock_guard lock(shared_);
  for (const auto& message : gone) {
    --counts_.messages;
    counts_.octets -= message.size;
    const auto client = by_client_.find(message.client);
    if (client == by_client_.end()) continue;
    client->second.octets -= message.size;
    if (--client->second.messages == 0) by_client_.erase(client);
  }
}

Queue::Counts Queue::counts() const {
  const std::lock_guard lock(shared_);
  return counts_;
}

std::string Queue::refusal(const std::string& client, std::uint64_t size) const {
  const auto config = parts_.config();
  const auto& limits = config->queue;
  {
    const std::lock_guard lock(shared_);
    Counts mine;
    if (const auto found = by_client_.find(client); found != by_client_.end()) mine = found->second;
    if (counts_.messages >= limits.messages) return "[queue] messages";
    if (counts_.octets + size > limits.size) return "[queue] size";
    if (mine.messages >= limits.messages_per_client) return "[queue] messages_per_client";
    if (mine.octets + size > limits.size_per_client) return "[queue] size_per_client";
  }
  struct statvfs disk {};
  if (::statvfs(parts_.directory.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < size + reserve)
    return "the disk of the queue is full";
  return {};
}

}  // namespace proxy
