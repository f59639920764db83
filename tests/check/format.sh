#!/bin/bash
# clang-format over every source of the repository; says which files differ. `format.sh --fix` changes them.
set -euo pipefail
cd "$(dirname "$0")/../.."
mapfile -t files < <(git ls-files '*.cpp' '*.hpp')
existing=()
for file in "${files[@]}"; do [ -f "$file" ] && existing+=("$file"); done
if [ "${1:-}" = --fix ]; then
  clang-format -i "${existing[@]}"
  exit
fi
wrong=0
while read -r file; do
  echo "format: $file differs from what clang-format makes of it (tests/check/format.sh --fix)"
  wrong=1
done < <(printf '%s\0' "${existing[@]}" | xargs -0 -n 16 -P "$(nproc)" clang-format --dry-run 2>&1 | sed -n 's/^\([^:]*\):[0-9]*:[0-9]*: warning: code should be clang-formatted.*/\1/p' | sort -u)
echo "format: ${#existing[@]} files looked at"
exit $wrong
