#!/bin/sh
# symbols.sh LIBRARY LIST: the library exports what LIST names, all under the version node TUMORCLASS_0, and no more.
set -eu
found=$(mktemp)
trap 'rm -f "$found"' EXIT
nm -D --defined-only "$1" | awk '$2 != "A" { print $3 }' | LC_ALL=C sort >"$found"
sed 's/$/@@TUMORCLASS_0/' "$2" | LC_ALL=C sort | diff - "$found"
echo "$(wc -l <"$found") symbols, as listed"
