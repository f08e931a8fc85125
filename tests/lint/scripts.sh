#!/bin/sh
# Shell scripts pass shellcheck, Python compiles.
# shellcheck source=tests/lint/prologue.sh
. "$(dirname "$0")/prologue.sh"

PYTHONPYCACHEPREFIX=$tmp/pycache
export PYTHONPYCACHEPREFIX
unset PYTHONDONTWRITEBYTECODE
find tests bench examples -name '*.py' | LC_ALL=C sort >"$tmp/python"
while read -r file; do
	/usr/bin/python3 -W error -m py_compile "$file" >"$tmp/out" 2>&1 || {
		finding "$file: does not compile"
		cat "$tmp/out"
	}
done <"$tmp/python"

if ! command -v shellcheck >/dev/null 2>&1; then
	[ -s "$tmp/findings" ] && finish
	need shellcheck
fi
find tests bench conf examples -name '*.sh' | LC_ALL=C sort >"$tmp/scripts"
for file in dev .ci/run autogen.sh; do
	[ -s "$file" ] && echo "$file" >>"$tmp/scripts"
done
while read -r file; do
	shellcheck -x "$file" >"$tmp/out" </dev/null 2>&1 || {
		finding "$file: shellcheck complains"
		cat "$tmp/out"
	}
done <"$tmp/scripts"
finish
