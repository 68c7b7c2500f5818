#!/bin/sh
# memcheck.sh JOBS TEST...: run cmocka programs under valgrind, JOBS at a time,
# show what it reports, and close with one line of totals. A report is an
# invalid access, a use of what was never set, or memory that nothing points at
# any more; a test that fails only because it is slow here is no report.
set -u
jobs=$1; shift
command -v valgrind >/dev/null 2>&1 || { echo "memcheck: valgrind is not installed"; exit 2; }
KEYTOP_SOURCE=$(cd "$(dirname "$0")/.." && pwd)
KEYTOP_MEMCHECK=1
XDG_STATE_HOME=$(mktemp -d) || exit 1
export KEYTOP_SOURCE KEYTOP_MEMCHECK XDG_STATE_HOME LC_ALL=C.UTF-8 TZ=UTC XDG_CONFIG_HOME=/nonexistent
unset LINES COLUMNS NO_COLOR COLORTERM
trap 'rm -rf "$XDG_STATE_HOME"' EXIT
# shellcheck disable=SC2016 # expanded by the inner shell
printf '%s\n' "$@" | xargs -P "$jobs" -I{} sh -c '
	log=$(mktemp) || exit 255
	start=$(date +%s)
	timeout "${TEST_TIMEOUT:-3600}" valgrind -q --error-exitcode=99 --leak-check=full \
		--errors-for-leak-kinds=definite --log-file="$log" "{}" >/dev/null 2>&1
	rc=$?
	case $rc in
	0)  echo "ok      {} ($(($(date +%s) - start)) s)" ;;
	99) echo "REPORT  {}"; cat "$log" ;;
	*)  echo "FAILED  {} (exit status $rc, nothing reported)" ;;
	esac
	rm -f "$log"
	[ $rc -ne 99 ]'
rc=$?
echo "memcheck: $# programs, $([ $rc -eq 0 ] && echo no reports || echo see the reports above)"
exit $rc
