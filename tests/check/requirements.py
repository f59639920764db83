#!/usr/bin/python3
"""requirements.py --write | --check: the map from requirement rows to tests, tests/requirements.md.

A test names the rows it covers by its tags, [STS-36][T-1]; a fuzz target or a benchmark by a line `// covers: STS-15 P-3`.
--check fails where a row or case of the tiers built so far has no test, where a tag is no known id, where two tests share a name,
and where the file is not what --write would make."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
MAP = ROOT / "tests/requirements.md"
CASE = re.compile(r'\b(?:TEST_CASE|TEMPLATE_TEST_CASE|TEST_CASE_METHOD|SCENARIO)\s*\(\s*(?:\w+\s*,\s*)?((?:"(?:[^"\\]|\\.)*"\s*)+),\s*((?:"(?:[^"\\]|\\.)*"\s*)+)')
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
ID = re.compile(r"[A-Z]+-\d+")
COVERS = re.compile(r"(?://|#) covers: (.+)")


def known():
    """id -> tier, in the order of the file: rows first, then field cases."""
    found = {}
    for line in (HERE / "rows.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, tier = line.split()
            found[name] = int(tier)
    return found


def is_case(name):
    return len(name.split("-")[0]) == 1


def tests():
    """(place, name, ids) of every test there is."""
    for path in sorted((ROOT / "tests").rglob("*")):
        place = path.relative_to(ROOT).as_posix()
        if not path.is_file() or place.startswith("tests/check/") or "/corpus/" in place:
            continue
        if place.endswith("_test.cpp"):
            for match in CASE.finditer(path.read_text()):
                name, tags = ("".join(STRING.findall(part)) for part in match.groups())
                yield place, name, re.findall(r"\[([^\]]+)\]", tags)
        elif path.suffix in (".cpp", ".py", ".sh", "") and place.startswith(("tests/fuzz/", "tests/bench/")):
            for match in COVERS.finditer(path.read_text(errors="replace")):
                yield place, path.stem, match[1].split()


def collect(ids):
    by_id, names, faults = {name: [] for name in ids}, {}, []
    for place, name, tags in tests():
        if place.endswith("_test.cpp"):
            if name in names:
                faults.append(f"{place}: a test of the name `{name}` is in {names[name]} too")
            names[name] = place
            if re.search(r'["\[\],]', name):
                faults.append(f"{place}: `{name}`: a name holds no quotation marks, brackets or commas")
        for tag in dict.fromkeys(tags):
            if tag in by_id:
                by_id[tag].append((place, name))
            elif ID.fullmatch(tag):
                faults.append(f"{place}: `{name}`: {tag} is no id of tests/check/rows.txt")
    return by_id, faults


def table(by_id, ids, head):
    lines = [f"| {head} | tests |", "|---|---|"]
    for name in ids:
        if by_id[name]:
            entries = (f"{test.replace('|', '&#124;')} ({place.removeprefix('tests/')})" for place, test in sorted(by_id[name]))
            lines.append(f"| {name} | {'; '.join(entries)} |")
    return lines


def order(name):
    block, number = name.split("-")
    return block, int(number)


def text(by_id, ids):
    rows = sorted((i for i in ids if not is_case(i)), key=order)
    cases = sorted((i for i in ids if is_case(i)), key=order)
    lines = ["# Which tests show which requirement", "Made by `tests/check/requirements.py --write` from the tags of the tests; CI compares.", ""]
    lines += table(by_id, rows, "row") + ["", "## Field cases", "Failures that happened to others.", ""] + table(by_id, cases, "case")
    return "\n".join(lines) + "\n"


def main():
    if sys.argv[1:] not in (["--write"], ["--check"]):
        sys.exit(__doc__)
    ids = known()
    by_id, faults = collect(ids)
    if sys.argv[1] == "--write":
        MAP.write_text(text(by_id, ids))
    tier = int((HERE / "tier").read_text())
    faults += [f"{name} (tier {t}) has no test" for name, t in ids.items() if t <= tier and not by_id[name]]
    if not MAP.exists() or MAP.read_text() != text(by_id, ids):
        faults.append("tests/requirements.md is not up to date: run tests/check/requirements.py --write")
    for fault in faults:
        print(f"requirements: {fault}")
    count = sum(1 for name, t in ids.items() if t <= tier)
    print(f"requirements: {count} rows and cases up to tier {tier}, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
