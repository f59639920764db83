// The loop over agenda and alarms, and what a finished attempt changes.
#include "proxy/queue/queue.hpp"

#include <boost/asio/post.hpp>

#include "policy/reply.hpp"
#include "protocol/base/text.hpp"
#include "proxy/queue/attempt.hpp"
#include "proxy/runtime/metrics.hpp"

namespace proxy {

namespace asio = boost::asio;
using policy::queue::Agenda;

namespace {

constexpr unsigned expiring_at_most = 20;
constexpr std::chrono::seconds alarm_again(1);
constexpr std::chrono::minutes read_again(1);
constexpr std::chrono::milliseconds write_again_first(200), write_again_longest(30000);

QueueTime due_of(const QueuedMessage& message) {
  auto due = QueueTime::max();
  for (const auto& one : message.recipients) due = std::min(due, one.next_attempt);
  return due;
}

/// When a message itself is due: its warning of a delay, or its end. As the store keeps times.
QueueTime alarm_time(QueueTime expires, const std::optional<QueueTime>& warn_at) {
  return std::chrono::floor<std::chrono::milliseconds>(warn_at ? std::min(*warn_at, expires) : expires);
}

}  // namespace

Queue::Queue(Parts parts)
    : parts_(std::move(parts)),
      agenda_({.retry = parts_.config()->queue.retry}),
      timer_(parts_.control),
      random_(parts_.seed) {}

void Queue::start() {
  std::size_t held = 0;
  parts_.store.walk([&](const QueuedMessage& message) {
    count(message);
    held += message.held;
    schedule(message);
    return true;
  });
  if (counts_.messages > 0)
    log::Event(log::Level::info, "queue")
        .add("messages", counts_.messages)
        .add("held", static_cast<std::uint64_t>(held))
        .add("octets", counts_.octets);
  spawn(parts_.control, run(), "queue");
}

void Queue::stop() {
  stopped_ = true;
  wake();
}

void Queue::wake() {
  timer_.cancel();
}

awaitable<void> Queue::pause(std::chrono::milliseconds time) {
  if (parts_.pause) {
    co_await parts_.pause(time);
    co_return;
  }
  asio::steady_timer timer(parts_.control, time);
  co_await timer.async_wait(asio::use_awaitable);
}

// ---- the loop

awaitable<void> Queue::run() {
  while (!stopped_) {
    const auto next = step();
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(next - parts_.now());
    timer_.expires_after(std::max(wait, std::chrono::milliseconds(1)));
    boost::system::error_code ignored;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }
}

QueueTime Queue::step() {
  constexpr std::chrono::seconds longest(60);  // the clock may be set meanwhile
  const auto time = parts_.now();
  while (!alarms_.empty() && alarms_.begin()->at <= time) {
    const auto due = *alarms_.begin();
    alarms_.erase(alarms_.begin());
    alarm(due);
  }
  while (!expired_.empty() && expiring_ < expiring_at_most) {
    const auto unit = expired_.front();
    expired_.pop_front();
    ++expiring_;
    begin_last(unit);
  }
  while (const auto unit = agenda_.next(time)) begin(*unit);
  auto next = time + longest;
  if (const auto wakes = agenda_.wake()) next = std::min(next, *wakes);
  if (!alarms_.empty()) next = std::min(next, alarms_.begin()->at);
  return next;
}

// A message's units, when they are due, and its alarm.
void Queue::schedule(const QueuedMessage& message) {
  std::map<std::string, QueueTime> due;
  for (const auto& recipient : message.recipients) {
    const auto& domain = recipient.rcpt.forward_path.domain;
    const auto [at, added] = due.emplace(domain, recipient.next_attempt);
    if (!added && recipient.next_attempt < at->second) at->second = recipient.next_attempt;
  }
  for (const auto& [domain, at] : due) {
    if (message.held) parked_.insert({message.number, domain});
    if (message.held || working_.contains({message.number, domain})) continue;
    agenda_.add(message.number, domain, message.mail.reverse_path.address, at);
  }
  set_alarm(message);
}

void Queue::set_alarm(const QueuedMessage& message) {
  alarms_.insert({alarm_time(message.expires, message.warn_at), message.number});
}

// Noted as in work here, before the coroutine runs: the agenda may hand out the same unit twice in a row.
void Queue::begin(const Unit& unit) {
  const Key key{unit.message, unit.domain};
  const bool is_in_work = working_.contains(key);
  std::optional<QueuedMessage> message;
  const bool is_known = is_in_work || read(unit.message, unit.domain, message);
  const bool is_left = message && !message->recipients.empty();
  // The hint may be older than what the store says: it was put back while the store could not be read, or is its
  // second.
  const bool is_early = is_left && !unit.ahead && waits(*message);
  if (is_left && !message->held && !is_early) {
    working_.insert(key);
    return spawn(parts_.control, attempt(std::move(*message), unit, true), "queue attempt");
  }
  agenda_.ended(unit, Agenda::Ended::dropped, parts_.now(), 0.5);
  if (!is_known) {
    agenda_.add(unit.message, unit.domain, "", parts_.now() + read_again);
  } else if (is_in_work || (is_left && message->held)) {
    parked_.insert(key);
  } else if (is_early) {
    agenda_.add(unit.message, unit.domain, message->mail.reverse_path.address, due_of(*message));
  }
}

// Whether its time is still to come. Farther away than any pause is a clock's fault.
bool Queue::waits(const QueuedMessage& message) const {
  std::chrono::milliseconds longest{0};
  for (const auto pause : parts_.config()->queue.retry) longest = std::max(longest, pause);
  const auto left = due_of(message) - parts_.now();
  return left > std::chrono::milliseconds(0) && left <= 2 * longest;
}

void Queue::begin_last(const Unit& unit) {
  const Key key{unit.message, unit.domain};
  std::optional<QueuedMessage> message;
  if (!working_.contains(key) && !read(unit.message, unit.domain, message))
    alarms_.insert({parts_.now() + read_again, unit.message});
  const bool is_left = message && !message->held && !message->recipients.empty();
  if (is_left && parts_.now() >= message->expires) {
    working_.insert(key);
    return spawn(parts_.control, attempt(std::move(*message), unit, false), "last queue attempt");
  }
  if (is_left) set_alarm(*message);  // the clock was put back, and its end is still to come
  --expiring_;
}

// False: nobody knows whether it is there.
bool Queue::read(std::int64_t number, const std::string& domain, std::optional<QueuedMessage>& message) {
  try {
    message = parts_.store.load(number, domain);
    return true;
  } catch (const StoreError& error) {
    log::Event(log::Level::error, "store_failed").add("reason", error.what());
    return false;
  }
}

// False: nobody knows what it holds, for now.
bool Queue::read_octets(const QueuedMessage& message, std::shared_ptr<const Octets>& octets) {
  try {
    octets = parts_.store.octets(message);
    return true;
  } catch (const StoreError& error) {
    log::Event(log::Level::error, "store_failed").add("id", message.id).add("reason", error.what());
    return false;
  }
}

awaitable<void> Queue::attempt(QueuedMessage message, Unit unit, bool by_agenda) {
  const InHand in_hand(*this);
  const auto expires = message.expires;
  std::shared_ptr<const Octets> octets;
  if (!read_octets(message, octets)) {
    // No attempt was made: its turn, or its end, comes again.
    working_.erase({unit.message, unit.domain});
    if (by_agenda) {
      agenda_.ended(unit, Agenda::Ended::dropped, parts_.now(), 0.5);
      agenda_.add(unit.message, unit.domain, message.mail.reverse_path.address, parts_.now() + read_again);
    } else {
      --expiring_;
      alarms_.insert({parts_.now() + read_again, unit.message});
    }
    co_return;
  }
  GroupVerdict verdict;
  if (octets) {
    verdict = co_await on_a_worker(message, octets, unit.domain);
  } else {
    verdict.recipients.assign(message.recipients.size(), {policy::reply::internal("its octets cannot be read")});
  }
  const auto ended = how(verdict);
  co_await conclude(std::move(message), std::move(octets), std::move(verdict));
  if (by_agenda) {
    end(unit, ended);
  } else {
    --expiring_;
    // The clock was put back meanwhile, and this was not the last attempt after all.
    if (parts_.now() < expires) alarms_.insert({alarm_time(expires, {}), unit.message});
  }
  put_back(unit);  // behind the end: what is added before a heal is due at once
}

Agenda::Ended Queue::how(const GroupVerdict& verdict) {
  bool yes = false, words = false;
  for (const auto& one : verdict.recipients) {
    yes = yes || one.reply.positive();
    words = words || !one.host.empty();
  }
  if (yes || (words && !verdict.no_host)) return Agenda::Ended::served;
  return verdict.no_host ? Agenda::Ended::domain_failed : Agenda::Ended::dropped;
}

void Queue::end(const Unit& unit, Agenda::Ended how) {
  agenda_.ended(unit, how, parts_.now(), std::uniform_real_distribution<>(0, 1)(random_));
  watch_failing(unit.domain);
}

// The message on a worker, and back.
awaitable<GroupVerdict> Queue::on_a_worker(QueuedMessage message, std::shared_ptr<const Octets> octets,
                                           std::string domain) {
  auto initiate = [this](auto handler, std::shared_ptr<const QueuedMessage> tried, std::shared_ptr<const Octets> held,
                         std::string at) {
    auto done = resume_on_its_executor<GroupVerdict>(std::move(handler));
    if (parts_.deliver) return parts_.deliver(std::move(tried), std::move(held), std::move(at), std::move(done));
    parts_.on_worker([tried = std::move(tried), held = std::move(held), at = std::move(at),
                      done = std::move(done)](Environment& environment) -> awaitable<void> {
      return deliver_queued(environment, tried, held, at, done);
    });
  };
  auto shared = std::make_shared<const QueuedMessage>(std::move(message));
  auto verdict = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(GroupVerdict)>(
      std::move(initiate), asio::use_awaitable, std::move(shared), std::move(octets), std::move(domain));
  co_return verdict;
}

// ---- settling

// Writes until it is written: what was sent must not be sent again because a disk was full for a while.
awaitable<void> Queue::conclude(QueuedMessage message, std::shared_ptr<const Octets> octets, GroupVerdict verdict) {
  const auto config = parts_.config();
  const bool last = parts_.now() >= message.expires;
  auto settled = proxy::settle(*config, message, octets.get(), verdict.recipients, last, parts_.now(), random_,
                               [this] { return next_number(); });
  for (auto wait = write_again_first;; wait = std::min(2 * wait, write_again_longest)) {
    auto change = settled.change;
    const auto applied = co_await parts_.store.apply(std::move(change));
    if (applied.durable) {
      forget(applied.gone);
      drop_alarms(applied.gone);
      break;
    }
    metrics::all.queue.store_failures.add();
    if (stopped_) co_return;
    co_await pause(wait);
  }
  for (const auto& report : settled.reports) {
    count(report);
    schedule(report);
  }
}

// The unit is in work no more. Beside those that were tried, others of its domain may wait, put off at RCPT.
void Queue::put_back(const Unit& unit) {
  const Key key{unit.message, unit.domain};
  working_.erase(key);
  parked_.erase(key);
  std::optional<QueuedMessage> left;
  if (!read(unit.message, unit.domain, left)) {
    agenda_.add(unit.message, unit.domain, "", parts_.now() + read_again);
  } else if (left && left->held) {
    parked_.insert(key);
  } else if (left && !left->recipients.empty()) {
    agenda_.add(unit.message, unit.domain, left->mail.reverse_path.address, due_of(*left));
  }
  wake();
}

// What was dropped meanwhile comes into the agenda again, and nothing else: each unit is in it once. Read afresh, for
// `message` may be older than the last attempt.
void Queue::unpark(const QueuedMessage& message) {
  for (const auto& domain : domains_of(message)) {
    const Key key{message.number, domain};
    if (parked_.contains(key) && !working_.contains(key)) put_back({message.number, domain});
  }
  // Its end alone: that of a warning was never taken away, and one must be enough.
  alarms_.insert({alarm_time(message.expires, {}), message.number});
}

// Tries to write until it can be done: nobody else does, while nothing is taken.
awaitable<void> Queue::recover() {
  while (!stopped_) {
    co_await pause(std::chrono::seconds(1));
    QueueChange change;
    change.probe = true;
    change.drop = std::exchange(undropped_, {});
    const auto dropped = change.drop;
    const auto applied = co_await parts_.store.apply(std::move(change));
    if (!applied.durable) undropped_.insert(undropped_.end(), dropped.begin(), dropped.end());
    forget(applied.gone);
    if (!applied.durable || !undropped_.empty()) continue;
    log::Event(log::Level::info, "store_recovered").add("reason", "the queue can be written again");
    can_store_.store(true);
    co_return;
  }
}

awaitable<bool> Queue::take(QueueChange change, std::vector<Unit> in_hand) {
  std::vector<QueuedMessage> added;
  for (const auto& made : change.add) added.push_back(made.message);
  std::vector<std::int64_t> accepted = change.accept, dropped = change.drop;
  // Before anybody can find it in the store: an order could else try or remove what is being sent, and what is removed
  // would be taken off the counts before it was put on.
  if (!in_hand.empty()) {
    asio::post(parts_.control, [this, in_hand] {
      for (const auto& unit : in_hand) working_.insert({unit.message, unit.domain});
    });
  }
  for (const auto& message : added) count(message);
  const auto applied = co_await parts_.store.apply(std::move(change));
  if (!applied.durable) {
    metrics::all.queue.store_failures.add();
    for (const auto& message : added) forget({{.client = message.client, .size = message.size}});
    if (!in_hand.empty()) {
      asio::post(parts_.control, [this, in_hand] {
        for (const auto& unit : in_hand) working_.erase({unit.message, unit.domain});
      });
    }
    const bool was_well = can_store_.exchange(false);
    asio::post(parts_.control, [this, was_well, dropped = std::move(dropped)] {
      // Nobody was promised these: they must not stay until the next start.
      undropped_.insert(undropped_.end(), dropped.begin(), dropped.end());
      const bool is_recovered = !dropped.empty() && can_store_.exchange(false);
      if (was_well || is_recovered) spawn(parts_.control, recover(), "queue recovery");
    });
    co_return false;
  }
  forget(applied.gone);
  asio::post(parts_.control, [this, added = std::move(added), accepted = std::move(accepted)] {
    for (const auto& message : added) {
      if (message.accepted) schedule(message);
    }
    for (const auto number : accepted) {
      std::optional<QueuedMessage> message;
      if (!read(number, "", message)) alarms_.insert({parts_.now() + read_again, number, true});
      if (message) schedule(*message);
    }
    wake();
  });
  co_return true;
}

void Queue::settle(QueuedMessage message, std::shared_ptr<const Octets> octets, GroupVerdict verdict) {
  // Counted from here on, also while it is on its way to the control thread.
  auto counted = std::make_shared<const InHand>(*this);
  Unit unit{message.number, message.recipients.front().rcpt.forward_path.domain};
  asio::post(parts_.control, [this, message = std::move(message), octets = std::move(octets),
                              verdict = std::move(verdict), unit = std::move(unit), counted]() mutable {
    auto work = [](Queue& queue, QueuedMessage tried, std::shared_ptr<const Octets> held, GroupVerdict answers, Unit of,
                   std::shared_ptr<const InHand> hand) -> awaitable<void> {
      co_await queue.conclude(std::move(tried), std::move(held), std::move(answers));
      queue.put_back(of);
      hand.reset();
    };
    spawn(parts_.control,
          work(*this, std::move(message), std::move(octets), std::move(verdict), std::move(unit), std::move(counted)),
          "queue settlement");
  });
}

// ---- alarms

std::set<std::string> Queue::domains_of(const QueuedMessage& message) {
  std::set<std::string> domains;
  for (const auto& recipient : message.recipients) domains.insert(recipient.rcpt.forward_path.domain);
  return domains;
}

void Queue::alarm(const Alarm& due) {
  std::optional<QueuedMessage> message;
  if (!read(due.message, "", message)) {
    alarms_.insert({parts_.now() + read_again, due.message, due.schedule});
    return;
  }
  if (!message || message->recipients.empty()) return;
  if (due.schedule) return schedule(*message);
  if (parts_.now() >= message->expires) {
    if (message->held) return;  // its release sets the alarm again
    bool busy = false;
    for (const auto& domain : domains_of(*message)) {
      if (working_.contains({message->number, domain})) {
        busy = true;
      } else {
        expired_.push_back({message->number, domain});
      }
    }
    if (busy) alarms_.insert({parts_.now() + alarm_again, message->number});
  } else if (message->warn_at && parts_.now() >= *message->warn_at) {
    spawn(parts_.control, warn(std::move(*message)), "warning of a delay");
  } else {
    set_alarm(*message);  // the clock was put back
  }
}

// Messages that are gone must not be remembered until their lifetime would have ended.
void Queue::drop_alarms(const std::vector<Applied::Gone>& gone) {
  for (const auto& message : gone) {
    alarms_.erase({alarm_time(message.expires, message.warn_at), message.number});
    alarms_.erase({alarm_time(message.expires, {}), message.number});
  }
}

awaitable<void> Queue::warn(QueuedMessage message) {
  const InHand in_hand(*this);
  std::vector<mime::ReportedRecipient> delayed;
  const bool null_sender = message.mail.reverse_path.null();
  for (const auto& recipient : message.recipients) {
    if (!policy::queue::is_due(policy::queue::Event::delayed, recipient.rcpt.notify, null_sender)) continue;
    Verdict verdict;
    auto one = reported(recipient.rcpt, mime::ReportedRecipient::Action::delayed, verdict);
    one.words = recipient.reason;
    one.remote_mta = recipient.host;
    if (!recipient.host.empty()) one.diagnostic = recipient.reason;
    one.will_retry_until = message.expires;
    delayed.push_back(std::move(one));
  }
  QueueChange change;
  change.warned.push_back(message.number);
  std::shared_ptr<const Octets> octets;
  read_octets(message, octets);  // without them the report has no header of the message
  auto report =
      report_on(*parts_.config(), message, octets.get(), std::move(delayed), next_number(), parts_.now(), random_);
  if (report) change.add.push_back(std::move(*report));
  const bool taken = co_await take(std::move(change));
  // It may be gone meanwhile.
  std::optional<QueuedMessage> left;
  const bool is_known = taken && read(message.number, "", left);
  if (left) set_alarm(*left);
  if (!is_known && !stopped_) alarms_.insert({parts_.now() + read_again, message.number});
}

}  // namespace proxy
