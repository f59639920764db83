// SMTP in reply mode: one client, one MX, nothing stored. The MX's reply to RCPT is the client's, its final reply is
// the client's final reply. One recipient domain a transaction: one reply cannot speak for two destinations (SMTP-63).
//
// A RCPT that what the domain publishes would defer is answered 250 where the client's TLS-Required: No counts
// (RTLS-06): the header decides, at the first part of the body, whether the message waits or is planned anew without.
#include <algorithm>

#include "policy/reply.hpp"
#include "proxy/transaction/transaction.hpp"

namespace proxy {

namespace {

class Relay final : public Transaction {
 public:
  Relay(Environment& environment, Queue* queue, const Origin& origin, std::string id, smtp::Mail mail)
      : environment_(environment), queue_(queue), origin_(origin), id_(std::move(id)), mail_(std::move(mail)) {}

  awaitable<std::vector<smtp::Reply>> recipients(std::vector<smtp::Rcpt> batch) override {
    std::vector<smtp::Reply> answers;
    const auto config = environment_.config();
    for (std::size_t at = 0; at < batch.size() && !client_has_left_;) {
      auto routed = target_of(*config, batch[at]);
      auto* target = std::get_if<Target>(&routed);
      if (target == nullptr) {
        answers.push_back(std::get<smtp::Reply>(routed));
        ++at;
        continue;
      }
      if (delivery_ && delivery_->accepted() + provisional_.size() > 0 && target->domain != delivery_->domain()) {
        answers.push_back(policy::reply::second_domain(delivery_->domain(), target->domain));
        ++at;
        continue;
      }
      // The run of recipients at the same domain goes out together.
      std::vector<smtp::Rcpt> run;
      while (at < batch.size()) {
        const auto next = target_of(*config, batch[at]);
        const auto* same = std::get_if<Target>(&next);
        if (same == nullptr || same->domain != target->domain) break;
        run.push_back(std::move(batch[at++]));
      }
      if (!delivery_ || target->domain != delivery_->domain()) begin(std::move(*target), run.front());
      auto kept = run;
      auto replies = co_await delivery_->recipients(std::move(run));
      if (delivery_->waivable_deferral()) {
        for (auto& reply : replies) reply = {250, "2.1.5", "recipient noted, the message's header decides"};
        provisional_.insert(provisional_.end(), std::make_move_iterator(kept.begin()),
                            std::make_move_iterator(kept.end()));
      }
      answers.insert(answers.end(), replies.begin(), replies.end());
    }
    co_return answers;
  }

  awaitable<void> body(std::string_view wire, bool last, const smtp::BodyFacts& facts) override {
    if (!provisional_.empty() && !started_ && !verdict_) verdict_ = co_await decide_by_header(wire, last);
    if (verdict_) co_return;
    if (!delivery_->take(facts)) co_return;
    std::string front;
    if (!started_) {
      if (wants_success()) header_ = wire.substr(0, header_at_most);
      const bool one = delivery_->accepted() == 1;
      front = received(environment_, origin_, id_,
                       one ? std::string_view(delivery_->first_recipient()) : std::string_view());
      started_ = true;
    }
    co_await delivery_->body(front, wire, last);
  }

  awaitable<std::vector<smtp::Reply>> finish() override {
    std::vector<smtp::Reply> answer;
    if (!verdict_) {
      verdict_ = co_await delivery_->finish();
      co_await report_success();
    }
    answer.push_back(*verdict_);
    co_return answer;
  }

  void abandon() override {
    if (delivery_) delivery_->abandon();
    delivery_.reset();
  }

  void client_left() override {
    client_has_left_ = true;
    if (delivery_) delivery_->give_up();
  }

 private:
  static constexpr std::size_t header_at_most = 65536;

  bool wants_success() const {
    const auto& all = delivery_->recipients_accepted();
    return queue_ != nullptr && std::any_of(all.begin(), all.end(), [](const auto& one) { return one.notify.success; });
  }

  awaitable<void> report_success() {
    if (!verdict_->positive() || delivery_->took_over_notices() || !wants_success()) co_return;
    const OctetsInMemory octets(std::move(header_));
    auto recipients = delivery_->recipients_accepted();
    std::vector<Verdict> verdicts(recipients.size(), Verdict{*verdict_, delivery_->speaker()});
    co_await report_owed(*queue_, environment_, origin_, id_, mail_, std::move(recipients), std::move(verdicts),
                         &octets);
  }

  // A domain whose recipients were all deferred or refused does not bind the transaction.
  void begin(Target target, const smtp::Rcpt& first) {
    auto message = std::make_shared<MessageFacts>(message_facts(origin_, id_, mail_));
    message->waivable = may_waive(origin_, mail_);
    message->added = received(environment_, origin_, id_, first.forward_path.address).size();
    target_ = target;
    delivery_ = std::make_unique<Delivery>(environment_, std::move(message), std::move(target));
  }

  // The reply is set where no host is to have the message.
  awaitable<std::optional<smtp::Reply>> decide_by_header(std::string_view wire, bool last) {
    if (!says_tls_required_no(wire, last)) co_return delivery_->keep_deferral();

    auto message = std::make_shared<MessageFacts>(message_facts(origin_, id_, mail_));
    message->demand.tls_required_no = true;
    log_waiver(*message, target_.domain, delivery_->waivable_deferral()->text);
    message->added = received(environment_, origin_, id_, provisional_.front().forward_path.address).size();
    delivery_ = std::make_unique<Delivery>(environment_, std::move(message), target_);
    const auto noted = provisional_;
    const auto replies = co_await delivery_->recipients(std::move(provisional_));
    provisional_.clear();
    // One reply speaks for all of them: where one may not have it, none gets it. The client sends again, or is told.
    const smtp::Reply* refusal = nullptr;
    std::size_t refused = 0;
    for (std::size_t i = 0; i < replies.size(); ++i) {
      if (replies[i].positive() || (refusal != nullptr && replies[i].kind() != 4)) continue;
      if (refusal != nullptr && refusal->kind() == 4) continue;
      refusal = &replies[i];
      refused = i;
    }
    if (refusal == nullptr) co_return std::nullopt;
    delivery_->abandon();
    auto verdict = *refusal;
    if (noted.size() > 1) {
      verdict.text = policy::reply::bounded("nobody gets it, for <" + noted[refused].forward_path.address +
                                            "> it was: " + smtp::on_one_line(*refusal));
    }
    co_return verdict;
  }

  Environment& environment_;
  Queue* queue_;
  const Origin origin_;
  const std::string id_;
  const smtp::Mail mail_;
  std::unique_ptr<Delivery> delivery_;
  Target target_;                        // of delivery_
  std::vector<smtp::Rcpt> provisional_;  // answered 250, and known to no host
  std::optional<smtp::Reply> verdict_;
  std::string header_;  // for a report, where one may be owed
  bool started_ = false;
  bool client_has_left_ = false;  // so no further domain of the batch is asked
};

}  // namespace

std::unique_ptr<Transaction> make_relay(Environment& environment, Queue* queue, const Origin& origin, std::string id,
                                        smtp::Mail mail) {
  return std::make_unique<Relay>(environment, queue, origin, std::move(id), std::move(mail));
}

}  // namespace proxy
