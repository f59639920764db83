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
# Beside the list: -Wconversion, an error in our build, knows more of widening; equal branches may be clearer apart; and a machine's optional
# members are there by its states, which the checker cannot see.
checks=-bugprone-implicit-widening-of-multiplication-result,-bugprone-branch-clone,-bugprone-unchecked-optional-access
log=$build/tidy.log
# gcc's warning options mean nothing to clang. Status 123: some file had faults; they are in the log.
status=0
printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P "$(nproc)" "$tidy" -p "$build" --quiet "--checks=$checks" \
  --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wno-error >"$log" 2>&1 || status=$?
if [ "$status" -ne 0 ]; then
  grep -E ': (error|warning): ' "$log" | sort -u || tail -n 20 "$log"
  echo "tidy: faults, the whole output is in $log"
  exit 1
fi
echo "tidy: ${#files[@]} files, no faults"
