// Verdicts to a change of the store.
#include "proxy/queue/settlement.hpp"

#include "policy/queue/agenda.hpp"
#include "policy/reply.hpp"
#include "protocol/base/text.hpp"
#include "proxy/runtime/metrics.hpp"

namespace proxy {

namespace {

using Action = mime::ReportedRecipient::Action;
using policy::queue::Event;
using policy::queue::is_due;

Verdict given_up(const Verdict& last) {
  Verdict verdict = last;
  if (!last.host.empty()) verdict.heard = last.reply;
  // RFC 3463 §3.5: the time is over. What the last attempt met stays the words.
  verdict.reply.enhanced = "5.4.7";
  verdict.reply.text = policy::reply::bounded("given up after the time in the queue was over; the last attempt: " +
                                              smtp::on_one_line(last.reply, policy::reply::text_limit));
  verdict.reply.code = 554;
  return verdict;
}

}  // namespace

std::vector<mime::ReportedRecipient> owed(const QueuedMessage& message, const std::vector<smtp::Rcpt>& recipients,
                                          const std::vector<Verdict>& verdicts) {
  std::vector<mime::ReportedRecipient> all;
  const bool null_sender = message.mail.reverse_path.null();
  for (std::size_t i = 0; i < recipients.size() && i < verdicts.size(); ++i) {
    const auto& notify = recipients[i].notify;
    const auto& verdict = verdicts[i];
    if (verdict.reply.kind() == 5 && is_due(Event::failed, notify, null_sender))
      all.push_back(reported(recipients[i], Action::failed, verdict));
    if (verdict.reply.positive() && !verdict.notices_taken_over && is_due(Event::relayed, notify, null_sender))
      all.push_back(reported(recipients[i], Action::relayed, verdict));
  }
  return all;
}

Settlement settle(const Config& config, const QueuedMessage& message, const Octets* octets,
                  const std::vector<Verdict>& verdicts, bool last, QueueTime now, std::mt19937& random,
                  const std::function<std::int64_t()>& next_number) {
  Settlement settled;
  QueueChange::Recipients done{.message = message.number};
  std::vector<smtp::Rcpt> ended;
  std::vector<Verdict> ends;
  // One chance for all: what waits together is tried together.
  const double chance = std::uniform_real_distribution<>(0, 1)(random);
  for (std::size_t i = 0; i < message.recipients.size(); ++i) {
    const auto& recipient = message.recipients[i];
    auto verdict = i < verdicts.size() ? verdicts[i] : Verdict{policy::reply::internal("no answer")};
    if (verdict.reply.kind() != 2 && verdict.reply.kind() != 5) {
      if (!last) {
        QueueChange::Attempted attempted{message.number, recipient};
        ++attempted.recipient.attempts;
        attempted.recipient.next_attempt =
            now + policy::queue::pause(config.queue.retry, attempted.recipient.attempts, chance);
        metrics::all.queue.attempts[metrics::Attempt::deferred].add();
        attempted.recipient.reason = smtp::on_one_line(verdict.reply, policy::reply::text_limit);
        attempted.recipient.host = verdict.host;
        settled.change.attempted.push_back(std::move(attempted));
        continue;
      }
      verdict = given_up(verdict);
    }
    done.numbers.push_back(recipient.number);
    metrics::all.queue.attempts[verdict.reply.positive() ? metrics::Attempt::delivered : metrics::Attempt::failed]
        .add();
    log::Event(verdict.reply.positive() ? log::Level::info : log::Level::warn,
               verdict.reply.positive() ? "dequeued" : "given_up")
        .add("id", message.id)
        .add("recipient", base::printable(recipient.rcpt.forward_path.address, 320))
        .add("reason", smtp::on_one_line(verdict.reply, policy::reply::text_limit));
    ended.push_back(recipient.rcpt);
    ends.push_back(std::move(verdict));
  }
  if (!done.numbers.empty()) settled.change.done.push_back(std::move(done));
  auto about = owed(message, ended, ends);
  for (auto& one : about) one.last_attempt = now;
  if (auto report = report_on(config, message, octets, std::move(about), next_number(), now, random)) {
    settled.reports.push_back(report->message);
    settled.change.add.push_back(std::move(*report));
  }
  return settled;
}

}  // namespace proxy
