"""The README's table of judged senders, from the results of the last runs. Never judges."""
import json

BEGIN, END = "<!-- tests/judge/run --table -->", "<!-- end of the table -->"
SIDES = ("control", "policy", "past", "mx", "dane", "smtp")
WORDS = {"held": "held", "leaked": "leaked", "lost": "lost", "refused to deliver": "refused", "not reached": "not reached"}


def cell(attacks, side):
    seen = [attack["verdict"] for attack in attacks if attack["side"] == side]
    return ", ".join(f"{seen.count(verdict)} {word}" for verdict, word in WORDS.items() if verdict in seen)


def lines(results, senders):
    rows = []
    for sender in senders:
        attacks = json.loads((results / sender / "result.json").read_text())["attacks"]
        version = json.loads((results / sender / "facts.json").read_text())["version"]
        rows.append(f"| `{sender}` | {', '.join(version)} | " + " | ".join(cell(attacks, side) for side in SIDES) + " |")
    return ["| stand | version | " + " | ".join(SIDES) + " |", "|" + "---|" * (len(SIDES) + 2), *rows]


def without_versions(rows):
    """A security update of Debian's makes no verdict wrong."""
    return [[column.strip() for number, column in enumerate(row.split("|")) if number != 2] for row in rows if row]


def is_current(readme, results, senders):
    _, _, rest = readme.read_text().partition(BEGIN)
    shown, _, _ = rest.partition(END)
    return without_versions(shown.split("\n")) == without_versions(lines(results, senders))


def write(readme, results, senders):
    missing = [sender for sender in senders if not (results / sender / "facts.json").exists()]
    if missing:
        print("error: no result of " + ", ".join(missing) + "; judge them first: tests/judge/run")
        return 1
    text = readme.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    readme.write_text("\n".join([before + BEGIN, *lines(results, senders), END + after]))
    return 0
