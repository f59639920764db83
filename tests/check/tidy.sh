#!/bin/bash
# clang-tidy with .clang-tidy's short list. `tidy.sh [--all] [BUILD]`: protocol, policy and proxy/config; with --all the whole of proxy,
# which takes many minutes. Uses BUILD/compile_commands.json, made by gcc (default build/release).
set -euo pipefail
cd "$(dirname "$0")/../.."
folders=(protocol policy proxy/config proxy/runtime/log.cpp)
if [ "${1:-}" = --all ]; then
  folders=(protocol policy proxy)
  shift
fi
build=${1:-build/release}
[ -f "$build/compile_commands.json" ] || { echo "tidy: no $build/compile_commands.json, configure it first: cmake --preset release" >&2; exit 1; }
# clang 14 knows no C++20 coroutines as libstdc++ has them.
tidy=$(command -v clang-tidy-19 || command -v clang-tidy) || { echo "tidy: clang-tidy is not installed" >&2; exit 1; }
mapfile -t files < <(git ls-files "${folders[@]}" | grep '\.cpp$')
# gcc's warning options, and its precompiled header, which clang reads as a plain one.
if printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" "$tidy" -p "$build" --quiet --extra-arg=-Wno-unknown-warning-option \
  --extra-arg=-Wno-error 2>&1 | grep -vE '^[0-9]+ warnings? (generated|and)|^Suppressed|^Use -header|^$' | sed 's/^/tidy: /' | tee "$build/tidy.log" | grep -E ' (error|warning): '; then
  echo "tidy: faults, see above and $build/tidy.log"
  exit 1
fi
echo "tidy: ${#files[@]} files, no faults"
