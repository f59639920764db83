// Which events of a recipient its sender is told of (RFC 3461 §4.1, §5.2; SMTP-26, SMTP-28, SMTP-58). Pure.
#pragma once

#include "protocol/smtp/command.hpp"

namespace policy::queue {

enum class Event { failed, delayed, relayed };

/// Whether a report is due. `sender_is_null`: the message came from <>, and nobody is ever told of it. `relayed` is
/// asked only where a host without DSN took the message: then due with NOTIFY=SUCCESS alone.
bool is_due(Event event, const smtp::Notify& notify, bool sender_is_null);

}  // namespace policy::queue
