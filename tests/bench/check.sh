#!/bin/sh
# check.sh: runs the bench and fails where a ratio is below what README.md says it
# is at least, or where a row of README.md could not be measured here (told, no
# failure: the other program is not installed).
set -u
LC_ALL=C; export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
BENCH_TABLE=$(mktemp) || exit 1
trap 'rm -f "$BENCH_TABLE"' EXIT
export BENCH_TABLE
sh "$here/run.sh" || exit 1
awk -F'|' '
	FNR == NR {got[$1] = $2; next}
	$1 == "" && NF == 9 && $8 ~ /^ *[0-9.]+ *$/ {
		row = $2; sub(/^ /, "", row); sub(/ $/, "", row); least = $8 + 0
		if (!(row in got)) {print "bench-check: not measured here: " row; next}
		n++
		if (got[row] + 0 < least) {printf "bench-check: %.2f is less than %.2f: %s\n", got[row], least, row; bad = 1}
	}
	END {
		if (!n) {print "bench-check: README.md states nothing that was measured"; exit 1}
		if (!bad) printf "bench-check: %d ratios hold\n", n
		exit bad
	}' "$BENCH_TABLE" "$here/../../README.md"
