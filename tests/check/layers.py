#!/usr/bin/python3
"""layers.py: what may know what. protocol <- policy <- proxy, and the order of folders inside proxy. Exit 1 where it is broken."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The pure layers: standard headers for values, Boost.System, and nothing that touches the world.
PURE_HEADERS = set("algorithm array bit bitset charconv chrono cmath compare concepts cstddef cstdint cstdlib cstring deque functional "
                   "initializer_list iterator limits list map memory numeric optional ratio set span stdexcept string string_view tuple "
                   "type_traits unordered_map unordered_set utility variant vector random cassert climits".split())
PURE_WORDS = re.compile(r"\bco_(?:await|return|yield)\b|::now\s*\(|\bstd::(?:thread|jthread|mutex|shared_mutex|atomic|future|async|random_device|"
                        r"ofstream|ifstream|fstream|cout|cerr|clog|filesystem|lock_guard|unique_lock|scoped_lock|condition_variable)\b|"
                        r"\basio\b|\bspdlog\b|\bSSL_\w+|\b(?:getenv|fopen|printf|fprintf|puts|rand|gettimeofday|clock_gettime)\s*\(|\btime\s*\(\s*(?:nullptr|NULL|0)\s*\)")

# Inside proxy: a folder uses those of lower numbers and of its own. Equals may use each other in one direction.
ORDER = {"config": 0, "base": 0, "net": 1, "dns": 1, "tls": 1, "store": 1, "sts": 2, "tlsrpt": 2, "outbound": 2, "queue": 3, "transaction": 4,
         "inbound": 5, "admin": 6, "cli": 7, "start": 8}
# runtime/ holds both ends: what everything may use, and what starts everything.
RUNTIME_BASE = {"log", "spawn", "precompiled"}
RUNTIME_START = {"app", "worker"}
# Files that may break the order, each with the reason.
EXCEPTIONS = {("proxy/config/load.cpp", "proxy/dns/system_servers.hpp"): "completes the file with the system's servers",
              ("proxy/config/load.cpp", "proxy/tls/server_contexts.hpp"): "checks the certificates that the file names"}
# MAIL is sent where a Permit is spent, and nowhere else.
ENVELOPE_SENDERS = {"proxy/outbound/connection.cpp", "proxy/outbound/connection.hpp"}


def without_comments(text):
    """Comments and strings blanked, lines kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', re.S)
    return pattern.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def folder(path):
    parts = Path(path).parts
    if parts[0] != "proxy":
        return None
    if len(parts) == 2:
        return "start"
    if parts[1] == "runtime":
        stem = Path(path).stem
        return "base" if stem in RUNTIME_BASE else "start" if stem in RUNTIME_START else "base"
    return parts[1]


def main():
    faults, uses = [], {}
    for layer in ("protocol", "policy", "proxy"):
        for path in sorted((ROOT / layer).rglob("*.[ch]pp")):
            name = path.relative_to(ROOT).as_posix()
            text = path.read_text()
            for number, line in enumerate(text.splitlines(), 1):
                include = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
                if not include:
                    continue
                kind, header = include.groups()
                at = f"{name}:{number}"
                if layer != "proxy" and kind == "<" and header not in PURE_HEADERS and not header.startswith("boost/system/"):
                    faults.append(f"{at}: {layer}/ may not include <{header}>")
                if kind == '"':
                    allowed = {"protocol": ("protocol/",), "policy": ("protocol/", "policy/"), "proxy": ("protocol/", "policy/", "proxy/")}[layer]
                    if not header.startswith(allowed):
                        faults.append(f"{at}: {layer}/ may not include {header}, only {', '.join(allowed)} by their whole path")
                    elif header.startswith("proxy/") and (name, header) not in EXCEPTIONS:
                        source, target = folder(name), folder(header)
                        if source not in ORDER or target not in ORDER:
                            faults.append(f"{at}: the folder {source if source not in ORDER else target} has no place in the order of proxy/ (tests/check/layers.py)")
                        elif ORDER[target] > ORDER[source]:
                            faults.append(f"{at}: proxy/{source} may not use proxy/{target}, which stands above it")
                        elif source != target:
                            uses.setdefault((source, target), at)
            code = without_comments(text)
            if layer != "proxy":
                for match in PURE_WORDS.finditer(code):
                    faults.append(f"{name}:{code.count(chr(10), 0, match.start()) + 1}: {layer}/ may not say `{match[0].strip()}`")
            elif name not in ENVELOPE_SENDERS and (match := re.search(r"\bSendEnvelope\b", code)):
                faults.append(f"{name}:{code.count(chr(10), 0, match.start()) + 1}: only {min(ENVELOPE_SENDERS)} sends MAIL")
    for (source, target), at in sorted(uses.items()):
        if (target, source) in uses and source < target:
            faults.append(f"{at}: proxy/{source} and proxy/{target} use each other ({uses[(target, source)]})")
    for fault in faults:
        print(f"layers: {fault}")
    print(f"layers: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
