#!/bin/sh
# rules.sh: what 1,000 rules cost the whole program, against 10, over records
# that all reach the rules. Fails where it is more than 3 times as much.
#
#   KEYTOP               the program (make bench sets it)
#   BENCH_RULE_RECORDS   how many records (default 1000000)
set -u
LC_ALL=C; export LC_ALL
n=${BENCH_RULE_RECORDS:-1000000}
base=${BENCH_DIR:-}
if [ -z "$base" ]; then
	base=${TMPDIR:-/tmp}
	free=$(df -Pm /dev/shm 2>/dev/null | awk 'NR==2 {print $4}')
	[ -w /dev/shm ] && [ "${free:-0}" -gt $((n / 1000)) ] && base=/dev/shm
fi
dir=$(mktemp -d "$base/keytop-rules.XXXXXX") || exit 1
trap 'rm -rf "$dir"' EXIT
trap 'exit 1' HUP INT TERM

rules() {
	mkdir "$dir/$1" && awk -v n="$1" 'BEGIN {
		for (i = 0; i < n; i++) {
			printf "---\ntitle: Rule %d\nid: bench-%d\nlogsource: {product: aws, service: cloudtrail}\nlevel: low\ndetection:\n", i, i
			k = i % 6
			if (k == 0) printf "  s: {eventName: CreateAccessKey, \"userAgent|contains\": \"tool%d/\"}\n  condition: s\n", i
			if (k == 1) printf "  s: {eventName: CreateAccessKey, \"userIdentity.arn|endswith\": \":role/admin%d\"}\n  f: {awsRegion: eu-west-%d}\n  condition: s and not f\n", i, i % 4
			if (k == 2) printf "  s: {sourceIPAddress: 203.0.%d.%d}\n  condition: s\n", i / 256, i % 256
			if (k == 3) printf "  s: {requestParameters.userName: [svc-%d, robot-%d]}\n  condition: s\n", i * 1000, i
			if (k == 4) printf "  s: {eventName: [DeleteUser%d, CreateAccessKey], errorMessage|contains|all: [denied, \"user/name%d\"]}\n  condition: s\n", i, i
			if (k == 5) printf "  s: {\"userAgent|re\": \"scanner-%d[a-z]+\"}\n  condition: s\n", i
		}
	}' >"$dir/$1/rules.yml"
}
rules 10 && rules 1000 && awk -v n="$n" 'BEGIN {
	for (i = 0; i < n; i++)
		printf "{\"eventVersion\":\"1.09\",\"userIdentity\":{\"type\":\"IAMUser\",\"principalId\":\"AIDAEXAMPLE%06d\",\"arn\":\"arn:aws:iam::111122223333:user/person%d\",\"accountId\":\"111122223333\",\"accessKeyId\":\"ASIAEXAMPLEEXAMPLE01\",\"userName\":\"person%d\"},\"eventTime\":\"2026-%02d-%02dT%02d:%02d:%02dZ\",\"eventSource\":\"iam.amazonaws.com\",\"eventName\":\"CreateAccessKey\",\"awsRegion\":\"us-east-1\",\"sourceIPAddress\":\"203.0.113.%d\",\"userAgent\":\"Boto3/1.28.%d md/Botocore#1.31.0 ua/2.0 os/linux#5.15 lang/python#3.11\",\"requestParameters\":{\"userName\":\"svc-%d\"},\"responseElements\":{\"accessKey\":{\"userName\":\"svc-%d\",\"accessKeyId\":\"AKIA%016d\",\"status\":\"Active\"}},\"eventID\":\"00000000-0000-4000-8000-%012d\",\"recipientAccountId\":\"111122223333\"}\n",
			i % 5000, i % 5000, i % 5000, 1 + i / 86400 / 28 % 12, 1 + i / 86400 % 28, i / 3600 % 24, i / 60 % 60, i % 60, i % 256, i % 60, i, i, i, i
}' >"$dir/trail.json" || { echo "bench: could not write the files to $dir"; exit 1; }

# Processor time, user and system, in ms: others may want the machine meanwhile.
run() { # FOLDER
	"$KEYTOP" --no-state --rules "$dir/$1" -o csv --columns rules "$dir/trail.json" >"$dir/out" 2>"$dir/err" || {
		head -3 "$dir/err"; return 1; }
}
spent() { times >"$dir/times"; awk 'NR == 2 {split($1, u, /[ms]/); split($2, s, /[ms]/); printf "%d", (u[1] * 60 + u[2] + s[1] * 60 + s[2]) * 1000}' "$dir/times"; }
one() { spent >"$dir/before"; run "$1" && spent >"$dir/after" && echo $(($(cat "$dir/after") - $(cat "$dir/before"))) >>"$dir/t.$1"; }
least() { sort -n "$dir/t.$1" | head -1; }
for i in 1 2; do
	one 10 || exit 1
	rows=$(($(wc -l <"$dir/out") - 1))
	one 1000 || exit 1
	hits=$(grep -c bench- "$dir/out")
	[ "$rows" = "$n" ] && [ "$(($(wc -l <"$dir/out") - 1))" = "$n" ] || { echo "bench: WRONG ANSWER: $rows rows, not $n"; exit 1; }
done
awk -v a="$(least 10)" -v b="$(least 1000)" -v n="$n" -v h="$hits" 'BEGIN {
	printf "rules, the whole program over %d records (%d match): 10 rules %d ms, 1,000 rules %d ms: %.2f times\n", n, h, a, b, b / a
	exit b > 3 * a
}' || { echo "bench: 1,000 rules cost more than 3 times what 10 cost"; exit 1; }
