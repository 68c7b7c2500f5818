#!/bin/sh
# run.sh TEST... -- REPLAY...: run cmocka programs and corpus replays one after
# the other, show what failed, and close with one line of totals.
set -u
passed=0 failed=0 skipped=0 replay=0
root=$(cd "$(dirname "$0")/.." && pwd)
export KEYTOP_SOURCE="$root"
unset LINES COLUMNS NO_COLOR COLORTERM
export LC_ALL=C.UTF-8 TZ=UTC XDG_CONFIG_HOME=/nonexistent
log=$(mktemp) || exit 1
XDG_STATE_HOME=$(mktemp -d) || exit 1 # nobody's own memory
export XDG_STATE_HOME
trap 'rm -rf "$log" "$XDG_STATE_HOME"' EXIT
for t in "$@"; do
	[ "$t" = -- ] && { replay=1; continue; }
	name=${t#"$BUILD"/}
	start=$(date +%s)
	if [ $replay -eq 1 ]; then
		target=$(basename "$t")
		"$t" "$root/tests/fuzz/corpus/${target#fuzz_}" >"$log" 2>&1
		rc=$?
		if [ $rc -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
	else
		timeout "${TEST_TIMEOUT:-900}" "$t" >"$log" 2>&1
		rc=$?
		p=$(grep -c '^\[       OK \]' "$log"); s=$(grep -c '^\[  SKIPPED \]' "$log")
		f=$(grep -c '^\[  FAILED  \] [^0-9]' "$log")
		[ $rc -ne 0 ] && [ "$f" -eq 0 ] && f=1
		[ $rc -eq 0 ] && f=0
		passed=$((passed + p)); skipped=$((skipped + s)); failed=$((failed + f))
		[ "$s" -gt 0 ] && grep '^SKIP' "$log"
	fi
	if [ $rc -ne 0 ]; then
		echo "FAILED  $name (exit status $rc)"
		grep -v -e '^\[ RUN' -e '^\[       OK' "$log" | tail -n 60
	else
		echo "ok      $name ($(($(date +%s) - start)) s)"
	fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
