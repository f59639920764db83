// One attempt at a unit of the queue, on a worker. A report of ours is converted for a way back that cannot take it as
// it is (SMTP-62, and so that no report is lost for its 8-bit content); nothing else is ever changed.
#pragma once

#include <memory>
#include <string>

#include "proxy/outbound/whole_message.hpp"
#include "proxy/store/completion.hpp"
#include "proxy/store/queue_store.hpp"

namespace proxy {

/// The facts of a message as Delivery wants them.
MessageFacts facts_of(const QueuedMessage& message);

/// Tries all recipients of `message`, which are of one domain, and tells `done`, whatever happens.
awaitable<void> deliver_queued(Environment& environment, std::shared_ptr<const QueuedMessage> message,
                               std::shared_ptr<const Octets> octets, std::string domain, Completion<GroupVerdict> done);

}  // namespace proxy
