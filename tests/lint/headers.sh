#!/bin/sh
# Every header compiles alone, and twice: the public ones as strict C99 and as
# C++17, the internal ones as the rest of shoal is compiled.
# shellcheck source=tests/lint/prologue.sh
. "$(dirname "$0")/prologue.sh"

CC=${CC:-cc}
CXX=${CXX:-c++}
need "${CC%% *}" gcc

# try HEADER NAME COMPILER FLAG...: how is the name as it is included
try() {
	header=$1 name=$2
	shift 2
	printf '#include %s\n#include %s\nextern int lint_nothing;\n' \
	    "$name" "$name" >"$tmp/one.c"
	if ! "$@" -fsyntax-only "$tmp/one.c" >"$tmp/out" 2>&1; then
		finding "$header: does not compile alone: $*"
		sed 's/^/    /' "$tmp/out"
	fi
}

# shellcheck disable=SC2086 # CC may hold flags
for header in src/include/shoal/*.h; do
	name="<shoal/${header##*/}>"
	try "$header" "$name" $CC -x c -std=c99 -pedantic-errors -Wall \
	    -Wextra -Werror -Isrc/include
	if command -v "${CXX%% *}" >/dev/null 2>&1; then
		try "$header" "$name" $CXX -x c++ -std=c++17 -pedantic-errors \
		    -Wall -Wextra -Werror -Isrc/include
	fi
done

[ -f "$builddir/src/config.h" ] || {
	echo "$lint_name: no $builddir/src/config.h; internal headers not checked"
	finish
}
libraries=$(pkg-config --cflags libevent_core libconfig hiredis 2>/dev/null)
find src -name '*.h' ! -path 'src/include/*' ! -name config.h >"$tmp/list"
# shellcheck disable=SC2086
while read -r header; do
	try "$header" "\"${header#src/}\"" $CC -x c -std=gnu11 -Wall -Wextra \
	    -Wno-unused-parameter -Werror -include config.h \
	    -I"$builddir/src" -Isrc -Isrc/include $libraries </dev/null
done <"$tmp/list"
finish
