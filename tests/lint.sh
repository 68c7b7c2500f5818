#!/bin/sh
# The habits of the house that a machine can hold: banned functions, arrows
# that run one way, data that leaves only through core/text, man pages.
set -u
cd "$(dirname "$0")/.." || exit 1
bad=0
complain() { echo "lint: $1"; printf '%s\n' "$2"; bad=1; }

hits=$(grep -nE '\b(strcpy|strcat|strncpy|strncat|sprintf|vsprintf|atoi|atol|gets|strtok)[[:space:]]*\(' -r core tui --include='*.[ch]')
[ -n "$hits" ] && complain "banned function" "$hits"

hits=$(grep -nE '#[[:space:]]*include[[:space:]]*[<"](n?curses|ncursesw/|term\.h>|tui/)' -r core --include='*.[ch]')
[ -n "$hits" ] && complain "the core knows no screen" "$hits"

hits=$(grep -nE '#[[:space:]]*include[[:space:]]*[<"](curl/|yaml|sqlite3|jansson)' -r tui --include='*.[ch]')
[ -n "$hits" ] && complain "the front end knows no wire, file or data base" "$hits"

hits=$(grep -nE '#[[:space:]]*include[[:space:]]*[<"](n?curses|ncursesw/)' -r tui --include='*.[ch]' | grep -v '^tui/term_ncurses\.c:')
[ -n "$hits" ] && complain "curses belongs to tui/term_ncurses.c" "$hits"

hits=$(grep -nE '\b(printw|waddstr|addstr|waddnstr|mvprintw|mvwprintw|putp)[[:space:]]*\(' -r tui --include='*.c')
[ -n "$hits" ] && complain "data is drawn as cells only" "$hits"

# Arrows: each room may include only rooms below it.
allow() {
	case $1 in
	base) echo base ;;
	text) echo 'base|text' ;;
	ingest) echo 'base|text|ingest' ;;
	event) echo 'base|text|event' ;;
	detect) echo 'base|text|event|detect' ;;
	store) echo 'base|text|event|detect|filter|store' ;;
	filter) echo 'base|text|event|detect|filter' ;;
	net) echo 'base|text|net' ;;
	aws) echo 'base|text|net|aws' ;;
	query) echo 'base|text|event|detect|filter|query' ;;
	source) echo 'base|text|net|aws|query|source' ;;
	output) echo 'base|text|event|detect|output' ;;
	config) echo 'base|config' ;;
	enrich) echo 'base|text|event|enrich' ;;
	esac
}
for room in query base text config enrich ingest event detect store filter net aws source output; do
	[ -d "core/$room" ] || continue
	hits=$(grep -nE '#[[:space:]]*include[[:space:]]*"' -r "core/$room" --include='*.[ch]' |
		grep -vE "include[[:space:]]*\"($(allow $room))/")
	[ -n "$hits" ] && complain "arrow out of core/$room" "$hits"
done

if command -v mandoc >/dev/null 2>&1; then
	for page in man/*.[157]; do
		[ -f "$page" ] || continue
		hits=$(mandoc -T lint -W warning "$page" 2>&1)
		[ -n "$hits" ] && complain "man page" "$hits"
	done
else
	echo "lint: mandoc is not installed, man pages were not checked"
fi
[ $bad -eq 0 ] && echo "lint: clean"
exit $bad
