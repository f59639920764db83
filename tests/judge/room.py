"""A room for one mail sender: private network, mounts and processes, in which the laboratory is the whole Internet. What the machine has
at a path is covered there, never changed; all of it ends with the room. Used inside the namespaces that `run` makes."""
import os
import pwd
import select
import shutil
import socket
import subprocess
import time
from pathlib import Path

# No address of 127.0.0.0/8, and none of a private network: mail servers take the former for their own, and some refuse both as MX hosts.
# This one is set aside for laboratories (RFC 2544).
DNS, WEB, FIRST_MX, SENDER, RESOLVER = "198.18.0.53", "198.18.0.80", "198.18.1.1", "198.18.0.25", "198.18.0.54"
PATIENCE = 60.0  # seconds for a daemon to listen


class NoStand(Exception):
    """Why the sender could not be set up."""


class Room:
    def __init__(self, directory, source, wait):
        self.path = Path(directory)
        self.source = source  # of this repository
        self.wait = wait  # how long the judge waits for a message, in seconds
        self.authority = self.path / "lab-state" / "lab-ca.pem"
        self.root_key = self.path / "lab-state" / "root.key"
        self.as_root = not os.environ.get("JUDGE_ONE_USER")
        self.daemons = []
        self.facts = {"version": []}  # what the table says of the stand: its programs, the last one first
        # What the sender keeps is in memory: a busy disk is no attack.
        self.memory = self.path / "memory"
        self.memory.mkdir()
        self.run("mount", "-t", "tmpfs", "-o", "mode=755", "room", str(self.memory))
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", "198.18.0.1/16", "dev", "lo")  # and with it every address of the network;
        self.run("ip", "address", "add", f"{SENDER}/32", "dev", "lo")  # Postfix looks for its own among those of the interfaces
        self.nameserver(DNS)
        self.cover("/etc/hosts", f"127.0.0.1 localhost\n{SENDER} sender.judge.example sender\n")
        self.trust()
        (self.path / "lab.toml").write_text(
            f'dns_address = "{DNS}"\ndns_port = 53\npolicy_address = "{WEB}"\nhttps_port = 443\n'
            f'mx_address = "{FIRST_MX}"\nsmtp_port = 25\n')

    def nameserver(self, address):
        """The system's resolver: one that validates, over a path that is safe."""
        self.cover("/etc/resolv.conf", f"nameserver {address}\noptions trust-ad\n")

    def trust(self):
        """The laboratory's authority is the only one of the system's store, as c_rehash and as one file."""
        store = self.folder("certificates")
        shutil.copy(self.authority, store / "lab-ca.pem")
        shutil.copy(self.authority, store / "ca-certificates.crt")
        name = self.run("openssl", "x509", "-noout", "-subject_hash", "-in", str(self.authority)).strip()
        (store / f"{name}.0").symlink_to("lab-ca.pem")
        self.bind(store, "/etc/ssl/certs")

    # files

    def folder(self, name, user=None, mode=0o755):
        path = self.memory / name
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if user and self.as_root:
            shutil.chown(path, user, pwd.getpwnam(user).pw_gid)
        return path

    def bind(self, inner, path):
        self.run("mount", "--bind", str(inner), path)

    def cover(self, path, text):
        """The file at this path, which the machine must have, has this text in here."""
        inner = self.memory / "covers" / path.strip("/")
        inner.parent.mkdir(parents=True, exist_ok=True)
        inner.write_text(text)
        if not os.path.samefile(inner, path):
            self.bind(inner, path)

    def empty(self, path, user=None, mode=0o755):
        """The directory at this path, which the machine must have, is empty in here."""
        inner = self.folder("covers/" + path.strip("/"), user, mode)
        self.bind(inner, path)
        return inner

    def program(self, path):
        """A program at a path that every user may reach."""
        copy = self.folder("programs") / Path(path).name
        shutil.copy(path, copy)
        copy.chmod(0o755)
        return str(copy)

    # processes

    def run(self, *command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        if done.returncode != 0:
            raise NoStand(f"{' '.join(command)}: {done.stdout.strip()}")
        return done.stdout

    def start(self, name, *command, user=None):
        """A daemon, until the room ends; what it says is in NAME.log."""
        log = open(self.path / f"{name}.log", "wb")
        who = {}
        if user and self.as_root:
            entry = pwd.getpwnam(user)
            who = {"user": user, "group": entry.pw_gid, "extra_groups": [], "env": {**os.environ, "HOME": entry.pw_dir}}
        daemon = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.path, **who)
        self.daemons.append((name, daemon))

    def listens(self, address, port):
        """Waits until something does."""
        end = time.monotonic() + PATIENCE
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((address, port)) == 0:
                    return
            for name, daemon in self.daemons:
                if daemon.poll() is not None:
                    raise NoStand(f"{name} ended with status {daemon.returncode}")
            if time.monotonic() > end:
                raise NoStand(f"nothing listens at {address}:{port}")
            self.daemon_ends(0.05)

    def daemon_ends(self, seconds):
        """Waits until one does, at most so long."""
        watched = [os.pidfd_open(daemon.pid) for _, daemon in self.daemons if daemon.poll() is None]
        select.select(watched, [], [], seconds)
        for one in watched:
            os.close(one)

    def version(self, *words):
        self.facts["version"].insert(0, " ".join(words))

    def debian_version(self, package):
        return self.run("dpkg-query", "-W", "-f", "${Version}", package)
