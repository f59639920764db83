// on_defer = "queue": cut through first, and what cannot go out now is durable before the client reads 250 (SMTP-40,
// SMTP-60). Nobody is served later after a 4xx or 5xx, nobody is forgotten after a 250.
//
//   1. RCPT   each domain's host is asked at once, all domains of a batch at the same time. Its 5xx is passed on; its
//             4xx, or no word within `patience`, becomes 250: the recipient waits for the end of the message
//   2. body   held: in memory, then in an unnamed file
//   3. dot    who waits already is written first, as not yet promised; then the message goes to the hosts that wait for
//             it, at the same time and for at most `patience`. What they have not taken is made durable, with the
//             report for those that refused, and then promised: 250. Where every host took it, or every host refused
//             it, nothing is written.
// A host that is slower than `patience` at the dot may have the message already: its answer is waited for behind the
// client's back, and settles what was made durable.
#include "policy/reply.hpp"
#include "protocol/base/text.hpp"
#include "protocol/mime/header_scanner.hpp"
#include "proxy/queue/queue.hpp"
#include "proxy/store/spool.hpp"
#include "proxy/transaction/transaction.hpp"

namespace proxy {

namespace {

constexpr std::size_t held_in_memory = 128 * 1024;

struct Place {
  std::size_t index;  // among the accepted recipients of the transaction
  smtp::Rcpt rcpt;
};

/// One domain's part of the transaction. Shared with what is under way, which may outlast the transaction.
struct Group {
  Target target;
  std::unique_ptr<Delivery> delivery;
  bool given_up = false;         // the delivery was too slow: it is dropped when it wakes up
  bool waits = false;            // a host has accepted recipients and waits for the message
  std::vector<Place> accepted;   // by that host
  std::vector<Place> deferred;   // with `reasons`
  std::vector<Verdict> reasons;  // why they wait
  bool at_once = false;          // what waits is tried again at once: no host has said no
};
using GroupPtr = std::shared_ptr<Group>;

awaitable<std::vector<smtp::Reply>> ask(GroupPtr group, std::vector<smtp::Rcpt> recipients) {
  auto replies = co_await group->delivery->recipients(std::move(recipients));
  if (group->given_up) group->delivery->abandon();
  co_return replies;
}

awaitable<Verdict> send(GroupPtr group, std::string field, std::shared_ptr<const Octets> octets, bool eight_bit) {
  auto verdict = co_await send_held(*group->delivery, std::move(field), *octets, eight_bit);
  co_return verdict;
}

class Queued final : public Transaction {
 public:
  Queued(Environment& environment, Queue& queue, const Origin& origin, std::string id, smtp::Mail mail, bool lmtp,
         std::chrono::milliseconds patience)
      : environment_(environment),
        queue_(queue),
        origin_(origin),
        id_(std::move(id)),
        mail_(std::move(mail)),
        lmtp_(lmtp),
        patience_(patience),
        patience_left_(patience),
        spool_(std::make_shared<Spool>(environment.config()->state_dir, held_in_memory)) {}

  awaitable<std::vector<smtp::Reply>> recipients(std::vector<smtp::Rcpt> batch) override;
  awaitable<void> body(std::string_view wire, bool last, const smtp::BodyFacts& facts) override;
  awaitable<std::vector<smtp::Reply>> finish() override;
  void abandon() override;

 private:
  struct Asked {
    GroupPtr group;
    std::vector<std::size_t> places;  // in the batch
    std::optional<Task<std::vector<smtp::Reply>>> task;
  };
  /// The answer to one recipient of a batch.
  struct Noted {
    smtp::Reply answer;
    GroupPtr group;
    std::optional<Verdict> why;  // it waits
  };
  struct Sent {
    GroupPtr group;
    Task<Verdict> task;
    std::optional<Verdict> verdict;  // none: it is still under way
  };

  GroupPtr group_of(const Target& target);
  void defer(Noted& noted, const GroupPtr& group, Verdict why);
  void take_answers(Asked& asked, std::vector<smtp::Reply> replies, std::vector<Noted>& noted);
  void too_slow(Asked& asked, std::vector<Noted>& noted);
  QueuedMessage message_row() const;
  std::string field() const;
  awaitable<bool> write_who_waits();
  awaitable<void> send_to_all();
  awaitable<std::vector<smtp::Reply>> answer();
  void wait_for(Sent& sent, const QueuedMessage& row);

  Environment& environment_;
  Queue& queue_;
  const Origin origin_;
  const std::string id_;
  const smtp::Mail mail_;
  const bool lmtp_;
  const std::chrono::milliseconds patience_;
  std::chrono::milliseconds patience_left_;  // of RCPT, all of them together
  std::shared_ptr<Spool> spool_;
  std::vector<GroupPtr> groups_;
  std::vector<Sent> sent_;
  std::size_t accepted_ = 0;
  std::optional<std::int64_t> number_;  // of the message in the store
  bool written_ = false;                // it is there, not promised yet
  bool eight_bit_ = false, stored_ = true, started_ = false, waived_ = false;
};

GroupPtr Queued::group_of(const Target& target) {
  for (auto& group : groups_) {
    if (group->target.domain == target.domain) return group;
  }
  auto group = std::make_shared<Group>();
  group->target = target;
  auto facts = std::make_shared<MessageFacts>(message_facts(origin_, id_, mail_));
  facts->waivable = may_waive(origin_, mail_);
  facts->added = field().size();
  group->delivery = std::make_unique<Delivery>(environment_, std::move(facts), target);
  groups_.push_back(group);
  return group;
}

awaitable<std::vector<smtp::Reply>> Queued::recipients(std::vector<smtp::Rcpt> batch) {
  std::vector<Noted> noted(batch.size());
  std::vector<Asked> all;
  const auto config = environment_.config();
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const auto target = target_of(*config, batch[i]);
    if (!target) {
      noted[i].answer = policy::reply::no_postmaster();
      continue;
    }
    if (!queue_.can_store() && !groups_.empty() && groups_.front()->target.domain != target->domain) {
      // SMTP-63: while nothing can be stored, one reply cannot speak for two domains.
      noted[i].answer = policy::reply::second_domain(groups_.front()->target.domain, target->domain);
      continue;
    }
    auto group = group_of(*target);
    if (group->given_up) {
      defer(noted[i], group, {policy::reply::slow(target->domain)});
      continue;
    }
    auto found = std::find_if(all.begin(), all.end(), [&](const auto& asked) { return asked.group == group; });
    if (found == all.end()) found = all.insert(all.end(), Asked{group, {}, {}});
    found->places.push_back(i);
  }
  const auto begun = std::chrono::steady_clock::now();
  for (auto& asked : all) {
    std::vector<smtp::Rcpt> recipients;
    for (const auto place : asked.places) recipients.push_back(batch[place]);
    asked.task = Task<std::vector<smtp::Reply>>::start(environment_.executor, ask(asked.group, std::move(recipients)));
  }
  for (auto& asked : all) {
    const bool ended = co_await asked.task->ended(begun + patience_left_);
    if (ended) {
      auto replies = co_await asked.task->join();
      take_answers(asked, std::move(replies), noted);
    } else {
      too_slow(asked, noted);
    }
  }
  const auto waited = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun);
  patience_left_ = waited < patience_left_ ? patience_left_ - waited : std::chrono::milliseconds(0);

  std::vector<smtp::Reply> answers;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    // RFC 2033 §4.2: in the order of RCPT.
    if (noted[i].answer.positive()) {
      auto& group = *noted[i].group;
      if (noted[i].why) {
        group.deferred.push_back({accepted_++, std::move(batch[i])});
        group.reasons.push_back(std::move(*noted[i].why));
      } else {
        group.accepted.push_back({accepted_++, std::move(batch[i])});
        group.waits = true;
      }
    }
    answers.push_back(std::move(noted[i].answer));
  }
  co_return answers;
}

/// 250 to what must wait, where it can be kept.
void Queued::defer(Noted& noted, const GroupPtr& group, Verdict why) {
  noted.group = group;
  if (!queue_.can_store()) {
    noted.answer = std::move(why.reply);
    return;
  }
  noted.answer = {
      250, "2.1.5",
      policy::reply::bounded("recipient noted, for now: " + smtp::on_one_line(why.reply, policy::reply::text_limit))};
  noted.why = std::move(why);
}

void Queued::take_answers(Asked& asked, std::vector<smtp::Reply> replies, std::vector<Noted>& noted) {
  const auto speaker = asked.group->delivery->speaker();
  for (std::size_t i = 0; i < asked.places.size(); ++i) {
    auto& one = noted[asked.places[i]];
    one.group = asked.group;
    if (replies[i].kind() == 2 || replies[i].kind() == 5) {
      one.answer = std::move(replies[i]);
      continue;
    }
    // RFC 5321 §4.5.3.1.10: too many for one transaction, not a word about this recipient.
    if (replies[i].code == 452 && asked.group->waits) asked.group->at_once = true;
    defer(one, asked.group, {std::move(replies[i]), speaker});
  }
}

// The host may take its time, the client's is over. What the host has accepted so far waits with the others.
void Queued::too_slow(Asked& asked, std::vector<Noted>& noted) {
  auto& group = *asked.group;
  group.given_up = true;
  group.waits = false;
  group.at_once = true;
  const Verdict why{policy::reply::slow(group.target.domain)};
  for (auto& place : group.accepted) {
    group.deferred.push_back(std::move(place));
    group.reasons.push_back(why);
  }
  group.accepted.clear();
  for (const auto place : asked.places) defer(noted[place], asked.group, why);
}

awaitable<void> Queued::body(std::string_view wire, bool last, const smtp::BodyFacts& facts) {
  // The first part is the hold: a header that does not end in it counts for nothing (RTLS-09).
  if (!started_ && may_waive(origin_, mail_)) {
    mime::HeaderScanner header;
    header.scan(wire);
    if (last) header.end();
    waived_ = header.tls_required_no();
  }
  started_ = true;
  eight_bit_ = facts.eight_bit;
  if (stored_) stored_ = spool_->append(wire);
  co_return;
}

std::string Queued::field() const {
  std::string_view recipient;
  if (accepted_ == 1) {
    for (const auto& group : groups_) {
      if (!group->accepted.empty()) recipient = group->accepted.front().rcpt.forward_path.address;
      if (!group->deferred.empty()) recipient = group->deferred.front().rcpt.forward_path.address;
    }
  }
  return received(environment_, origin_, id_, recipient);
}

QueuedMessage Queued::message_row() const {
  const auto config = environment_.config();
  QueuedMessage row;
  row.number = number_.value_or(0);
  row.id = id_;
  row.mail = mail_;
  row.floor = origin_.floor;
  row.tls_required_no = waived_;
  row.client = origin_.client_address;
  row.received_field = field();
  row.eight_bit = eight_bit_;
  row.size = spool_->size();
  row.received = std::chrono::system_clock::now();
  row.expires = row.received + config->queue.lifetime;
  if (config->queue.delay_warning.count() > 0) row.warn_at = row.received + config->queue.delay_warning;
  return row;
}

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

}  // namespace

std::unique_ptr<Transaction> make_queued(Environment& environment, Queue& queue, const Origin& origin, std::string id,
                                         smtp::Mail mail, bool lmtp, std::chrono::milliseconds patience) {
  return std::make_unique<Queued>(environment, queue, origin, std::move(id), std::move(mail), lmtp, patience);
}

}  // namespace proxy
