#!/bin/sh
# Files above 600 lines and functions above 70 are told of; above 1,000 and 150
# they are refused.
# shellcheck source=tests/lint/prologue.sh
. "$(dirname "$0")/prologue.sh"

file_warn=600 file_max=1000 function_warn=70 function_max=150

find src tests examples bench -name '*.[ch]' ! -name config.h |
    LC_ALL=C sort >"$tmp/files"

while read -r file; do
	lines=$(wc -l <"$file")
	if [ "$lines" -gt "$file_max" ]; then
		finding "$file: $lines lines"
	elif [ "$lines" -gt "$file_warn" ]; then
		echo "warning: $file: $lines lines"
	fi
done <"$tmp/files"

if command -v ctags >/dev/null 2>&1 &&
    ctags --version 2>/dev/null | grep -q Universal; then
	ctags -x --c-kinds=f --fields=+e --_xformat='%n %{end} %F %N' \
	    -L "$tmp/files" >"$tmp/functions" 2>/dev/null
	while read -r begin end file name; do
		[ -n "$end" ] || continue
		lines=$((end - begin + 1))
		if [ "$lines" -gt "$function_max" ]; then
			finding "$file:$begin: $name has $lines lines"
		elif [ "$lines" -gt "$function_warn" ]; then
			echo "warning: $file:$begin: $name has $lines lines"
		fi
	done <"$tmp/functions"
elif [ ! -s "$tmp/findings" ]; then
	need universal-ctags
fi
finish
