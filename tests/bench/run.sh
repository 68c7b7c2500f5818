#!/bin/sh
# run.sh: how fast trail files are read, beside others that read them in the same
# run, in turns. Every answer is checked, or the run fails.
#
#   KEYTOP       the program (make bench sets it)
#   BENCH_MB     of trail files, uncompressed (default 2000); BENCH_SMALL: how many
#                small ones (default 20000); BENCH_RUNS: turns (default 5)
#   BENCH_DIR    where the files go (default: memory, /dev/shm, else TMPDIR)
#   BENCH_NODE   a folder in which `npm install @duckdb/node-api chdb` was run
#   BENCH_ONLY   a part of the rows' names, to measure only those
#   BENCH_TABLE  a file for `ROW|RATIO` lines (make bench-check)
#
# "keytop" is what a person would type:
#   seed     keytop --no-state --rule aws_detect_permanent_key_creation -o csv PATH
#   default  keytop --no-state -o table PATH
set -u
LC_ALL=C; export LC_ALL
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
mb=${BENCH_MB:-2000} small=${BENCH_SMALL:-20000} runs=${BENCH_RUNS:-5} cc=${CC:-gcc} only=${BENCH_ONLY:-}
[ -x "${KEYTOP:-}" ] || { echo "bench: no keytop to measure: make keytop first"; exit 1; }
base=${BENCH_DIR:-}
if [ -z "$base" ]; then
	base=${TMPDIR:-/tmp}
	free=$(df -Pm /dev/shm 2>/dev/null | awk 'NR==2 {print $4}')
	[ -w /dev/shm ] && [ "${free:-0}" -gt $((mb * 3 + small / 20 + 500)) ] && base=/dev/shm
fi
dir=$(mktemp -d "$base/keytop-bench.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM
cores=$(nproc 2>/dev/null || echo 1)
have() { command -v "$1" >/dev/null 2>&1; }

build() { # NAME LIBRARIES
	name=$1; shift
	# shellcheck disable=SC2046
	"$cc" -O2 -std=c17 -D_GNU_SOURCE -o "$dir/$name" "$here/$name.c" $(pkg-config --cflags --libs "$@") -pthread || exit 1
}
build generate libdeflate zlib libzstd && build unpack libdeflate libzstd && build parse jansson && build timed zlib
"$dir/generate" "$dir" "$mb" "$small" >"$dir/want" || { echo "bench: could not write the files to $dir"; exit 1; }
have zstd && zstd -q -3 "$dir/lines.json" -o "$dir/lines.json.zst"
mkdir "$dir/tenth" && for f in "$dir"/gz/*5.json.gz; do ln -s "$f" "$dir/tenth"; done
want() { awk -v s="$1" -v k="$2" '$1 == s {print $k}' "$dir/want"; }
rows=$(want large 2) users=$(want large 3)
seed="'$KEYTOP' --no-state --rule aws_detect_permanent_key_creation -o csv"
table="'$KEYTOP' --no-state -o table"

# side NAME WANT HOW COMMAND: one that reads. HOW its output tells the answer, as a
# command that reads it and prints WANT; "" for those that give none.
sides=
side() {
	sides="$sides $1"
	printf '%s\n' "$2" >"$dir/s.$1.want"; printf '%s\n' "$3" >"$dir/s.$1.how"; printf '%s\n' "$4" >"$dir/s.$1.run"
}
# against ROW KEYTOP OTHER SCALE: a row of the table. SCALE: the other got a part only.
against() { printf '%s|%s|%s|%s\n' "$1" "$2" "$3" "${4:-1}" >>"$dir/rows"; }
bad=0
turn() {
	for s in $sides; do
		"$dir/timed" "$dir/out" "$(cat "$dir/s.$s.run")" >>"$dir/t.$s"
		how=$(cat "$dir/s.$s.how") want=$(cat "$dir/s.$s.want")
		[ -n "$how" ] || continue
		got=$(sh -c "$how" <"$dir/out")
		[ "$got" = "$want" ] && continue
		echo "bench: WRONG ANSWER of $s: '$got', not '$want': $(head -1 "$dir/out.err")"; bad=1
	done
}
measure() {
	if [ -n "$only" ]; then
		case $1 in *"$only"*) ;; *) sides=; return ;; esac
	fi
	i=0
	while [ $i -lt "$runs" ]; do turn; i=$((i + 1)); done
	sides=
}
lines='tail -n +2 | wc -l' # rows below a heading
jq_rows='select(.eventName == "CreateAccessKey" and .userIdentity.type == "IAMUser") | [.sourceIPAddress, .userIdentity.userName, .userAgent] | @csv'

side seed_gz "$users" "$lines" "$seed '$dir/gz'"
side limit_gz "$(want large 4)" cat "'$dir/unpack' $cores '$dir/gz'"
side default_gz "$((rows + 1))" 'wc -l' "$table '$dir/gz'"
against "gzip, the seed's table: decompressing alone" seed_gz limit_gz
against "gzip, the default table: decompressing alone" default_gz limit_gz
measure gzip
have zcat && side zcat "" "" "cat '$dir'/gz/*.gz | zcat >/dev/null" && against "gzip, the seed's table: zcat >/dev/null" seed_gz2 zcat
have rg && side rg_z "" "" "rg -z -c -F CreateAccessKey '$dir/gz'" && against "gzip, the seed's table: rg -z -c, which only counts" seed_gz2 rg_z
if have jq && have zcat; then
	printf 'zcat "$@" | jq -r '"'"'.Records[] | %s'"'"'\n' "$jq_rows" >"$dir/jq.sh"
	side jq_gz "" "" "ls '$dir'/tenth/*.gz | xargs -P$cores -n 10 sh '$dir/jq.sh'"
	against "gzip, the seed's table: zcat, jq on every core (of a tenth of the files)" seed_gz2 jq_gz 10
fi
if have node && [ -d "${BENCH_NODE:-/nonexistent}/node_modules" ]; then
	export BENCH_NODE
	for d in duckdb chdb; do
		side $d "$users" cat "node '$here/peers.mjs' $d '$dir/gz'" && against "gzip, the seed's table: $d" seed_gz2 $d
	done
fi
side seed_gz2 "$users" "$lines" "$seed '$dir/gz'"
measure gzip-others

side seed_plain "$users" "$lines" "$seed '$dir/plain'"
side read_plain "" "" "'$dir/unpack' $cores '$dir/plain'"
against "plain files, the seed's table: reading alone" seed_plain read_plain
have rg && side rg_plain "" "" "rg -l -F CreateAccessKey '$dir/plain'" && against "plain files, the seed's table: rg -l -F" seed_plain rg_plain
measure plain

side seed_lines "$users" "$lines" "$seed '$dir/lines.json'"
side cat_lines "" "" "cat '$dir/lines.json' >/dev/null"
against "JSON lines, the seed's table: cat >/dev/null" seed_lines cat_lines
have jq && side grep_jq "" "" "grep -F CreateAccessKey '$dir/lines.json' | jq -r '$jq_rows'" && against "JSON lines, the seed's table: grep -F, jq" seed_lines grep_jq
side seed_pipe "$users" "$lines" "cat '$dir/lines.json' | $seed -"
side cat_pipe "" "" "cat '$dir/lines.json' | cat >/dev/null"
against "JSON lines from a pipe, the seed's table: cat into cat" seed_pipe cat_pipe
measure lines

if [ -f "$dir/lines.json.zst" ]; then
	side seed_zst "$users" "$lines" "$seed '$dir/lines.json.zst'"
	side limit_zst "$(want large 4)" "awk -v n=$(want large 4) '{print n}'" "'$dir/unpack' 1 '$dir/lines.json.zst'"
	against "zstd, the seed's table: decompressing alone" seed_zst limit_zst
	measure zstd
fi

side seed_small "$(want small 3)" "$lines" "$seed '$dir/small'"
side limit_small "$(want small 4)" cat "'$dir/unpack' $cores '$dir/small'"
against "small gzip files, the seed's table: decompressing alone" seed_small limit_small
measure small

side seed_every "$(want every 3)" "$lines" "$seed '$dir/every.json'"
side parse_every "$(want every 3)" cat "'$dir/parse' '$dir/every.json'"
against "every record a match, the seed's table: jansson, nothing else" seed_every parse_every
measure every

if have jq; then
	side table_few "" "" "$table '$dir/few.json'"
	side jq_few "" "" "jq . '$dir/few.json'"
	against "one small file, the default table: jq ." table_few jq_few
	measure few
fi

sorted() { sort -n | awk '{v[NR] = $1} END {printf "%s %s %s\n", v[int((NR + 1) / 2)], v[1], v[NR]}'; } # median least most
floor() { grep -F "| $1 |" "$root/README.md" | awk -F'|' 'NR == 1 {gsub(/ /, "", $8); print $8}'; }
report() {
	echo "| what: beside what | keytop | the other | keytop is | spread | by processor time | at least |"
	echo "|---|---|---|---|---|---|---|"
	while IFS='|' read -r row a b scale; do
		[ -f "$dir/t.$a" ] && [ -f "$dir/t.$b" ] || continue
		ta=$(cut -d' ' -f1 "$dir/t.$a" | sorted | cut -d' ' -f1) tb=$(cut -d' ' -f1 "$dir/t.$b" | sorted | cut -d' ' -f1)
		ratio=$(paste -d' ' "$dir/t.$a" "$dir/t.$b" | awk -v k="$scale" '{print $5 * k / $1}' | sorted)
		spent=$(paste -d' ' "$dir/t.$a" "$dir/t.$b" | awk -v k="$scale" '$2 {print $6 * k / $2}' | sorted | cut -d' ' -f1)
		# shellcheck disable=SC2086
		set -- $ratio
		[ -n "${BENCH_TABLE:-}" ] && echo "$row|$1" >>"$BENCH_TABLE"
		awk -v r="$row" -v a="$ta" -v b="$tb" -v k="$scale" -v m="$1" -v lo="$2" -v hi="$3" -v s="$spent" -v f="$(floor "$row")" 'BEGIN {
			printf "| %s | %.0f ms | %.0f ms%s | %.2f | %.2f to %.2f | %.2f | %s |\n", r, a / 1000, b / 1000, k == 1 ? "" : " x " k, m, lo, hi, s, f}'
	done <"$dir/rows"
}
echo "$(awk -F': ' '/^model name/ {print $2; exit}' /proc/cpuinfo), $cores cores; $((mb)) MB of JSON in $(ls "$dir/gz" | wc -l) files, $(want large 5) records, $(du -sm "$dir/gz" | cut -f1) MB as gzip;"
echo "medians of $runs turns; \"keytop is\": the other's time over keytop's, and by processor time (of all threads), which other work on the machine changes less."
report
echo "peak memory of keytop, MB: $(for s in seed_gz default_gz seed_plain seed_lines seed_zst seed_small seed_every; do
	[ -f "$dir/t.$s" ] && printf '%s %s, ' "$s" "$(cut -d' ' -f3 "$dir/t.$s" | sort -n | tail -1 | awk '{printf "%.0f", $1 / 1000}')"; done)"
[ $bad -eq 0 ] && echo "answers: right ($rows creations, $users of them by IAM users)"
exit $bad
