"""Verdicts that were seen against those that are expected. Never judges: a difference is for a reader to decide.

tests/judge/expected/SENDER has a line for each attack that is not simply held: its name, the verdict, and behind # why. Where what a sender
does depends on its own timing, `held|leaked` allows both, and the line says on what."""
import json


def read(file):
    expected = {}
    if not file.exists():
        return expected
    for number, line in enumerate(file.read_text().splitlines(), 1):
        text = line.split("#")[0].split(None, 1)
        if text:
            if len(text) != 2:
                raise SystemExit(f"{file}:{number}: a name and a verdict were expected")
            expected[text[0]] = set(text[1].strip().split("|"))
    return expected


def accept(file, attacks, before):
    """Keeps the comments, and what is allowed where it fits what was seen."""
    old = {}
    head = []
    for line in file.read_text().splitlines() if file.exists() else []:
        if line.startswith("#"):
            head.append(line)
        elif line.strip():
            old[line.split()[0]] = line
    lines = head
    for attack in attacks:
        name, verdict = attack["name"], attack["verdict"]
        if verdict in before.get(name, {"held"}):
            if name in old:
                lines.append(old[name])
        else:
            lines.append(f"{name:32}{verdict}")
    file.write_text("\n".join(lines) + "\n" if lines else "")


def compare(file, result, write=False):
    """What differs, in words."""
    attacks = json.loads(result.read_text())["attacks"]
    if not attacks:
        return ["no attack was judged"]
    expected = read(file)
    if write:
        accept(file, attacks, expected)
        return []
    if not file.exists():
        return [f"{file.name} has no file in tests/judge/expected; tests/judge/run --accept {file.name} writes it"]
    faults = [f"{name} is expected, and no attack of the catalogue has that name"
              for name in expected.keys() - {attack["name"] for attack in attacks}]
    for attack in attacks:
        wanted = expected.get(attack["name"], {"held"})
        if attack["verdict"] not in wanted:
            faults.append(f"{attack['name']}: {attack['verdict']}, expected {' or '.join(sorted(wanted))}: {attack['seen']}")
    return faults


def counts(result):
    whole = json.loads(result.read_text())
    words = ("held", "leaked", "lost", "refused_to_deliver", "not_reached")
    return ", ".join(f"{whole[word]} {word.replace('_', ' ')}" for word in words if whole[word])
