"""The relay that this repository builds, once with each kind of listener, configured as a user would: the system's resolver, which is
an unbound that validates, the system's trust, standard ports, and no [lab] table."""
import unbound

from room import SENDER


def start(room, listener=""):
    unbound.in_front(room)
    state = room.folder("sts-relay", "nobody", 0o700)
    configuration = room.path / "sts-relay.toml"
    configuration.write_text(
        f'hostname  = "sender.judge.example"\nstate_dir = "{state}"\n\n'
        f'[[listener]]\naddress = "{SENDER}:2525"\nallow = ["198.18.0.0/24"]\n{listener}\n'
        # The resolver validates; and a policy host that does not answer is waited for no longer than the judge waits.
        '[dns]\ndnssec = "on"\n\n[mta_sts]\nfetch_timeout = "15s"\n\n'
        # A message is tried again while the judge waits.
        '[queue]\nretry = ["5s"]\n')
    program = room.program(room.source / "build/release/bin/sts-relay")
    room.version(*room.run(program, "--version").split())
    room.start("sts-relay", program, "serve", "--config", str(configuration),
               *([] if room.as_root else ["--allow-root"]), user="nobody")
    room.listens(SENDER, 2525)
    return f"{SENDER}:2525"


def replying(room):
    return start(room)


def queueing(room):
    return start(room, 'on_defer = "queue"\n')


STANDS = {"sts-relay-reply": replying, "sts-relay-queue": queueing}
