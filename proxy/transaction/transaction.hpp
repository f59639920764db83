// One client transaction from MAIL to the final reply, whatever kind of listener it came in by.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/smtp/command.hpp"
#include "protocol/smtp/data_scanner.hpp"
#include "proxy/queue/queue.hpp"

namespace proxy {

/// What a transaction is told of the client and the listener.
struct Origin {
  std::string client_address;
  std::string hello;
  std::string with{};         ///< ESMTP, ESMTPS, SMTP, LMTP ...: for Received
  std::string tls_cipher{};   ///< of the client's session; empty in plaintext
  policy::Requirement floor;  ///< of the listener
  bool may_waive = false;     ///< the client's TLS-Required: No counts (RTLS-07)
};

class Transaction {
 public:
  virtual ~Transaction() = default;
  /// One reply a recipient, in order.
  virtual awaitable<std::vector<smtp::Reply>> recipients(std::vector<smtp::Rcpt> batch) = 0;
  /// A part of the message in canonical wire form; `last`: the end marker follows.
  virtual awaitable<void> body(std::string_view wire, bool last, const smtp::BodyFacts& facts) = 0;
  /// The final reply; one for each accepted recipient after LHLO.
  virtual awaitable<std::vector<smtp::Reply>> finish() = 0;
  virtual void abandon() = 0;
  /// While recipients() is under way: nobody waits for its answer any more, which comes soon therefore.
  virtual void client_left() {}
};

/// SMTP: one recipient domain, cut through. LMTP: any mix, one delivery a domain after the data. `queue`: for what a
/// sender is to be told (SMTP-26); may be null.
std::unique_ptr<Transaction> make_relay(Environment& environment, Queue* queue, const Origin& origin, std::string id,
                                        smtp::Mail mail);
std::unique_ptr<Transaction> make_fanout(Environment& environment, Queue* queue, const Origin& origin, std::string id,
                                         smtp::Mail mail);
/// on_defer = "queue", SMTP and LMTP: what cannot go out within `patience` is taken.
std::unique_ptr<Transaction> make_queued(Environment& environment, Queue& queue, const Origin& origin, std::string id,
                                         smtp::Mail mail, bool lmtp, std::chrono::milliseconds patience);

/// Inserts the report that is owed to the sender of a message that was not queued, of those whom a host without DSN
/// took (SMTP-26). `octets`: the message, or its first part with the header.
awaitable<void> report_owed(Queue& queue, Environment& environment, const Origin& origin, const std::string& id,
                            const smtp::Mail& mail, std::vector<smtp::Rcpt> recipients, std::vector<Verdict> verdicts,
                            const Octets* octets);

/// The facts of a message that all its deliveries share.
MessageFacts message_facts(const Origin& origin, const std::string& id, const smtp::Mail& mail);
/// RTLS-09: whether a TLS-Required: No header of this message would count.
bool may_waive(const Origin& origin, const smtp::Mail& mail);
/// Whether the header, which must end in the first part of the body (the hold), has a TLS-Required: No (RTLS-09).
bool says_tls_required_no(std::string_view first_part, bool last);

/// The Received field; `recipient` only in a one-recipient transaction (RFC 5321 §4.4).
std::string received(const Environment& environment, const Origin& origin, const std::string& id,
                     std::string_view recipient);

/// Where a recipient's mail goes, or the refusal: <postmaster>, and no address is configured for it; a name without
/// A-labels. Changes the path of <postmaster>, and the domain of one with U-labels.
std::variant<Target, smtp::Reply> target_of(const Config& config, smtp::Rcpt& recipient);

}  // namespace proxy
