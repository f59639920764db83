// The end of the message in a transaction that may be queued: who has it, who waits, what is promised.
#include <algorithm>

#include "policy/reply.hpp"
#include "proxy/runtime/metrics.hpp"
#include "proxy/transaction/queued.hpp"

namespace proxy::queued {

namespace {

awaitable<Verdict> send(GroupPtr group, std::string field, std::shared_ptr<const Octets> octets,
                        smtp::ContentFacts content) {
  auto verdict = co_await send_held(*group->delivery, std::move(field), *octets, content);
  co_return verdict;
}

}  // namespace

void Queued::abandon() {
  for (auto& group : groups_) {
    if (!group->given_up) group->delivery->abandon();
  }
  groups_.clear();
}

awaitable<std::vector<smtp::Reply>> Queued::finish() {
  const auto nobody = [&](smtp::Reply reply) {
    abandon();
    return std::vector<smtp::Reply>(lmtp_ ? accepted_ : 1, reply);
  };
  if (!stored_) co_return nobody(policy::reply::no_room("the message cannot be held"));
  bool some_wait = false, some_are_asked = false;
  for (const auto& group : groups_) {
    some_wait = some_wait || !group->deferred.empty();
    some_are_asked = some_are_asked || !group->accepted.empty();
  }
  if (some_wait) {
    // What is needed is known before any host has the message: then nobody gets it twice because of a full disk.
    if (const auto limit = queue_.refusal(origin_.client_address, spool_->size()); !limit.empty()) {
      log_refusal(limit);
      co_return nobody(policy::reply::no_room(limit));
    }
    if (some_are_asked) {
      const bool written = co_await write_who_waits();
      if (!written) co_return nobody(policy::reply::no_room("the queue cannot be written"));
    }
  }
  co_await send_to_all();
  auto answers = co_await answer();
  co_return answers;
}

// All recipients, not promised yet.
awaitable<bool> Queued::write_who_waits() {
  number_ = queue_.next_number();
  QueueChange change;
  QueueChange::New made{message_row(), spool_};
  made.message.accepted = false;
  for (const auto& group : groups_) {
    for (const auto* places : {&group->accepted, &group->deferred}) {
      for (const auto& place : *places) {
        QueuedRecipient one;
        one.number = static_cast<std::uint32_t>(place.index);
        one.rcpt = place.rcpt;
        one.next_attempt = made.message.received;
        made.message.recipients.push_back(std::move(one));
      }
    }
  }
  change.add.push_back(std::move(made));
  written_ = co_await queue_.take(std::move(change));
  co_return written_;
}

awaitable<void> Queued::send_to_all() {
  const auto line = field();
  for (auto& group : groups_) {
    if (group->accepted.empty()) continue;
    sent_.push_back({group, Task<Verdict>::start(environment_.executor, send(group, line, spool_, content_)), {}});
  }
  const auto latest = std::chrono::steady_clock::now() + patience_;
  for (auto& sent : sent_) {
    // Where nothing can be stored, the client waits as it does for a reply listener.
    const auto until = queue_.can_store() ? latest : std::chrono::steady_clock::time_point::max();
    const bool ended = co_await sent.task.ended(until);
    if (ended) sent.verdict = co_await sent.task.join();
  }
}

// What has become of each recipient so far.
Queued::Sum Queued::sum_up() {
  Sum sum;
  sum.by_place.resize(accepted_);
  const auto config = environment_.config();
  const auto now = std::chrono::system_clock::now();
  // One chance for all: what waits together is tried together.
  const double chance = std::uniform_real_distribution<>(0, 1)(environment_.random);
  const auto keep = [&](const Place& place, const Verdict* why, bool at_once) {
    QueuedRecipient one;
    one.number = static_cast<std::uint32_t>(place.index);
    one.rcpt = place.rcpt;
    one.attempts = at_once ? 0 : 1;
    one.next_attempt = at_once ? now : now + policy::queue::pause(config->queue.retry, 1, chance);
    if (why != nullptr) {
      one.reason = smtp::on_one_line(why->reply, policy::reply::text_limit);
      one.host = why->host;
    }
    if (sum.reason.empty()) sum.reason = one.reason;
    sum.left.push_back(std::move(one));
  };
  for (const auto& group : groups_) {
    const auto& waivable = group->delivery->waivable_deferral();
    // The header has come, and counts: the queue tries it at once, and says in its log what it does not apply.
    const bool waived = waived_ && !group->given_up && waivable;
    if (!waived && !group->given_up && waivable) group->delivery->keep_deferral();
    for (std::size_t i = 0; i < group->deferred.size(); ++i)
      keep(group->deferred[i], &group->reasons[i], group->at_once || waived);
  }
  for (const auto& sent : sent_) {
    if (!sent.verdict) sum.in_hand.push_back({0, sent.group->target.domain});
    for (const auto& place : sent.group->accepted) {
      if (!sent.verdict || sent.verdict->reply.kind() == 4) {
        keep(place, sent.verdict ? &*sent.verdict : nullptr, false);
        continue;
      }
      const bool taken = sent.verdict->reply.positive();
      sum.by_place[place.index] = sent.verdict->reply;
      sum.gone.push_back(static_cast<std::uint32_t>(place.index));
      sum.some_taken = sum.some_taken || taken;
      // RFC 2033 §4.2: after LHLO its own reply tells of a failure.
      if (!taken && lmtp_) continue;
      sum.ended.push_back(place.rcpt);
      sum.ends.push_back(*sent.verdict);
    }
  }
  return sum;
}

// What has to be written before the client may read 250; nothing where every host took the message.
QueueChange Queued::change_for(Sum& sum) {
  QueueChange change;
  const auto config = environment_.config();
  auto row = message_row();
  if (!sum.left.empty() && !number_) number_ = queue_.next_number();
  row.number = number_.value_or(0);
  for (auto& unit : sum.in_hand) unit.message = row.number;
  if (sum.left.empty()) {
    if (written_) change.drop.push_back(row.number);
  } else if (written_) {
    change.done.push_back({row.number, sum.gone});
    for (const auto& one : sum.left) change.attempted.push_back({row.number, one});
    change.accept.push_back(row.number);
  } else {
    row.recipients = sum.left;
    change.add.push_back({row, spool_});
  }
  auto about = owed(row, sum.ended, sum.ends);
  for (auto& one : about) one.last_attempt = row.received;
  auto report =
      report_on(*config, row, spool_.get(), std::move(about), queue_.next_number(), row.received, environment_.random);
  if (report) change.add.push_back(std::move(*report));
  return change;
}

awaitable<bool> Queued::promise(Sum& sum) {
  if (!sum.left.empty() && !written_) {
    if (const auto limit = queue_.refusal(origin_.client_address, spool_->size()); !limit.empty()) {
      log_refusal(limit);
      co_return false;
    }
  }
  auto change = change_for(sum);
  if (change.add.empty() && change.drop.empty() && change.accept.empty()) co_return true;
  auto in_hand = sum.in_hand;
  const bool durable = co_await queue_.take(std::move(change), std::move(in_hand));
  if (!durable && written_) {
    QueueChange drop;
    drop.drop.push_back(*number_);
    static_cast<void>(co_await queue_.take(std::move(drop)));
  }
  co_return durable;
}

awaitable<std::vector<smtp::Reply>> Queued::answer() {
  auto sum = sum_up();
  const auto refused = [](const auto& end) { return end.reply.kind() == 5; };
  const bool owes_refusal = std::any_of(sum.ends.begin(), sum.ends.end(), refused);
  const bool all_refused = sum.left.empty() && !sum.some_taken;
  bool promised = true;
  if (!all_refused) promised = co_await promise(sum);
  smtp::Reply reply;
  if (all_refused) {
    // SMTP-60: every host has refused it. Nothing was written, and the client tells its user.
    if (!sum.ends.empty()) reply = sum.ends.front().reply;
  } else if (!promised && (!sum.left.empty() || owes_refusal)) {
    // SMTP-40: no promise that is not kept. Whoever took the message may get it once more.
    reply = policy::reply::no_room(sum.some_taken ? "the queue cannot be written; some recipients have the message"
                                                  : "the queue cannot be written");
    if (!sum.some_taken && sent_.size() == 1 && sent_.front().verdict && sum.ends.empty())
      reply = sent_.front().verdict->reply;
  } else if (!sum.left.empty()) {
    log::Event(log::Level::info, "queued")
        .add("id", id_)
        .add("recipients", static_cast<std::int64_t>(sum.left.size()))
        .add("size", static_cast<std::uint64_t>(spool_->size()))
        .add("client", origin_.client_address)
        .add("reason", sum.reason);
    metrics::all.queue.taken.add();
    reply = {250, "2.0.0", "taken, queued as " + id_};
    if (!sum.reason.empty()) reply.text = policy::reply::bounded(reply.text + ", for now: " + sum.reason);
    auto row = message_row();
    row.recipients = sum.left;
    for (auto& sent : sent_) {
      if (!sent.verdict) wait_for(sent, row);
    }
  } else {
    reply = sent_.size() == 1 ? sent_.front().verdict->reply : smtp::Reply{250, "2.0.0", "delivered"};
  }
  if (!lmtp_) sum.by_place.assign(1, reply);
  for (auto& one : sum.by_place) {
    if (one.code == 0) one = reply;
  }
  co_return std::move(sum.by_place);
}

void Queued::log_refusal(const std::string& limit) const {
  metrics::all.queue.refused.add();
  log::Event(log::Level::warn, "queue_refused")
      .add("id", id_)
      .add("client", origin_.client_address)
      .add("reason", limit);
}

/// Behind the client's back: the end of what is under way, and its settlement.
void Queued::wait_for(Sent& sent, const QueuedMessage& row) {
  QueuedMessage part = row;
  part.recipients.clear();
  for (const auto& place : sent.group->accepted) {
    for (const auto& one : row.recipients) {
      if (one.number == place.index) part.recipients.push_back(one);
    }
  }
  // This attempt is the one that counts.
  for (auto& one : part.recipients) one.attempts = 0;
  auto work = [](Queue& queue, Task<Verdict> task, QueuedMessage message, std::shared_ptr<const Octets> octets,
                 std::shared_ptr<const Queue::InHand> counted) -> awaitable<void> {
    const auto verdict = co_await task.join();
    GroupVerdict group;
    group.recipients.assign(message.recipients.size(), verdict);
    queue.settle(std::move(message), std::move(octets), std::move(group));
    counted.reset();
  };
  auto counted = std::make_shared<const Queue::InHand>(queue_);
  spawn(environment_.executor, work(queue_, sent.task, std::move(part), spool_, std::move(counted)), "slow host");
}

}  // namespace proxy::queued
