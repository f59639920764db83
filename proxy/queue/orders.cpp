// What an administrator orders for messages of the queue: written first, then brought into the agenda. A message that
// is being removed counts as in work until that is written, so that no attempt begins meanwhile.
#include "protocol/base/text.hpp"
#include "proxy/queue/queue.hpp"

namespace proxy {

bool Queue::is_in_work(const QueuedMessage& message) const {
  for (const auto& recipient : message.recipients) {
    if (working_.contains({message.number, recipient.rcpt.forward_path.domain})) return true;
  }
  return false;
}

awaitable<std::vector<Queue::Result>> Queue::obey(Order order, std::vector<std::string> ids) {
  std::vector<Result> results;
  std::vector<std::pair<std::size_t, QueuedMessage>> there, planned;  // with the place in `results`
  std::unordered_set<std::string> seen;
  for (auto& id : ids) {
    if (!seen.insert(id).second) continue;
    results.push_back({std::move(id)});
    const auto number = parts_.store.number_of(results.back().id);
    std::optional<QueuedMessage> message;
    if (number) message = parts_.store.load(*number, "");
    // One that no client was promised yet is its transaction's own.
    if (message && message->accepted) there.emplace_back(results.size() - 1, std::move(*message));
  }
  QueueChange change;
  for (auto& [place, message] : there) {
    results[place].how = plan(order, message, change);
    if (results[place].how == Obeyed::done) planned.emplace_back(place, std::move(message));
  }
  if (planned.empty()) co_return results;
  const auto applied = co_await parts_.store.apply(std::move(change));
  forget(applied.gone);
  drop_alarms(applied.gone);
  for (auto& [place, message] : planned) {
    if (!applied.durable) results[place].how = Obeyed::not_written;
    if (applied.durable && order == Order::hold && is_in_work(message)) results[place].how = Obeyed::done_but_in_work;
    carry_out(order, std::move(message), applied.durable);
  }
  wake();
  co_return results;
}

// What is to be written for one message. `done`: it will be done, once it is written.
Queue::Obeyed Queue::plan(Order order, const QueuedMessage& message, QueueChange& change) {
  switch (order) {
    case Order::retry:
      if (message.held) return Obeyed::held;
      for (auto recipient : message.recipients) {
        // An attempt that is under way says itself what comes next.
        if (working_.contains({message.number, recipient.rcpt.forward_path.domain})) continue;
        recipient.next_attempt = parts_.now();
        change.attempted.push_back({message.number, std::move(recipient)});
      }
      break;
    case Order::hold:
    case Order::release: {
      const bool held = order == Order::hold;
      if (message.held != held) change.hold.emplace_back(message.number, held);
      break;
    }
    case Order::remove:
      if (is_in_work(message)) return Obeyed::in_work;
      for (const auto& domain : domains_of(message)) working_.insert({message.number, domain});
      change.drop.push_back(message.number);
      break;
  }
  return Obeyed::done;
}

void Queue::carry_out(Order order, QueuedMessage message, bool durable) {
  const auto number = message.number;
  switch (order) {
    case Order::retry:  // also where the disk does not take it: the agenda knows it
      for (const auto& domain : domains_of(message)) {
        agenda_.kick(domain, parts_.now());
        watch_failing(domain);
      }
      break;
    case Order::hold: break;  // the agenda's units of it are dropped when their turn comes
    case Order::release:
      if (!durable || !message.held) break;
      unpark(message);
      break;
    case Order::remove:
      for (const auto& domain : domains_of(message)) working_.erase({number, domain});
      if (durable) {
        for (const auto& domain : domains_of(message)) parked_.erase({number, domain});
        log::Event(log::Level::warn, "removed").add("id", message.id).add("reason", "at an administrator's word");
      } else {
        unpark(message);  // what came up meanwhile was dropped
      }
      break;
  }
}

}  // namespace proxy
