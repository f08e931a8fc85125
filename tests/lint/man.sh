#!/bin/sh
# The manual pages are well-formed, and every public function has its place in
# the page of its header.
# shellcheck source=tests/lint/prologue.sh
. "$(dirname "$0")/prologue.sh"

need mandoc
find man -name '*.[1-8]' 2>/dev/null | LC_ALL=C sort >"$tmp/pages"
[ -s "$tmp/pages" ] || finding "man: there are no pages"

while read -r page; do
	mandoc -Tlint -Wwarning "$page" >"$tmp/out" </dev/null || {
		while read -r line; do finding "$line"; done <"$tmp/out"
	}
	# "In" at the beginning of a heading is the macro for #include
	mandoc -Tascii "$page" | col -b | grep -n '^ *<[a-z]*> [a-z]' \
	    >"$tmp/out" && while read -r line; do
		finding "$page: a word was taken for a macro: $line"
	done <"$tmp/out"
done <"$tmp/pages"

# What belongs to the library as a whole may stand in any page.
page_of() {
	case $1 in
	shoal.h | visibility.h) echo 'man/*.3' ;;
	*) echo "man/shoal_${1%.h}.3" ;;
	esac
}

for header in src/include/shoal/*.h; do
	page=$(page_of "${header##*/}")
	case $page in
	*'*'*) ;;
	*) [ -f "$page" ] || finding "$header: no page $page" ;;
	esac
done

awk -f tests/lint/api.awk src/include/shoal/*.h >"$tmp/api"
while read -r function header; do
	page=$(page_of "${header##*/}")
	# shellcheck disable=SC2086 # a pattern
	grep -qsw "$function" $page ||
	    finding "$header: $page does not tell of $function"
done <"$tmp/api"
finish
