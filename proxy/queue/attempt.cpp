// A queued message to Delivery.
#include "proxy/queue/attempt.hpp"

#include "policy/reply.hpp"

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
  return facts;
}

awaitable<void> deliver_queued(Environment& environment, std::shared_ptr<const QueuedMessage> message,
                               std::shared_ptr<const Octets> octets, std::string domain,
                               Completion<GroupVerdict> done) {
  GroupVerdict verdict;
  std::string fault;
  try {
    std::vector<smtp::Rcpt> recipients;
    for (const auto& one : message->recipients) recipients.push_back(one.rcpt);
    Target target{std::move(domain), recipients.front().forward_path.is_literal};
    WholeMessage whole;
    whole.facts = std::make_shared<const MessageFacts>(facts_of(*message));
    whole.received_field = message->received_field;
    whole.octets = octets;
    whole.content = message->content;
    verdict = co_await send_whole(environment, std::move(whole), std::move(target), std::move(recipients));
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
