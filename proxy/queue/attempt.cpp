// A queued message to Delivery.
#include "proxy/queue/attempt.hpp"

#include <algorithm>

#include "policy/reply.hpp"
#include "protocol/base/text.hpp"
#include "protocol/mime/report_parts.hpp"

namespace proxy {

MessageFacts facts_of(const QueuedMessage& message) {
  MessageFacts facts;
  facts.id = message.id;
  facts.mail = message.mail;
  facts.floor = message.floor;
  // RFC 8689 §5: a report goes without where its way back does not offer it; lost it would help nobody.
  facts.demand.requiretls = message.mail.requiretls && !message.mail.reverse_path.null();
  facts.waivable = message.tls_required_no;
  facts.added = message.received_field.size();
  facts.client = message.client;
  facts.content = message.content;
  return facts;
}

namespace {

/// The report in its ASCII forms as a message; nullopt where `message` is none of ours, or has no such form. The store
/// keeps it as it is: the way back may offer more the next time.
std::optional<std::pair<QueuedMessage, std::string>> converted(const QueuedMessage& message, const Octets& octets,
                                                               Lacked lacked) {
  const bool ours = message.client.empty() && message.mail.reverse_path.null();
  const bool ascii = std::none_of(message.recipients.begin(), message.recipients.end(),
                                  [](const auto& one) { return one.rcpt.forward_path.international; });
  if (!ours || !ascii) return std::nullopt;
  std::string text(octets.size(), '\0');
  for (std::size_t have = 0; have < text.size();) {
    const auto got = octets.read(have, std::span(text).subspan(have));
    if (got == 0) return std::nullopt;
    have += got;
  }
  auto wire = mime::in_ascii(text, !lacked.eight_bit_mime);
  if (!wire) return std::nullopt;
  QueuedMessage made = message;
  made.mail.smtputf8 = false;
  made.content = {};
  made.content.eight_bit = base::has_eight_bit(*wire);
  made.mail.body = made.content.eight_bit ? smtp::Body::eight_bit : smtp::Body::seven_bit;
  made.size = wire->size();
  return std::pair(std::move(made), std::move(*wire));
}

awaitable<GroupVerdict> send(Environment& environment, const QueuedMessage& message,
                             std::shared_ptr<const Octets> octets, Target target) {
  std::vector<smtp::Rcpt> recipients;
  for (const auto& one : message.recipients) recipients.push_back(one.rcpt);
  WholeMessage whole;
  whole.facts = std::make_shared<const MessageFacts>(facts_of(message));
  whole.received_field = message.received_field;
  whole.octets = std::move(octets);
  whole.content = message.content;
  auto verdict = co_await send_whole(environment, std::move(whole), std::move(target), std::move(recipients));
  co_return verdict;
}

}  // namespace

awaitable<void> deliver_queued(Environment& environment, std::shared_ptr<const QueuedMessage> message,
                               std::shared_ptr<const Octets> octets, std::string domain,
                               Completion<GroupVerdict> done) {
  GroupVerdict verdict;
  std::string fault;
  try {
    const Target target{std::move(domain), message->recipients.front().rcpt.forward_path.is_literal};
    verdict = co_await send(environment, *message, octets, target);
    if (verdict.lacked.smtputf8 || verdict.lacked.eight_bit_mime) {
      auto ascii = converted(*message, *octets, verdict.lacked);
      if (ascii) {
        log::Event(log::Level::info, "report_in_ascii")
            .add("id", message->id)
            .add("domain", target.domain)
            .add("reason", smtp::on_one_line(verdict.recipients.front().reply));
        auto wire = std::make_shared<const OctetsInMemory>(std::move(ascii->second));
        verdict = co_await send(environment, ascii->first, std::move(wire), target);
      }
    }
  } catch (const std::exception& error) {
    fault = error.what();
  }
  if (!fault.empty()) {
    log::Event(log::Level::error, "internal_error").add("where", "queue attempt").add("reason", fault);
    verdict = {};
    verdict.recipients.assign(message->recipients.size(), {policy::reply::internal("the attempt failed")});
  }
  done(std::move(verdict));
}

}  // namespace proxy
