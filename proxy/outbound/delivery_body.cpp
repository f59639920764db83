// From DATA to the verdict, and what a host cannot have.
#include <algorithm>

#include "policy/reply.hpp"
#include "protocol/base/text.hpp"
#include "proxy/outbound/delivery.hpp"
#include "proxy/outbound/pool.hpp"

namespace proxy {

namespace {

constexpr std::chrono::seconds data_wait(120), block_wait(180), final_wait(570);

}  // namespace

awaitable<bool> Delivery::start_data() {
  data_started_ = true;
  for (;;) {
    if (connection_) {
      auto result = co_await connection_->exchange(smtp::Stage::data, "DATA\r\n", after(data_wait));
      auto* reply = std::get_if<smtp::Reply>(&result);
      if (reply != nullptr && reply->kind() == 3) co_return true;
      if (reply != nullptr && reply->code != 421) {
        auto refusal = policy::passed_on(attempt_->demand.host, smtp::Stage::data, *reply);
        speaker_ = attempt_->demand.host;
        if (reply->kind() != 2) environment_.pool.reset_and_keep(std::move(connection_));
        connection_.reset();
        settle(std::move(refusal));
        co_return false;
      }
      connection_.reset();
      if (replayed_) {
        if (reply != nullptr)
          settle(policy::passed_on(attempt_->demand.host, smtp::Stage::data, *reply));
        else
          lost(std::get<smtp::Failure>(result));
        co_return false;
      }
    }
    const bool again = co_await replay();
    if (!again) co_return false;
  }
}

// The host dropped the transaction while the client paused: the same envelope once more on a new connection of the same
// plan. Unless every recipient is accepted again, the client's view would be wrong: then it waits.
awaitable<bool> Delivery::replay() {
  const smtp::Failure gone{
      smtp::Cause::lost, smtp::Stage::data, {}, "the connection ended before the message was sent"};
  replayed_ = true;
  budget_ = after(config_->delivery.rcpt_budget);
  pending_.recipients = envelope_.recipients;
  rcpt_replies_.clear();
  const auto* attempt = attempt_;
  auto failed = co_await try_host(*attempt);
  bool same = !failed && connection_ && rcpt_replies_.size() == envelope_.recipients.size();
  for (const auto& reply : rcpt_replies_) same = same && reply.positive();
  if (same) co_return true;
  if (connection_) environment_.pool.reset_and_keep(std::move(connection_));
  connection_.reset();
  lost(gone);
  co_return false;
}

awaitable<void> Delivery::body(std::string_view front, std::string_view part, bool last) {
  if (verdict_) co_return;
  speaker_.clear();
  if (!data_started_) {
    const bool started = co_await start_data();
    if (!started) co_return;
  }
  body_sent_ = true;
  std::string ended;  // small messages go out whole: field, body and end marker in one piece
  if (last && front.size() + part.size() < 65536) {
    ended.reserve(front.size() + part.size() + 3);
    ended.append(front).append(part).append(".\r\n");
    front = {};
    part = ended;
  }
  auto error = co_await connection_->body(front, part, after(block_wait));
  if (!error && last && ended.empty()) error = co_await connection_->body({}, ".\r\n", after(block_wait));
  if (last && !error) co_return;
  if (!error && !connection_->spoke_early()) co_return;

  // The host answered before the end, or is gone: what it said, if anything, is the verdict; the rest of the body is
  // dropped.
  auto result = co_await connection_->exchange(smtp::Stage::body, {}, after(std::chrono::seconds(5)), true);
  if (auto* reply = std::get_if<smtp::Reply>(&result); reply != nullptr && reply->kind() >= 4) {
    if (reply->code != 421) speaker_ = attempt_->demand.host;
    settle(policy::passed_on(attempt_->demand.host, smtp::Stage::body, *reply));
  } else {
    lost({smtp::Cause::lost,
          smtp::Stage::body,
          {},
          error ? base::printable(error.message(), 80) : "it spoke out of turn"});
  }
  connection_->abort();
  connection_.reset();
}

bool Delivery::needs_smtputf8() const {
  const auto international = [](const auto& one) { return one.forward_path.international; };
  return message_->mail.reverse_path.international ||
         std::any_of(pending_.recipients.begin(), pending_.recipients.end(), international);
}

bool Delivery::take_eight_bit() {
  if (verdict_ || !connection_ || connection_->capabilities().eight_bit_mime) return true;
  return cannot_have(policy::reply::eight_bit_refused(attempt_->demand.host));
}

bool Delivery::take_utf8_header() {
  if (!message_->mail.smtputf8 || verdict_ || !connection_ || connection_->capabilities().smtputf8) return true;
  return cannot_have(policy::reply::utf8_header_refused(attempt_->demand.host));
}

bool Delivery::cannot_have(smtp::Reply refusal) {
  speaker_.clear();
  abandon();
  settle(std::move(refusal));
  return false;
}

awaitable<smtp::Reply> Delivery::finish() {
  if (verdict_) co_return *verdict_;
  auto result = co_await connection_->exchange(smtp::Stage::final_dot, {}, after(final_wait), true);
  auto* reply = std::get_if<smtp::Reply>(&result);
  if (reply == nullptr) {
    const auto& failure = std::get<smtp::Failure>(result);
    auto answer = policy::after_failure(attempt_->demand.host, failure);
    record(answer, answer.text);
    connection_.reset();
    co_return answer;
  }
  auto answer = policy::passed_on(attempt_->demand.host, smtp::Stage::final_dot, *reply);
  record(answer, smtp::on_one_line(*reply));
  if (reply->code != 421) speaker_ = attempt_->demand.host;
  took_over_notices_ = connection_->capabilities().dsn;
  if (answer.positive() && environment_.delivered) environment_.delivered(target_.domain);
  if (reply->code == 421 || reply->kind() == 3) {
    connection_.reset();
  } else {
    environment_.pool.keep(std::move(connection_));
  }
  co_return answer;
}

void Delivery::abandon() {
  if (!connection_) return;
  if (body_sent_ || data_started_) {
    connection_->abort();
    connection_.reset();
  } else {
    environment_.pool.reset_and_keep(std::move(connection_));
  }
}

}  // namespace proxy
