// A held message through Delivery.
#include "proxy/outbound/whole_message.hpp"

#include <algorithm>

#include "policy/reply.hpp"

namespace proxy {

namespace {
constexpr std::size_t part_size = 32768;
constexpr std::size_t recipients_at_most = 100;  // RFC 5321 §4.5.3.1.8: what every host takes
}  // namespace

void log_waiver(const MessageFacts& facts, const std::string& domain, std::string_view deferral) {
  log::Event(log::Level::warn, "tls_required_no")
      .add("id", facts.id)
      .add("domain", domain)
      .add("client", facts.client)
      .add("reason", deferral);
}

awaitable<Begun> begin_held(Environment& environment, std::shared_ptr<const MessageFacts> facts, Target target,
                            std::vector<smtp::Rcpt> recipients) {
  Begun begun;
  begun.delivery = std::make_unique<Delivery>(environment, facts, target);
  begun.answers = co_await begun.delivery->recipients(recipients);
  if (const auto deferral = begun.delivery->waivable_deferral()) {
    log_waiver(*facts, target.domain, deferral->text);
    auto without = std::make_shared<MessageFacts>(*facts);
    without->waivable = false;
    without->demand.tls_required_no = true;
    begun.delivery = std::make_unique<Delivery>(environment, std::move(without), std::move(target));
    begun.answers = co_await begun.delivery->recipients(std::move(recipients));
  }
  co_return begun;
}

awaitable<Verdict> send_held(Delivery& delivery, std::string received_field, const Octets& octets, bool eight_bit,
                             bool eight_bit_header) {
  Verdict verdict;
  const bool taken = (!eight_bit || delivery.take_eight_bit()) && (!eight_bit_header || delivery.take_utf8_header());
  if (taken) {
    std::vector<char> part(std::min(part_size, octets.size()));
    std::size_t offset = 0;
    do {
      const auto got = octets.read(offset, part);
      if (got == 0 && offset < octets.size()) {
        // What was held cannot be read back: the host must not take what it has for the message.
        delivery.abandon();
        verdict.reply = policy::reply::internal("the held message cannot be read");
        co_return verdict;
      }
      offset += got;
      co_await delivery.body(received_field, std::string_view(part.data(), got), offset >= octets.size());
      received_field.clear();
    } while (offset < octets.size());
  }
  verdict.reply = co_await delivery.finish();
  verdict.host = delivery.speaker();
  verdict.notices_taken_over = delivery.took_over_notices();
  co_return verdict;
}

awaitable<GroupVerdict> send_whole(Environment& environment, WholeMessage message, Target target,
                                   std::vector<smtp::Rcpt> recipients) {
  GroupVerdict group;
  for (std::size_t from = 0; from < recipients.size(); from += recipients_at_most) {
    const auto to = std::min(recipients.size(), from + recipients_at_most);
    std::vector<smtp::Rcpt> some(recipients.begin() + static_cast<std::ptrdiff_t>(from),
                                 recipients.begin() + static_cast<std::ptrdiff_t>(to));
    auto begun = co_await begin_held(environment, message.facts, target, std::move(some));
    auto& delivery = *begun.delivery;
    auto& answers = begun.answers;
    const auto speaker = delivery.speaker();
    group.no_host = group.no_host || delivery.no_host();
    Verdict final_verdict;
    if (delivery.accepted() > 0)
      final_verdict = co_await send_held(delivery, message.received_field, *message.octets, message.eight_bit,
                                         message.eight_bit_header);
    for (auto& answer : answers) {
      if (answer.positive()) {
        group.recipients.push_back(final_verdict);
      } else {
        group.recipients.push_back({std::move(answer), speaker});
      }
    }
    if (group.no_host) {
      // The others would hear the same; they are answered alike, and no host is asked again at once.
      const auto same = group.recipients.back();
      group.recipients.resize(recipients.size(), same);
      break;
    }
  }
  co_return group;
}

}  // namespace proxy
