# shellcheck shell=sh
# This file is sourced by the lints: where the source and the build are, a
# private folder, and how findings are told. It checks nothing.
#
# A lint exits 0 when there are no findings, 1 when there are, 77 when it lacks
# the tool that it needs.

lint_name=$(basename "$0")
srcdir=${SHOAL_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
# shellcheck disable=SC2034 # for those who source this
builddir=${SHOAL_BUILDDIR:-$srcdir/build/devel}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
# May be written from a loop at the end of a pipe, so it is a file.
: >"$tmp/findings"
cd "$srcdir" || exit 99

finding() {
	printf '%s\n' "$*" >>"$tmp/findings"
}

# need TOOL [PACKAGE]
need() {
	command -v "$1" >/dev/null 2>&1 && return 0
	echo "$lint_name: $1 is not installed (package ${2:-$1})"
	exit 77
}

# End with what was found so far.
finish() {
	if [ -s "$tmp/findings" ]; then
		sort -u "$tmp/findings"
		echo "$lint_name: $(sort -u "$tmp/findings" | wc -l) finding(s)"
		exit 1
	fi
	exit 0
}
