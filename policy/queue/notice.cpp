// NOTIFY against what happened. Never tells anybody of a message that came from <>: two mail systems could else go on
// telling each other for ever.
#include "policy/queue/notice.hpp"

namespace policy::queue {

bool is_due(Event event, const smtp::Notify& notify, bool sender_is_null) {
  if (sender_is_null || notify.never) return false;  // RFC 5321 §6.1, SMTP-58
  switch (event) {
    case Event::failed: return !notify.given || notify.failure;
    case Event::delayed: return !notify.given || notify.delay;  // RFC 3461 §5.2.5: only where it was not ruled out
    case Event::relayed: return notify.success;                 // RFC 3461 §5.2.2
  }
  return false;
}

}  // namespace policy::queue
