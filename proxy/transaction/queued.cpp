// RCPT and body of a transaction that may be queued.
#include "proxy/transaction/queued.hpp"

#include <algorithm>

#include "policy/reply.hpp"

namespace proxy {

namespace queued {

namespace {

awaitable<std::vector<smtp::Reply>> ask(GroupPtr group, std::vector<smtp::Rcpt> recipients) {
  auto replies = co_await group->delivery->recipients(std::move(recipients));
  if (group->given_up) group->delivery->abandon();
  co_return replies;
}

}  // namespace

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
    const auto routed = target_of(*config, batch[i]);
    const auto* target = std::get_if<Target>(&routed);
    if (target == nullptr) {
      noted[i].answer = std::get<smtp::Reply>(routed);
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
    if (replies[i].code == 452 && asked.group->delivery->accepted() > 0) asked.group->at_once = true;
    defer(one, asked.group, {std::move(replies[i]), speaker});
  }
}

// The host may take its time, the client's is over. What the host has accepted so far waits with the others.
void Queued::too_slow(Asked& asked, std::vector<Noted>& noted) {
  auto& group = *asked.group;
  group.given_up = true;
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
  if (!started_ && may_waive(origin_, mail_)) waived_ = says_tls_required_no(wire, last);
  started_ = true;
  content_ = facts;
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
  row.content = content_;
  row.size = spool_->size();
  row.received = std::chrono::system_clock::now();
  row.expires = row.received + config->queue.lifetime;
  if (config->queue.delay_warning.count() > 0) row.warn_at = row.received + config->queue.delay_warning;
  return row;
}

}  // namespace queued

std::unique_ptr<Transaction> make_queued(Environment& environment, Queue& queue, const Origin& origin, std::string id,
                                         smtp::Mail mail, bool lmtp, std::chrono::milliseconds patience) {
  return std::make_unique<queued::Queued>(environment, queue, origin, std::move(id), std::move(mail), lmtp, patience);
}

}  // namespace proxy
