#!/usr/bin/python3
"""One stand, inside the namespaces that `run` has made: sets up the room, starts the sender, lets sts-lab judge it. What it leaves behind is
in the room's directory: result.json, result.html, facts.json, a log of each daemon. Status 0: judged, whatever the verdicts."""
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "senders"))
sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True
from every import STANDS
from room import NoStand, Room

LONGEST = 600  # seconds for a whole judgement


def main():
    sender, directory, wait = sys.argv[1:]
    source = Path(__file__).resolve().parents[2]
    try:
        room = Room(directory, source, int(wait))
        address = STANDS[sender].start(room)
        with open(room.path / "judge.log", "wb") as log:
            subprocess.run([source / "build/release/bin/sts-lab", "judge", "--config", room.path / "lab.toml", "--smtp", address,
                            "--wait", f"{room.wait}s", "--json", room.path / "result.json", "--html", room.path / "result.html"],
                           stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=LONGEST, check=False)
        (room.path / "facts.json").write_text(json.dumps(room.facts))
        for name, daemon in room.daemons:
            if daemon.poll() is not None:
                raise NoStand(f"{name} ended with status {daemon.returncode} while it was judged")
    except (NoStand, OSError, subprocess.TimeoutExpired) as fault:
        print(fault)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
