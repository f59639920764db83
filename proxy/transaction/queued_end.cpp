// The end of the message in a transaction that may be queued: who has it, who waits, what is promised.
#include <algorithm>

#include "policy/reply.hpp"
#include "protocol/base/text.hpp"
#include "proxy/transaction/queued.hpp"

namespace proxy::queued {

namespace {

awaitable<Verdict> send(GroupPtr group, std::string field, std::shared_ptr<const Octets> octets, bool eight_bit) {
  auto verdict = co_await send_held(*group->delivery, std::move(field), *octets, eight_bit);
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
    some_are_asked = some_are_asked || group->waits;
  }
  if (some_wait) {
    // What is needed is known before any host has the message: then nobody gets it twice because of a full disk.
    if (const auto limit = queue_.refusal(origin_.client_address, spool_->size()); !limit.empty()) {
      log::Event(log::Level::warn, "queue_refused")
          .add("id", id_)
          .add("client", origin_.client_address)
          .add("reason", limit);
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
    if (!group->waits) continue;
    sent_.push_back({group, Task<Verdict>::start(environment_.executor, send(group, line, spool_, eight_bit_)), {}});
  }
  const auto latest = std::chrono::steady_clock::now() + patience_;
  for (auto& sent : sent_) {
    // Where nothing can be stored, the client waits as it does for a reply listener.
    const auto until = queue_.can_store() ? latest : std::chrono::steady_clock::time_point::max();
    const bool ended = co_await sent.task.ended(until);
    if (ended) sent.verdict = co_await sent.task.join();
  }
}

awaitable<std::vector<smtp::Reply>> Queued::answer() {
  const auto config = environment_.config();
  const auto now = std::chrono::system_clock::now();
  auto row = message_row();
  std::vector<smtp::Reply> by_place(accepted_);
  std::vector<smtp::Rcpt> ended;  // for the reports
  std::vector<Verdict> ends;
  std::vector<QueuedRecipient> left;
  std::vector<std::uint32_t> gone;
  std::vector<policy::queue::Unit> in_hand;
  bool some_taken = false, all_refused = true;
  std::string reason;
  const double chance = std::uniform_real_distribution<>(0, 1)(environment_.random);

  const auto keep = [&](const Place& place, const Verdict* why, bool at_once) {
    QueuedRecipient one;
    one.number = static_cast<std::uint32_t>(place.index);
    one.rcpt = place.rcpt;
    one.attempts = at_once ? 0 : 1;
    one.next_attempt = at_once ? now : now + policy::queue::pause(config->queue.retry, 1, chance);
    if (why != nullptr) one.reason = smtp::on_one_line(why->reply, policy::reply::text_limit);
    if (reason.empty()) reason = one.reason;
    left.push_back(std::move(one));
    all_refused = false;
  };
  for (const auto& group : groups_) {
    const bool waiver = waived_ && group->delivery->waivable_deferral().has_value();
    if (!group->given_up && group->delivery->waivable_deferral()) {
      if (waiver)
        log_waiver(origin_, id_, group->target.domain, group->delivery->waivable_deferral()->text);
      else
        group->delivery->keep_deferral();
    }
    for (std::size_t i = 0; i < group->deferred.size(); ++i)
      keep(group->deferred[i], &group->reasons[i], group->at_once || waiver);
  }
  for (const auto& sent : sent_) {
    for (const auto& place : sent.group->accepted) {
      if (!sent.verdict) {
        keep(place, nullptr, false);
      } else if (sent.verdict->reply.kind() == 4) {
        keep(place, &*sent.verdict, false);
      } else {
        by_place[place.index] = sent.verdict->reply;
        gone.push_back(static_cast<std::uint32_t>(place.index));
        some_taken = some_taken || sent.verdict->reply.positive();
        all_refused = all_refused && !sent.verdict->reply.positive();
        // RFC 2033 §4.2: after LHLO its own reply tells of a failure.
        if (sent.verdict->reply.positive() || !lmtp_) {
          ended.push_back(place.rcpt);
          ends.push_back(*sent.verdict);
        }
      }
    }
    if (!sent.verdict) in_hand.push_back({0, sent.group->target.domain});
  }

  if (all_refused) {  // and nobody waits: nothing was written
    std::vector<smtp::Reply> answers;
    if (lmtp_) co_return by_place;
    answers.push_back(ends.front().reply);
    co_return answers;
  }
  QueueChange change;
  if (!left.empty()) {
    if (!number_) number_ = queue_.next_number();
    row.number = *number_;
    for (auto& unit : in_hand) unit.message = *number_;
    if (written_) {
      change.done.push_back({*number_, gone});
      for (const auto& one : left) change.attempted.push_back({*number_, one});
      change.accept.push_back(*number_);
    } else {
      row.recipients = left;
      change.add.push_back({row, spool_});
    }
  } else if (written_) {
    change.drop.push_back(*number_);
  }
  auto about = owed(row, ended, ends);
  for (auto& one : about) one.last_attempt = now;
  if (auto report =
          report_on(*config, row, spool_.get(), std::move(about), queue_.next_number(), now, environment_.random)) {
    log::Event(log::Level::info, "report")
        .add("id", report->message.id)
        .add("about", id_)
        .add("to", base::printable(mail_.reverse_path.address, 320));
    change.add.push_back(std::move(*report));
  }
  const bool owes_refusal =
      std::any_of(ends.begin(), ends.end(), [](const auto& end) { return end.reply.kind() == 5; });
  bool durable = true;
  if (!left.empty() && !written_) {
    if (const auto limit = queue_.refusal(origin_.client_address, spool_->size()); !limit.empty()) {
      log::Event(log::Level::warn, "queue_refused").add("id", id_).add("reason", limit);
      durable = false;
    }
  }
  const bool something = !left.empty() || written_ || !change.add.empty();
  if (durable && something) durable = co_await queue_.take(std::move(change), std::move(in_hand));

  smtp::Reply final_reply;
  if (!durable && (!left.empty() || owes_refusal)) {
    // SMTP-40: no promise that is not kept. Whoever took the message may get it once more.
    final_reply = policy::reply::no_room(some_taken ? "the queue cannot be written; some recipients have the message"
                                                    : "the queue cannot be written");
    if (written_) {
      QueueChange drop;
      drop.drop.push_back(*number_);
      static_cast<void>(co_await queue_.take(std::move(drop)));
    }
  } else if (!left.empty()) {
    log::Event(log::Level::info, "queued")
        .add("id", id_)
        .add("recipients", static_cast<std::int64_t>(left.size()))
        .add("size", static_cast<std::uint64_t>(spool_->size()))
        .add("client", origin_.client_address)
        .add("reason", reason);
    final_reply = {250, "2.0.0", "taken, queued as " + id_};
    if (!reason.empty()) final_reply.text = policy::reply::bounded(final_reply.text + ", for now: " + reason);
    row.recipients = left;
    for (auto& sent : sent_) {
      if (!sent.verdict) wait_for(sent, row);
    }
  } else {
    final_reply = sent_.size() == 1 ? sent_.front().verdict->reply : smtp::Reply{250, "2.0.0", "delivered"};
  }
  if (!lmtp_) by_place.assign(1, final_reply);
  for (auto& one : by_place) {
    if (one.code == 0) one = final_reply;
  }
  co_return by_place;
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
