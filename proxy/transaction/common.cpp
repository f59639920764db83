// What both kinds of transaction need.
#include <chrono>

#include "policy/reply.hpp"
#include "protocol/mime/header_scanner.hpp"
#include "protocol/mime/trace.hpp"
#include "proxy/net/idn.hpp"
#include "proxy/transaction/transaction.hpp"

namespace proxy {

std::string received(const Environment& environment, const Origin& origin, const std::string& id,
                     std::string_view recipient) {
  const auto config = environment.config();
  return mime::received_field({.hello = origin.hello,
                               .client_address = origin.client_address,
                               .hostname = config->hostname,
                               .with = origin.with,
                               .id = id,
                               .for_recipient = recipient,
                               .tls_cipher = origin.tls_cipher,
                               .now = std::chrono::system_clock::now()});
}

MessageFacts message_facts(const Origin& origin, const std::string& id, const smtp::Mail& mail) {
  MessageFacts message;
  message.id = id;
  message.mail = mail;
  message.floor = origin.floor;
  message.client = origin.client_address;
  // RFC 8689 §5: a bounce goes without where its way back does not offer it; lost it would help nobody.
  message.demand.requiretls = mail.requiretls && !mail.reverse_path.null();
  return message;
}

awaitable<void> report_owed(Queue& queue, Environment& environment, const Origin& origin, const std::string& id,
                            const smtp::Mail& mail, std::vector<smtp::Rcpt> recipients, std::vector<Verdict> verdicts,
                            const Octets* octets) {
  QueuedMessage message;
  message.id = id;
  message.mail = mail;
  message.floor = origin.floor;
  message.received = std::chrono::system_clock::now();
  auto about = owed(message, recipients, verdicts);
  auto report = report_on(*environment.config(), message, octets, std::move(about), queue.next_number(),
                          message.received, environment.random);
  if (!report) co_return;
  QueueChange change;
  change.add.push_back(std::move(*report));
  const bool taken = co_await queue.take(std::move(change));
  if (!taken)
    log::Event(log::Level::error, "report_lost").add("about", id).add("reason", "the queue cannot be written");
}

bool may_waive(const Origin& origin, const smtp::Mail& mail) {
  return origin.may_waive && !mail.requiretls;  // RFC 8689 §4.1: REQUIRETLS stands above the field
}

bool says_tls_required_no(std::string_view first_part, bool last) {
  mime::HeaderScanner header;
  header.scan(first_part);
  if (last) header.end();
  return header.tls_required_no();
}

std::variant<Target, smtp::Reply> target_of(const Config& config, smtp::Rcpt& recipient) {
  auto& path = recipient.forward_path;
  if (path.postmaster) {
    if (!config.postmaster) return policy::reply::no_postmaster();
    std::string_view rest;
    const std::string bracketed = '<' + *config.postmaster + '>';
    auto configured = smtp::parse_path(bracketed, false, rest);
    if (!configured) return policy::reply::no_postmaster();
    path = std::move(*configured);
  }
  if (path.international && !path.is_literal) {
    auto name = to_ascii(path.domain);
    if (!name) return smtp::Reply{501, "5.1.3", "the domain has no form in A-labels"};
    path.domain = std::move(*name);
  }
  return Target{path.domain, path.is_literal};
}

}  // namespace proxy
