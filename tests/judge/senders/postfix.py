"""Debian's Postfix: alone, with postfix-mta-sts-resolver, and with DANE through unbound. Its main.cf is Debian's own with the few lines
that each stand needs; nothing else that would make it safer or less safe."""
import shutil

import unbound

from room import SENDER

SERVICES = "/etc/postfix/master.cf.proto"


def start(room, **settings):
    """Postfix as Debian installs it, outside its chroot, which Debian's start script would fill from the machine."""
    configuration = room.memory / "postfix"
    shutil.copytree("/etc/postfix", configuration, symlinks=True)  # with the scripts that make the spool
    debian = open("/usr/share/postfix/main.cf.debian").read()
    debian += "".join(line for line in open("/usr/share/postfix/main.cf.tls") if line.startswith("smtp_"))
    ours = {
        "myhostname": "sender.judge.example", "mydestination": "", "local_recipient_maps": "", "alias_maps": "",
        "inet_interfaces": SENDER, "inet_protocols": "ipv4", "mynetworks": "198.18.0.0/24", "maillog_file": "/dev/stdout",
        # A message is tried again while the judge waits.
        "minimal_backoff_time": "5s", "maximal_backoff_time": "10s", "queue_run_delay": "5s",
    }
    ours.update(settings)
    (configuration / "main.cf").write_text(debian + "".join(f"{key} = {value}\n" for key, value in ours.items()))
    services = []
    for line in open(SERVICES):
        words = line.split(None, 5)
        if not line.startswith(("#", " ")) and len(words) > 5 and words[4] == "y":
            line = " ".join(words[:4] + ["n"] + words[5:])
        services.append(line)
    (configuration / "master.cf").write_text("".join(services))
    room.bind(configuration, "/etc/postfix")
    room.empty("/var/lib/postfix", "postfix")
    room.empty("/var/spool/postfix")
    room.version("Postfix", room.debian_version("postfix"))
    room.start("postfix", "/usr/sbin/postfix", "start-fg")
    room.listens(SENDER, 25)
    return f"{SENDER}:25"


def alone(room):
    return start(room)


def with_mta_sts_resolver(room):
    """The daemon with Debian's cache, and the line for main.cf that its manual gives. A changed record counts while the judge waits, not a
    minute later. Cache and fetch may take longer than they do by default: without an answer in time the daemon says that there is no policy,
    which on a busy machine would be found for an attack's doing."""
    room.cover("/etc/mta-sts-daemon.yml",
               "cache:\n  type: sqlite\n  options:\n    filename: /var/lib/mta-sts/cache.db\n    timeout: 30\n"
               "cache_grace: 1\ndefault_zone:\n  timeout: 15\n")
    room.empty("/var/lib/mta-sts", "_mta-sts")
    room.start("mta-sts-daemon", "/usr/bin/mta-sts-daemon", user="_mta-sts")
    room.listens("127.0.0.1", 8461)
    room.version("postfix-mta-sts-resolver", room.debian_version("postfix-mta-sts-resolver"))
    return start(room, smtp_tls_policy_maps="socketmap:inet:127.0.0.1:8461:postfix")


def with_dane(room):
    unbound.in_front(room)
    return start(room, smtp_dns_support_level="dnssec", smtp_tls_security_level="dane")


STANDS = {"postfix": alone, "postfix-mta-sts-resolver": with_mta_sts_resolver, "postfix-dane": with_dane}
