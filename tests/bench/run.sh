#!/bin/sh
# run.sh: the speed of reading trail files, against peers in the same run.
#
#   KEYTOP       the program (make bench sets it); without it the library alone
#   BENCH_MB     how much to read, uncompressed (default 400)
#   BENCH_RUNS   how often, in turns (default 5); medians are printed
#   BENCH_DIR    where the files go (default: memory, /dev/shm, else TMPDIR)
#
# Files read:  plain trail files, against `grep -c CreateAccessKey`;
#              gzip trail files, against decompressing them with the same zlib.
# The number of rows must be right, or the run fails.
set -u
LC_ALL=C; export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
mb=${BENCH_MB:-400} runs=${BENCH_RUNS:-5} cc=${CC:-gcc}
base=${BENCH_DIR:-}
if [ -z "$base" ]; then
	base=${TMPDIR:-/tmp}
	free=$(df -Pm /dev/shm 2>/dev/null | awk 'NR==2 {print $4}')
	[ -w /dev/shm ] && [ "${free:-0}" -gt $((mb * 3 / 2)) ] && base=/dev/shm
fi
dir=$(mktemp -d "$base/keytop-bench.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

lib=
for l in "$root/build/clang/libkeytop.a" "$root/build/gcc/libkeytop.a"; do
	[ -f "$l" ] && lib=$l
done
flags=$(pkg-config --cflags jansson) libs=$(pkg-config --libs jansson libzstd zlib libdeflate libxxhash libcrypto)
# shellcheck disable=SC2086
"$cc" -O2 -std=c17 -D_GNU_SOURCE -o "$dir/generate" "$here/generate.c" -lz &&
	"$cc" -O2 -std=c17 -D_GNU_SOURCE -o "$dir/unpack" "$here/unpack.c" -lz || exit 1
# shellcheck disable=SC2086
[ -n "$lib" ] && "$cc" -O2 -std=c17 -D_GNU_SOURCE -I"$root/core" $flags -pthread -o "$dir/ingest" "$here/ingest.c" "$lib" $libs -lm 2>"$dir/err" || {
	[ -n "$lib" ] && echo "bench: the library alone is left out: $(head -1 "$dir/err")"
}
want=$("$dir/generate" "$dir" "$mb") || { echo "bench: could not write the files to $dir"; exit 1; }

keytop() { "$KEYTOP" --no-state -o jsonl "$@" 2>"$dir/err"; }
# The seed's table: creations alone, without the lives of keys and their risk.
seed() { "$KEYTOP" --no-state --rule aws_detect_permanent_key_creation -o csv "$@" 2>"$dir/err"; }
count_keytop() { keytop "$@" | wc -l; }
have_keytop=0
if [ -n "${KEYTOP:-}" ] && [ -x "$KEYTOP" ]; then have_keytop=1; fi
[ $have_keytop -eq 1 ] || [ -x "$dir/ingest" ] || { echo "bench: nothing to measure: make keytop first"; exit 1; }

now() { date +%s%N; }
# timed NAME COMMAND...: appends the microseconds to $dir/NAME
timed() {
	name=$1; shift
	from=$(now); "$@" >"$dir/out" 2>/dev/null; to=$(now)
	echo $(((to - from) / 1000)) >>"$dir/t.$name"
}
median() { sort -n "$dir/t.$1" | awk '{v[NR]=$1} END {printf "%.1f", (NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2) / 1000}'; }
bad=0
check() { [ "$1" = "$want" ] || { echo "bench: WRONG ANSWER from $2: $1 rows, not $want"; bad=1; }; }

if [ $have_keytop -eq 1 ]; then
	check "$(count_keytop "$dir"/plain/*)" "keytop, plain"
	check "$(count_keytop "$dir"/gz/*)" "keytop, gzip"
fi
if [ -x "$dir/ingest" ]; then
	check "$("$dir/ingest" "$dir"/plain/*)" "the library, plain"
	check "$("$dir/ingest" "$dir"/gz/*)" "the library, gzip"
fi
i=0
while [ $i -lt "$runs" ]; do
	timed grep grep -c CreateAccessKey "$dir"/plain/*
	[ $have_keytop -eq 1 ] && timed seed_plain seed "$dir"/plain/*
	[ $have_keytop -eq 1 ] && timed keytop_plain keytop "$dir"/plain/*
	[ -x "$dir/ingest" ] && timed ingest_plain "$dir/ingest" "$dir"/plain/*
	timed unpack "$dir/unpack" "$dir"/gz/*
	[ $have_keytop -eq 1 ] && timed seed_gz seed "$dir"/gz/*
	[ $have_keytop -eq 1 ] && timed keytop_gz keytop "$dir"/gz/*
	[ -x "$dir/ingest" ] && timed ingest_gz "$dir/ingest" "$dir"/gz/*
	i=$((i + 1))
done
bytes=$(cat "$dir"/plain/* | wc -c)
# row LABEL NAME PEER
row() {
	[ -f "$dir/t.$2" ] || return 0
	awk -v l="$1" -v t="$(median "$2")" -v p="$(median "$3")" -v b="$bytes" \
		'BEGIN {printf "%-34s %9.1f ms %8.0f MB/s %8.2f\n", l, t, b / t / 1000, p / t}'
}
echo "$((bytes / 1000000)) MB of trail files in $base, medians of $runs runs in turns; ratio: speed of the peer = 1"
printf '%-34s %12s %13s %8s\n' "" time speed ratio
row "plain: grep -c CreateAccessKey" grep grep
row "plain: keytop, the seed's table" seed_plain grep
row "plain: keytop -o jsonl" keytop_plain grep
row "plain: the library, one thread" ingest_plain grep
row "gzip: zlib alone, one thread" unpack unpack
row "gzip: keytop, the seed's table" seed_gz unpack
row "gzip: keytop -o jsonl" keytop_gz unpack
row "gzip: the library, one thread" ingest_gz unpack
# calls with long-lived keys and nothing else: read without building trees
# shellcheck disable=SC2086
if [ -n "$lib" ] && "$cc" -O2 -std=c17 -D_GNU_SOURCE -I"$root/core" $flags -pthread -o "$dir/uses" "$here/uses.c" "$lib" $libs -lm 2>"$dir/err"; then
	"$dir/uses" 100 || bad=1
fi
[ $bad -eq 0 ] && echo "answers: right ($want rows)"
exit $bad
