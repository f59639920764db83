#!/usr/bin/python3
"""style.py: rules of this repository that no other tool knows. Exit 1 where one is broken."""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 500

LOOSE_END = r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX)\b"  # in pieces, so that a search for them finds none here

# (which files, what is refused, why)
RULES = [
    (r"^tests/(unit|scenario|support)/.*\.[ch]pp$", r"\bsleep_(?:for|until)\b|\bu?sleep\s*\(|\bnanosleep\b", "a test waits for an event, never for time"),
    (r"\.([ch]pp|py|sh)$", LOOSE_END, "say it in an issue"),
    (r"^(protocol|policy|proxy)/.*\.[ch]pp$", r"\bdetached\b", "a detached coroutine drops its exceptions: runtime/spawn.hpp"),
    (r"^tests/.*_test\.cpp$", r"\b(?:REQUIRE|CHECK)(?:_FALSE)?\s*\([^;]*\bco_await\b", "await into a variable first: the macro may evaluate twice"),
    (r"^tests/.*_test\.cpp$", r"TEST_CASE\s*\([^)]*\[(?:!hide|\.)", "a hidden test tests nothing"),
]


def sources():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def without_comments(text):
    return re.sub(r"//[^\n]*", "", text)


def main():
    faults = []
    for name in sources():
        if not re.search(r"\.([ch]pp|py|sh)$", name) or name == "tests/check/style.py":
            continue
        text = (ROOT / name).read_text()
        lines = text.splitlines()
        if len(lines) > LONGEST:
            faults.append(f"{name}: {len(lines)} lines, at most {LONGEST}: split it")
        if re.search(r"\.[ch]pp$", name) and not text.startswith("//"):
            faults.append(f"{name}: the first line says what the file is for")
        for files, words, why in RULES:
            if not re.search(files, name):
                continue
            code = text if words == LOOSE_END else without_comments(text)
            for match in re.finditer(words, code):
                faults.append(f"{name}:{code.count(chr(10), 0, match.start()) + 1}: `{match[0].strip()[:60]}`: {why}")
    for fault in faults:
        print(f"style: {fault}")
    print(f"style: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
