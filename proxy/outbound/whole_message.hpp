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
};

struct WholeMessage {
  std::shared_ptr<const MessageFacts> facts;
  std::string received_field;
  std::shared_ptr<const Octets> octets;
  bool eight_bit = false;         ///< an octet above 127 is in it
  bool eight_bit_header = false;  ///< in its header
};

/// DATA to the final reply, to the recipients that the delivery has accepted (at least one).
awaitable<Verdict> send_held(Delivery& delivery, std::string received_field, const Octets& octets, bool eight_bit,
                             bool eight_bit_header);

struct GroupVerdict {
  std::vector<Verdict> recipients;  ///< in order
  bool no_host = false;             ///< 4xx because no host of the domain could be had
};
/// All of it: envelope, body, verdicts, in as many transactions as the number of recipients takes (SMTP-47).
awaitable<GroupVerdict> send_whole(Environment& environment, WholeMessage message, Target target,
                                   std::vector<smtp::Rcpt> recipients);

}  // namespace proxy
