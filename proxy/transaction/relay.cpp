// SMTP in reply mode: one client, one MX, nothing stored. The MX's reply to RCPT is the client's, its final reply is
// the client's final reply. One recipient domain a transaction: one reply cannot speak for two destinations (SMTP-63).
#include "policy/reply.hpp"
#include "proxy/transaction/transaction.hpp"

namespace proxy {

namespace {

class Relay final : public Transaction {
 public:
  Relay(Environment& environment, const Origin& origin, std::string id, smtp::Mail mail)
      : environment_(environment), origin_(origin), id_(std::move(id)), mail_(std::move(mail)) {}

  awaitable<std::vector<smtp::Reply>> recipients(std::vector<smtp::Rcpt> batch) override {
    std::vector<smtp::Reply> answers;
    const auto config = environment_.config();
    for (std::size_t at = 0; at < batch.size();) {
      auto target = target_of(*config, batch[at]);
      if (!target) {
        answers.push_back(policy::reply::no_postmaster());
        ++at;
        continue;
      }
      if (delivery_ && delivery_->accepted() > 0 && target->domain != delivery_->domain()) {
        answers.push_back(policy::reply::second_domain(delivery_->domain(), target->domain));
        ++at;
        continue;
      }
      // The run of recipients at the same domain goes out together.
      std::vector<smtp::Rcpt> run;
      while (at < batch.size()) {
        const auto next = target_of(*config, batch[at]);
        if (!next || next->domain != target->domain) break;
        run.push_back(std::move(batch[at++]));
      }
      if (!delivery_ || target->domain != delivery_->domain()) begin(std::move(*target), run.front());
      auto replies = co_await delivery_->recipients(std::move(run));
      answers.insert(answers.end(), replies.begin(), replies.end());
    }
    co_return answers;
  }

  awaitable<void> body(std::string_view wire, bool last, const smtp::BodyFacts& facts) override {
    if (facts.eight_bit && !delivery_->take_eight_bit()) co_return;
    std::string front;
    if (!started_) {
      const bool one = delivery_->accepted() == 1;
      front = received(environment_, origin_, id_,
                       one ? std::string_view(delivery_->first_recipient()) : std::string_view());
      started_ = true;
    }
    co_await delivery_->body(front, wire, last);
  }

  awaitable<std::vector<smtp::Reply>> finish() override {
    auto verdict = co_await delivery_->finish();
    std::vector<smtp::Reply> answer;
    answer.push_back(std::move(verdict));
    co_return answer;
  }

  void abandon() override {
    if (delivery_) delivery_->abandon();
    delivery_.reset();
  }

 private:
  // A domain whose recipients were all deferred or refused does not bind the transaction.
  void begin(Target target, const smtp::Rcpt& first) {
    auto message = std::make_shared<MessageFacts>();
    message->id = id_;
    message->mail = mail_;
    message->floor = origin_.floor;
    message->client = origin_.client_address;
    message->added = received(environment_, origin_, id_, first.forward_path.address).size();
    delivery_ = std::make_unique<Delivery>(environment_, std::move(message), std::move(target));
  }

  Environment& environment_;
  const Origin origin_;
  const std::string id_;
  const smtp::Mail mail_;
  std::unique_ptr<Delivery> delivery_;
  bool started_ = false;
};

}  // namespace

std::unique_ptr<Transaction> make_relay(Environment& environment, const Origin& origin, std::string id,
                                        smtp::Mail mail) {
  return std::make_unique<Relay>(environment, origin, std::move(id), std::move(mail));
}

}  // namespace proxy
