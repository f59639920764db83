// What follows from an attempt at the recipients of a queued message: who is done, who is tried again and when, and
// which report is owed. A report stands in the same change as what it reports: neither is there without the other.
#pragma once

#include <random>
#include <vector>

#include "proxy/queue/report.hpp"

namespace proxy {

struct Settlement {
  QueueChange change;
  /// Of reports that `change` inserts: their number and where they go.
  std::vector<QueuedMessage> reports{};
};

/// `message` with the recipients that were tried, `verdicts` one each. `last`: the lifetime is over, and this was the
/// last attempt (STS-54 is done: each looks at the policy afresh).
Settlement settle(const Config& config, const QueuedMessage& message, const Octets* octets,
                  const std::vector<Verdict>& verdicts, bool last, QueueTime now, std::mt19937& random,
                  const std::function<std::int64_t()>& next_number);

/// Reports on what ended while the client waited (SMTP-40): with `refused` those that failed, else those that a host
/// without DSN took (SMTP-26).
std::vector<mime::ReportedRecipient> owed(const QueuedMessage& message, const std::vector<smtp::Rcpt>& recipients,
                                          const std::vector<Verdict>& verdicts);

}  // namespace proxy
