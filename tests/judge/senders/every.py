"""All senders that are judged, by name. A further one: a module with `start(room)`, which starts its daemons and returns the ADDRESS:PORT
where it takes mail, a line here, and its verdicts in tests/judge/expected."""
from collections import namedtuple

import exim
import postfix
import sts_relay

# one_user: it can do without users of its own, so that one who is not root can judge it too.
Stand = namedtuple("Stand", "start one_user")

STANDS = {
    **{name: Stand(start, True) for name, start in sts_relay.STANDS.items()},
    **{name: Stand(start, False) for module in (postfix, exim) for name, start in module.STANDS.items()},
}
