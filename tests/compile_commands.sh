#!/bin/sh
# compile_commands.sh 'CC FLAGS' FILE...: the compilation database, for editors.
set -u
cmd=$(printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g'); shift
dir=$(pwd)
sep='['
for f in "$@"; do
	printf '%s\n{"directory":"%s","file":"%s","command":"%s -c %s"}' "$sep" "$dir" "$f" "$cmd" "$f"
	sep=,
done
echo ']'
