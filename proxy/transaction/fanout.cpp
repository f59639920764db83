// LMTP in reply mode: recipients of any mix of domains, one reply each (RFC 2033 §4.2). RCPT is answered provisionally;
// after the end of the data each domain is delivered by its own transaction, all at the same time. Nothing is stored
// beyond the transaction.
#include "policy/reply.hpp"
#include "proxy/outbound/whole_message.hpp"
#include "proxy/store/spool.hpp"
#include "proxy/transaction/transaction.hpp"

namespace proxy {

namespace {

struct Group {
  Target target;
  std::vector<smtp::Rcpt> recipients;
  std::vector<std::size_t> places;  // of its recipients among all accepted ones
};

class Fanout final : public Transaction {
 public:
  Fanout(Environment& environment, Queue* queue, const Origin& origin, std::string id, smtp::Mail mail)
      : environment_(environment),
        queue_(queue),
        origin_(origin),
        id_(std::move(id)),
        mail_(std::move(mail)),
        spool_(environment.config()->state_dir) {}

  awaitable<std::vector<smtp::Reply>> recipients(std::vector<smtp::Rcpt> batch) override {
    std::vector<smtp::Reply> answers;
    const auto config = environment_.config();
    for (auto& recipient : batch) {
      auto routed = target_of(*config, recipient);
      auto* target = std::get_if<Target>(&routed);
      if (target == nullptr) {
        answers.push_back(std::get<smtp::Reply>(routed));
        continue;
      }
      group_of(std::move(*target)).places.push_back(accepted_++);
      last_->recipients.push_back(std::move(recipient));
      answers.push_back({250, "2.1.5", "recipient noted, its reply follows the data"});
    }
    co_return answers;
  }

  awaitable<void> body(std::string_view wire, bool last, const smtp::BodyFacts& facts) override {
    if (!started_ && may_waive(origin_, mail_)) waived_ = says_tls_required_no(wire, last);
    started_ = true;
    content_ = facts;
    if (stored_) stored_ = spool_.append(wire);
    co_return;
  }

  awaitable<std::vector<smtp::Reply>> finish() override {
    std::vector<smtp::Reply> answers(accepted_, smtp::Reply{452, "4.3.1", "no room to hold the message, try later"});
    if (!stored_) co_return answers;
    std::vector<Task<std::vector<smtp::Reply>>> tasks;
    for (auto& group : groups_)
      tasks.push_back(Task<std::vector<smtp::Reply>>::start(environment_.executor, deliver(*group)));
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      auto replies = co_await tasks[i].join();
      for (std::size_t k = 0; k < replies.size(); ++k) answers[groups_[i]->places[k]] = std::move(replies[k]);
    }
    co_return answers;
  }

  void abandon() override { groups_.clear(); }

 private:
  Group& group_of(Target target) {
    for (auto& group : groups_) {
      if (group->target.domain == target.domain) return *(last_ = group.get());
    }
    auto group = std::make_unique<Group>();
    group->target = std::move(target);
    groups_.push_back(std::move(group));
    return *(last_ = groups_.back().get());
  }

  // The whole of one domain's transaction; one reply for each of its recipients.
  awaitable<std::vector<smtp::Reply>> deliver(Group& group) {
    auto message = std::make_shared<MessageFacts>(message_facts(origin_, id_, mail_));
    message->waivable = waived_;
    message->content = content_;
    auto begun = co_await begin_held(environment_, std::move(message), group.target, group.recipients);
    auto& answers = begun.answers;
    auto& delivery = *begun.delivery;
    if (delivery.accepted() == 0) co_return std::move(answers);
    const bool one = accepted_ == 1;
    auto field =
        received(environment_, origin_, id_, one ? std::string_view(delivery.first_recipient()) : std::string_view());
    const auto verdict = co_await send_held(delivery, std::move(field), spool_, content_);
    for (auto& answer : answers) {
      if (answer.positive()) answer = verdict.reply;
    }
    if (queue_ != nullptr && verdict.reply.positive()) {
      auto served = delivery.recipients_accepted();
      std::vector<Verdict> verdicts(served.size(), verdict);
      co_await report_owed(*queue_, environment_, origin_, id_, mail_, std::move(served), std::move(verdicts), &spool_);
    }
    co_return std::move(answers);
  }

  Environment& environment_;
  Queue* queue_;
  const Origin origin_;
  const std::string id_;
  const smtp::Mail mail_;
  Spool spool_;
  std::vector<std::unique_ptr<Group>> groups_;
  Group* last_ = nullptr;
  std::size_t accepted_ = 0;
  smtp::ContentFacts content_;
  bool stored_ = true, started_ = false;
  bool waived_ = false;  // the message has a TLS-Required: No that counts
};

}  // namespace

std::unique_ptr<Transaction> make_fanout(Environment& environment, Queue* queue, const Origin& origin, std::string id,
                                         smtp::Mail mail) {
  return std::make_unique<Fanout>(environment, queue, origin, std::move(id), std::move(mail));
}

}  // namespace proxy
