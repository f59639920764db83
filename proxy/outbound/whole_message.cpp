// A held message through Delivery.
#include "proxy/outbound/whole_message.hpp"

#include <algorithm>
#include <deque>
#include <numeric>

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

awaitable<Verdict> send_held(Delivery& delivery, std::string received_field, const Octets& octets,
                             smtp::ContentFacts content) {
  Verdict verdict;
  if (delivery.take(content)) {
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
  group.recipients.resize(recipients.size());
  std::deque<std::size_t> waiting(recipients.size());
  std::iota(waiting.begin(), waiting.end(), 0);
  while (!waiting.empty()) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(waiting.size(), recipients_at_most));
    const std::vector<std::size_t> places(waiting.begin(), waiting.begin() + count);
    waiting.erase(waiting.begin(), waiting.begin() + count);
    std::vector<smtp::Rcpt> some;
    for (const auto place : places) some.push_back(recipients[place]);
    auto begun = co_await begin_held(environment, message.facts, target, std::move(some));
    auto& delivery = *begun.delivery;
    const auto speaker = delivery.speaker();
    group.no_host = group.no_host || delivery.no_host();
    group.lacked.smtputf8 |= delivery.lacked().smtputf8;
    group.lacked.eight_bit_mime |= delivery.lacked().eight_bit_mime;
    const bool any = delivery.accepted() > 0;
    Verdict final_verdict;
    if (any) final_verdict = co_await send_held(delivery, message.received_field, *message.octets, message.content);
    for (std::size_t i = 0; i < places.size(); ++i) {
      auto& answer = begun.answers[i];
      // SMTP-46: too many for one transaction, and the next one follows at once. Each takes one off at least.
      if (any && answer.code == 452 && final_verdict.reply.kind() != 4) waiting.push_back(places[i]);
      auto& verdict = group.recipients[places[i]];
      verdict = answer.positive() ? final_verdict : Verdict{std::move(answer), speaker};
    }
    if (!group.no_host) continue;
    // The others would hear the same; they are answered alike, and no host is asked again at once.
    const auto same = group.recipients[places.back()];
    for (const auto place : waiting) group.recipients[place] = same;
    break;
  }
  co_return group;
}

}  // namespace proxy
