#!/bin/sh
# run.sh SECONDS TARGET...: each libFuzzer target for so long, from its corpus.
# New inputs stay in build/fuzz; a crash is printed and fails the run.
set -u
seconds=$1; shift
root=$(cd "$(dirname "$0")/../.." && pwd)
bad=0
for t in "$@"; do
	name=$(basename "$t"); name=${name#fuzz_}
	found=$root/build/fuzz/found/$name
	mkdir -p "$found" "$root/build/fuzz/crash"
	dict=$root/tests/fuzz/$name.dict
	"$t" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$root/build/fuzz/crash/$name-" \
		$( [ -f "$dict" ] && echo "-dict=$dict" ) \
		"$found" "$root/tests/fuzz/corpus/$name" >"$found.log" 2>&1
	rc=$?
	echo "fuzz $name: $(grep -o 'number_of_executed_units: [0-9]*' "$found.log" | tail -1), exit status $rc"
	[ $rc -eq 0 ] || { tail -40 "$found.log"; bad=1; }
done
exit $bad
