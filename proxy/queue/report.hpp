// Reports to senders as messages of the queue: who gets one, and with what of the message in it. The text is made by
// protocol/mime. Never one for a message from <> (SMTP-58), never a stronger or weaker way back than the message's own
// demand asks (RTLS-05).
#pragma once

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "policy/queue/notice.hpp"
#include "protocol/mime/delivery_report.hpp"
#include "proxy/config/config.hpp"
#include "proxy/outbound/whole_message.hpp"
#include "proxy/store/queue_store.hpp"

namespace proxy {

/// One recipient's line of a report.
mime::ReportedRecipient reported(const smtp::Rcpt& recipient, mime::ReportedRecipient::Action action,
                                 const Verdict& verdict);

/// The report, fit to be inserted with what it reports; nullopt: there is nobody to tell, or nothing to say. `octets`
/// are the message's own, null where they cannot be read. `number`: of the new message.
std::optional<QueueChange::New> report_on(const Config& config, const QueuedMessage& message, const Octets* octets,
                                          std::vector<mime::ReportedRecipient> recipients, std::int64_t number,
                                          QueueTime now, std::mt19937& random);

/// A message id: unique over restarts and workers, letters and digits.
std::string new_message_id(std::mt19937& random);

}  // namespace proxy
