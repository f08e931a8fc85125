#!/bin/sh
# Notes to self, names that say nothing, and white space.
# shellcheck disable=SC2016,SC2129
# shellcheck source=tests/lint/prologue.sh
. "$(dirname "$0")/prologue.sh"

folders='src tests bench examples conf man systemd'
# shellcheck disable=SC2086
find $folders -type f ! -path '*/__pycache__/*' ! -path '*/corpus*/*' \
    ! -name '*.o' ! -name 'config.h*' ! -name 'stamp-h*' 2>/dev/null |
    LC_ALL=C sort >"$tmp/files"
for file in dev .ci/run configure.ac Makefile.am; do
	[ -f "$file" ] && echo "$file" >>"$tmp/files"
done
grep '\.[ch]$' "$tmp/files" >"$tmp/code"

# In pieces, or this file would find itself.
notes='\<(TO''DO|FIX''ME|X''XX)\>'
xargs grep -nEI "$notes" <"$tmp/files" |
    sed 's/$/ -- finish it instead/' >>"$tmp/findings"

# As a whole or as a part: util.c, util_http.c, http_util.c, utils/http.c.
nothing='(utils?|common|misc|managers?|helpers?)'
grep -E "(^|[/_-])$nothing([._/-]|\$)" "$tmp/files" |
    sed 's/$/: a name that says nothing/' >>"$tmp/findings"

xargs grep -nEI '[ 	]+$' <"$tmp/files" | sed 's/$/ -- trailing white space/' \
    >>"$tmp/findings"

# Tabs indent; up to seven spaces go on with a line that has not ended.
xargs awk '
	FNR == 1 { before = "" }
	/^ *\\$/ { before = $0; next }
	/^\t*        / || /^ +\t/ {
		print FILENAME ":" FNR ": indent with tabs"
	}
	/^ +[^ *]/ && before ~ /[;{}]$/ {
		print FILENAME ":" FNR ": indent with a tab"
	}
	{ before = $0 }' <"$tmp/code" >>"$tmp/findings"

# A tab is eight columns.
grep '^src/' "$tmp/code" | while read -r file; do
	expand "$file" | awk -v file="$file" '
		length > 100 { print file ":" NR ": " length " columns" }'
done >>"$tmp/findings"
finish
