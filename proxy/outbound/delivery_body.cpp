// From DATA to the verdict, and what a host cannot have.
#include <algorithm>

#include "policy/reply.hpp"
#include "protocol/base/text.hpp"
#include "protocol/smtp/chunk.hpp"
#include "proxy/outbound/delivery.hpp"
#include "proxy/outbound/pool.hpp"

namespace proxy {

namespace {

constexpr std::size_t one_piece = 65536;  // octets
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
  yielded_ = false;
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

/// A connection that the host has closed meanwhile goes the way of DATA, which can still replace it.
bool Delivery::is_one_chunk(std::size_t octets, bool last) {
  return connection_ &&
         policy::may_use_chunk(connection_->capabilities(), last && octets < one_piece, content_.newline_added) &&
         connection_->quiet();
}

awaitable<void> Delivery::body(std::string_view front, std::string_view part, bool last) {
  wake();
  if (verdict_) co_return;
  speaker_.clear();
  std::string whole;  // small messages go out in one piece: field, body and end marker, or all of it as a chunk
  if (!data_started_ && is_one_chunk(front.size() + part.size(), last)) {
    whole = smtp::last_chunk(front, part);
    data_started_ = true;
  } else if (!data_started_) {
    const bool started = co_await start_data();
    if (!started) co_return;
  }
  body_sent_ = true;
  if (whole.empty() && last && front.size() + part.size() < one_piece) {
    whole.reserve(front.size() + part.size() + 3);
    whole.append(front).append(part).append(".\r\n");
  }
  if (!whole.empty()) {
    front = {};
    part = whole;
  }
  auto error = co_await connection_->body(front, part, after(block_wait));
  if (!error && last && whole.empty()) error = co_await connection_->body({}, ".\r\n", after(block_wait));
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

policy::Used Delivery::used() const {
  const auto international = [](const auto& one) { return one.forward_path.international; };
  const auto& mail = message_->mail;
  return {.size = mail.size,
          .international_address = mail.reverse_path.international ||
                                   std::any_of(pending_.recipients.begin(), pending_.recipients.end(), international),
          .eight_bit = mail.body == smtp::Body::eight_bit || content_.eight_bit,
          .utf8_header = mail.smtputf8 && content_.eight_bit_header};
}

/// SMTP-24: the parameter goes on where it is needed, or may yet be.
bool Delivery::says_smtputf8() const {
  const auto needs = used();
  return message_->mail.smtputf8 && (!message_->content || needs.international_address || needs.utf8_header);
}

bool Delivery::take(const smtp::ContentFacts& content) {
  content_ = content;
  if (verdict_ || !connection_) return true;
  auto refusal = policy::cannot_take(attempt_->demand.host, connection_->capabilities(), used());
  if (!refusal) return true;
  speaker_.clear();
  abandon();
  settle(std::move(*refusal));
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

// The client says nothing between RCPT and DATA, and another one needs the connection: this transaction gets a new one
// when its client goes on.
void Delivery::yield() {
  yielded_ = true;
  log::Event(log::Level::info, "yielded").add("id", message_->id).add("mx", connection_->bucket().host);
  environment_.pool.end(std::move(connection_));
}

void Delivery::give_up() {
  given_up_ = true;
  budget_ = Deadline{};
  if (opening_ != nullptr) opening_->interrupt();
  if (connection_) connection_->interrupt();
}

void Delivery::abandon() {
  wake();
  if (!connection_) return;
  if (body_sent_ || data_started_) {
    connection_->abort();
    connection_.reset();
  } else {
    environment_.pool.reset_and_keep(std::move(connection_));
  }
}

}  // namespace proxy
