// A message of the queue as tests want it: with an id of its number, at noon, for these recipients.
#pragma once

#include <string>
#include <vector>

#include "proxy/store/queue_store.hpp"

namespace test {

inline const proxy::QueueTime noon{std::chrono::seconds(1'800'000'000)};

inline smtp::Path path(const std::string& address) {
  std::string_view rest;
  return *smtp::parse_path('<' + address + '>', true, rest);
}

inline proxy::QueuedMessage queued(std::int64_t number, const std::vector<std::string>& to,
                                   const std::string& from = "a@sender.test") {
  proxy::QueuedMessage made;
  made.number = number;
  made.id = "id" + std::to_string(number);
  made.mail.reverse_path = path(from);
  made.client = "192.0.2.7";
  made.received = noon;
  made.expires = noon + std::chrono::hours(120);
  for (const auto& address : to) {
    proxy::QueuedRecipient one;
    one.number = static_cast<std::uint32_t>(made.recipients.size());
    one.rcpt.forward_path = path(address);
    one.attempts = 1;
    one.next_attempt = noon + std::chrono::minutes(5);
    one.reason = "451 4.7.4 x.test demands verified TLS: mx1.x.test: no STARTTLS";
    made.recipients.push_back(one);
  }
  return made;
}

}  // namespace test
