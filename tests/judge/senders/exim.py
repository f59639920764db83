"""Debian's Exim, from build/peers: what upstream's default configuration says of remote delivery, with DANE as Debian builds it, through
unbound. Exim has no MTA-STS of its own."""
import gzip
import re
import shutil

import unbound

from room import SENDER, NoStand

PACKAGE = "exim4-daemon-light"
USER, NUMBER = "Debian-exim", 64100

CONFIGURATION = """
primary_hostname = sender.judge.example
exim_path = {program}
spool_directory = {spool}
log_file_path = {logs}/exim-%s.log
local_interfaces = {address}
daemon_smtp_ports = 25
keep_environment =
notifier_socket =
dns_dnssec_ok = 1
hostlist relay_from_hosts = 198.18.0.0/24
acl_smtp_rcpt = acl_check_rcpt

begin acl
acl_check_rcpt:
  accept hosts = +relay_from_hosts
         control = dkim_disable_verify

begin routers
dnslookup:
  driver = dnslookup
  transport = remote_smtp
  dnssec_request_domains = *
  ignore_target_hosts = 0.0.0.0 : 127.0.0.0/8 : 192.168.0.0/16 : 172.16.0.0/12 : 10.0.0.0/8 : 169.254.0.0/16
  no_more

begin transports
remote_smtp:
  driver = smtp
  hosts_try_dane = *

begin retry
# A message is tried again while the judge waits.
* * F,1h,5s
"""


def start(room):
    unbound.in_front(room)
    unpacked = room.source / "build/peers" / PACKAGE
    if not unpacked.exists():
        raise NoStand(f"build/peers/{PACKAGE} is missing; tests/install tests unpacks it")
    line = f"{USER}:x:{NUMBER}:"
    room.cover("/etc/group", open("/etc/group").read() + line + "\n")
    room.cover("/etc/passwd", open("/etc/passwd").read() + f"{line}{NUMBER}::/:/usr/sbin/nologin\n")
    program = room.program(unpacked / "usr/sbin/exim4")
    logs = room.path / "logs"
    logs.mkdir()
    shutil.chown(logs, USER)
    configuration = room.folder("etc") / "exim4.conf"
    # A file other than the compiled-in one costs the privileges of root after the start; delivery to other hosts needs none.
    configuration.write_text(CONFIGURATION.format(
        program=program, address=SENDER, spool=room.folder("spool", USER), logs=logs))
    with gzip.open(unpacked / "usr/share/doc" / PACKAGE / "changelog.Debian.gz", "rt") as changes:
        room.version("Exim", re.search(r"\((.*?)\)", changes.readline())[1])
    room.start("exim", program, "-C", str(configuration), "-bdf", "-q5s")
    room.listens(SENDER, 25)
    return f"{SENDER}:25"


STANDS = {"exim": start}
