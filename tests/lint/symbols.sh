#!/bin/sh
# libshoal exports the functions of the public headers and nothing else.
# shellcheck source=tests/lint/prologue.sh
. "$(dirname "$0")/prologue.sh"

need nm binutils
library=$builddir/.libs/libshoal.so
[ -e "$library" ] || {
	echo "$lint_name: $library is not built"
	exit 77
}

nm -D --defined-only "$library" | awk '{ print $3 }' | sed 's/@.*//' |
    LC_ALL=C sort -u >"$tmp/exported"
awk -f tests/lint/api.awk src/include/shoal/*.h >"$tmp/api"
awk '{ print $1 }' "$tmp/api" | LC_ALL=C sort -u >"$tmp/declared"

while read -r symbol; do
	case $symbol in
	shoal_*) ;;
	*) finding "exported, but not shoal_*: $symbol" ;;
	esac
done <"$tmp/exported"

LC_ALL=C comm -13 "$tmp/exported" "$tmp/declared" | while read -r symbol; do
	finding "$(awk -v s="$symbol" '$1 == s { print $2 }' "$tmp/api"): not exported: $symbol"
done
LC_ALL=C comm -23 "$tmp/exported" "$tmp/declared" | grep '^shoal_' |
    while read -r symbol; do
	finding "exported, but in no public header: $symbol"
done
finish
