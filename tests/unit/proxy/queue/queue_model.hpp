// What must hold of the queue whatever happens, told by what it hands to hosts and what it makes durable. It knows
// nothing of how the queue does it; each breach becomes a line in `faults`.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "policy/queue/notice.hpp"
#include "proxy/outbound/whole_message.hpp"
#include "tests/unit/proxy/queue/store_in_memory.hpp"

namespace test {

class QueueModel {
 public:
  enum class End { none, delivered, failed, removed };
  struct Recipient {
    smtp::Rcpt rcpt;
    End end = End::none;
    bool in_work = false;
    std::optional<proxy::Verdict> verdict{};  // of the attempt that is in work
    std::uint64_t planned = 0;                // when its next attempt was last planned, in events
  };
  struct Message {
    smtp::Path sender;
    proxy::QueueTime expires;
    bool warned = false, is_report = false;
    std::map<std::uint32_t, Recipient> recipients{};
  };
  using Reported = std::set<std::pair<std::string, std::string>>;  // address and action

  std::vector<std::string> faults;
  std::map<std::int64_t, Message> messages;
  /// What the test itself is sending when it is taken: message and domain.
  std::set<std::pair<std::int64_t, std::string>> in_hand;
  std::size_t attempts = 0, ends = 0, reports = 0;

  explicit QueueModel(StoreInMemory& store) : store_(store) {
    store.on_durable = [this](const proxy::QueueChange& change) { durable(change); };
  }

  // ---- why something may be tried before its time
  void excuse(const std::string& domain) { excused_[domain] = ++events_; }
  void excuse_all() { all_excused_ = ++events_; }

  /// A host is handed these.
  void attempt(const proxy::QueuedMessage& message, const std::string& domain, proxy::QueueTime now) {
    ++attempts;
    const auto where = "message " + std::to_string(message.number) + " at " + domain;
    const auto known = messages.find(message.number);
    if (known == messages.end()) return fault(where + " is tried and was never taken");
    const auto stored = store_.entries.find(message.number);
    if (stored == store_.entries.end()) return fault(where + " is tried and is not in the store");
    if (!stored->second.message.accepted) fault(where + " is tried and was not promised");
    if (stored->second.message.held) fault(where + " is tried and is held");
    auto due = proxy::QueueTime::max();
    std::uint64_t planned = 0;
    for (const auto& one : message.recipients) {
      auto& recipient = known->second.recipients.at(one.number);
      if (one.rcpt.forward_path.domain != domain) fault(where + ": a recipient of another domain");
      if (recipient.end != End::none) fault(where + " is tried after its end");
      if (recipient.in_work) fault(where + " is tried twice at the same time");
      recipient.in_work = true;
      recipient.verdict.reset();
      due = std::min(due, one.next_attempt);
      planned = std::max(planned, recipient.planned);
    }
    // No pause is that long: it was planned before the clock was put back, and written after it.
    const bool of_another_clock = due - now > std::chrono::minutes(10);
    const bool excused =
        std::max(excused_[domain], all_excused_) > planned || known->second.expires <= now || of_another_clock;
    if (due > now && !excused)
      fault(where + " is tried before its time, planned at " + std::to_string(planned) + ", excused at " +
            std::to_string(excused_[domain]) + " and " + std::to_string(all_excused_) + ", due in " +
            std::to_string((due - now) / std::chrono::seconds(1)));
  }
  /// What the host says to a recipient, before the queue learns it.
  void answer(std::int64_t message, std::uint32_t number, const proxy::Verdict& verdict) {
    messages.at(message).recipients.at(number).verdict = verdict;
  }
  /// The program was killed: what was in work waits again.
  void forget_work() {
    for (auto& [number, message] : messages) {
      for (auto& [index, recipient] : message.recipients) {
        recipient.in_work = false;
        recipient.verdict.reset();
        recipient.planned = ++events_;
      }
    }
    for (auto one = messages.begin(); one != messages.end();) {
      const bool unpromised = !store_.entries.contains(one->first) && !ended(one->second);
      one = unpromised ? messages.erase(one) : std::next(one);
    }
  }
  /// Each that has not ended is in the store, and nothing else is.
  void compare() {
    for (const auto& [number, message] : messages) {
      const auto stored = store_.entries.find(number);
      for (const auto& [index, recipient] : message.recipients) {
        bool is_there = false;
        if (stored != store_.entries.end()) {
          for (const auto& one : stored->second.message.recipients) is_there = is_there || one.number == index;
        }
        if (is_there != (recipient.end == End::none))
          fault("message " + std::to_string(number) + (is_there ? " is there after its end" : " is lost"));
      }
    }
    for (const auto& [number, entry] : store_.entries) {
      if (!messages.contains(number)) fault("message " + std::to_string(number) + " came from nowhere");
    }
  }

 private:
  static bool ended(const Message& message) {
    for (const auto& [number, recipient] : message.recipients) {
      if (recipient.end != End::none) return true;
    }
    return false;
  }

  void fault(std::string words) { faults.push_back(std::move(words)); }

  void durable(const proxy::QueueChange& change) {
    Reported due, optional;
    for (const auto& done : change.done) end(done, due);
    for (const auto& one : change.attempted) plan(one);
    for (const auto number : change.warned) warned(number, due, optional);
    for (const auto number : change.accept) {
      for (auto& [index, recipient] : messages.at(number).recipients) recipient.planned = ++events_;
    }
    for (const auto number : change.drop) {
      if (!store_.entries.contains(number)) continue;
      for (auto& [index, recipient] : messages.at(number).recipients) {
        if (recipient.in_work && store_.entries.at(number).message.accepted) fault("removed while in work");
        recipient.end = End::removed;
        ++ends;
      }
    }
    Reported told;
    for (const auto& made : change.add) {
      if (made.message.mail.reverse_path.null() && made.message.client.empty()) {
        ++reports;
        told.merge(read(made));
      }
      take(made.message);
    }
    for (const auto& [address, action] : due) {
      if (!told.contains({address, action})) fault("no report that " + address + " is " + action);
    }
    for (const auto& [address, action] : told) {
      if (!due.contains({address, action}) && !optional.contains({address, action}))
        fault("a report that " + address + " is " + action + ", for which nobody asked");
    }
  }

  void take(const proxy::QueuedMessage& message) {
    if (messages.contains(message.number)) return fault("a number is given twice");
    auto& made = messages[message.number];
    made.sender = message.mail.reverse_path;
    made.expires = message.expires;
    made.is_report = message.client.empty();
    for (const auto& one : message.recipients) made.recipients[one.number] = {.rcpt = one.rcpt, .planned = ++events_};
    for (const auto& [number, domain] : in_hand) {
      if (number != message.number) continue;
      for (auto& [index, recipient] : made.recipients) {
        if (recipient.rcpt.forward_path.domain == domain) recipient.in_work = true;
      }
    }
  }

  void end(const proxy::QueueChange::Recipients& done, Reported& due) {
    auto& message = messages.at(done.message);
    for (const auto number : done.numbers) {
      auto& recipient = message.recipients.at(number);
      if (recipient.end != End::none) fault("a recipient ends twice");
      if (!recipient.in_work || !recipient.verdict) {
        fault("a recipient ends without an answer");
        continue;
      }
      using policy::queue::Event;
      const bool positive = recipient.verdict->reply.positive();
      const auto is_due = [&](Event event) {
        return policy::queue::is_due(event, recipient.rcpt.notify, message.sender.null());
      };
      const auto& address = recipient.rcpt.forward_path.address;
      if (!positive && is_due(Event::failed)) due.emplace(address, "failed");
      if (positive && !recipient.verdict->notices_taken_over && is_due(Event::relayed)) due.emplace(address, "relayed");
      recipient.end = positive ? End::delivered : End::failed;
      recipient.in_work = false;
      ++ends;
    }
  }

  void plan(const proxy::QueueChange::Attempted& one) {
    auto& recipient = messages.at(one.message).recipients.at(one.recipient.number);
    if (recipient.end != End::none) return;
    recipient.planned = ++events_;
    if (!recipient.in_work || !was_tried(one)) return;  // an administrator's retry may become durable meanwhile
    recipient.in_work = false;
    recipient.verdict.reset();
  }
  bool was_tried(const proxy::QueueChange::Attempted& one) const {
    const auto stored = store_.entries.find(one.message);
    if (stored == store_.entries.end()) return true;
    for (const auto& before : stored->second.message.recipients) {
      if (before.number == one.recipient.number) return one.recipient.attempts > before.attempts;
    }
    return true;
  }

  // Who has ended since the warning was written may be in it.
  void warned(std::int64_t number, Reported& due, Reported& optional) {
    auto& message = messages.at(number);
    bool some = false;
    for (const auto& [index, recipient] : message.recipients) {
      if (!policy::queue::is_due(policy::queue::Event::delayed, recipient.rcpt.notify, message.sender.null())) continue;
      const std::pair<std::string, std::string> told{recipient.rcpt.forward_path.address, "delayed"};
      (recipient.end == End::none ? due : optional).insert(told);
      some = true;
    }
    if (some && message.warned) fault("a second warning of a delay");
    message.warned = true;
  }

  static Reported read(const proxy::QueueChange::New& made) {
    std::string text(made.octets->size(), '\0');
    text.resize(made.octets->read(0, text));
    Reported told;
    const std::string recipient = "Final-Recipient: rfc822;", action = "\r\nAction: ";
    for (auto at = text.find(recipient); at != std::string::npos; at = text.find(recipient, at + 1)) {
      const auto begin = at + recipient.size(), end = text.find("\r\n", begin);
      const auto what = text.find(action, end) + action.size();
      told.emplace(text.substr(begin, end - begin), text.substr(what, text.find("\r\n", what) - what));
    }
    return told;
  }

  StoreInMemory& store_;
  std::uint64_t events_ = 0, all_excused_ = 0;
  std::map<std::string, std::uint64_t> excused_;
};

}  // namespace test
