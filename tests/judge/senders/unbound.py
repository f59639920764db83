"""Unbound between the laboratory's DNS server and a sender that does DANE: it validates what the laboratory signs, and the sender believes
its AD flag. No sender itself."""
from room import DNS, RESOLVER

CONFIGURATION = """
server:
  interface: {address}
  access-control: 198.18.0.0/16 allow
  do-daemonize: no
  use-syslog: no
  val-log-level: 2
  chroot: ""
  username: "{user}"
  directory: "{directory}"
  pidfile: ""
  module-config: "validator iterator"
  trust-anchor-file: "{anchor}"
  local-zone: "test." nodefault
  # The laboratory changes its mind from message to message.
  cache-max-ttl: 0
  cache-max-negative-ttl: 0
  val-bogus-ttl: 1
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: {server}
"""


def in_front(room):
    """From now on the system's resolver."""
    directory = room.folder("unbound", "unbound")
    anchor = directory / "root.key"
    anchor.write_text(room.root_key.read_text())
    configuration = directory / "unbound.conf"
    configuration.write_text(CONFIGURATION.format(address=RESOLVER, directory=directory, anchor=anchor, server=DNS,
                                                  user="unbound" if room.as_root else ""))
    room.nameserver(RESOLVER)
    room.start("unbound", "/usr/sbin/unbound", "-d", "-c", str(configuration))
    room.listens(RESOLVER, 53)
    room.version("unbound", room.debian_version("unbound"))
