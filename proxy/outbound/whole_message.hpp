// A message that is held whole, on its way to the recipients of one domain. Takes what Delivery answers and adds
// nothing: who is served, and what is owed to whom, is the caller's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "proxy/outbound/delivery.hpp"
#include "proxy/store/octets.hpp"

namespace proxy {

/// What became of one recipient.
struct Verdict {
  smtp::Reply reply;                ///< fit for the client
  std::string host{};               ///< that said it; empty: the words are the relay's
  bool notices_taken_over = false;  ///< with 2xx: the host passes on what the sender wants to be told
  /// What the host said, where `reply` is made of it; code 0: `reply` is what it said.
  smtp::Reply heard{};
};

struct WholeMessage {
  std::shared_ptr<const MessageFacts> facts;
  std::string received_field;
  std::shared_ptr<const Octets> octets;
  smtp::ContentFacts content;
};

/// A delivery that has asked its host, and what the host said to each recipient.
struct Begun {
  std::unique_ptr<Delivery> delivery;
  std::vector<smtp::Reply> answers;
};
/// Asks for all recipients. Where `facts->waivable`, the message's TLS-Required: No counts: what the domain publishes
/// is met where it can be, and not applied (logged) where it alone keeps the message back (RTLS-06).
awaitable<Begun> begin_held(Environment& environment, std::shared_ptr<const MessageFacts> facts, Target target,
                            std::vector<smtp::Rcpt> recipients);

/// Says in the log that what `domain` publishes is not applied to this message, and at whose wish.
void log_waiver(const MessageFacts& facts, const std::string& domain, std::string_view deferral);

/// DATA to the final reply, to the recipients that the delivery has accepted (at least one).
awaitable<Verdict> send_held(Delivery& delivery, std::string received_field, const Octets& octets,
                             smtp::ContentFacts content);

struct GroupVerdict {
  std::vector<Verdict> recipients;  ///< in order
  bool no_host = false;             ///< 4xx because no host of the domain could be had
  Lacked lacked{};                  ///< by hosts that were asked for those that no host took
};
/// All of it: envelope, body, verdicts, in as many transactions as the number of recipients takes (SMTP-47).
awaitable<GroupVerdict> send_whole(Environment& environment, WholeMessage message, Target target,
                                   std::vector<smtp::Rcpt> recipients);

}  // namespace proxy
