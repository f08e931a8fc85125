#!/bin/sh
# Which folder of src may include which, and who may use which library.
# shellcheck source=tests/lint/prologue.sh
. "$(dirname "$0")/prologue.sh"

cat >"$tmp/layers" <<'EOT'
base
settings   proto base
proto      base
co         base
io         co base
sync       io co base
session    io proto co base
proc       base
client     io co base
topic      session io proto co proc base
broker     topic client io proto co base
module     settings proto base
check      module settings topic proc io base
worker     module broker topic session io co proc settings base
master     proc base
crew       master proc base
cmd        proc settings base
api        *
handlers
EOT

# Where a system header may be used: pattern, folders.
cat >"$tmp/libraries" <<'EOT'
^(event2/|event[.]h|evutil[.]h|evdns[.]h|evhttp[.]h)   io
^libconfig[.]h                                         settings
^hiredis/                                              client
^nats/                                                 client
^wslay/                                                proto
^openssl/                                              proto
^zlib[.]h                                              proto
^systemd/                                              master
EOT

# base may use these public headers only; all others may use all of them.
base_public='^shoal/(error|log|visibility)[.]h$'

# Every include as: folder file line kind name, kind q for "x" and a for <x>.
# shellcheck disable=SC2016 # a program of awk
find src -mindepth 1 -name '*.[ch]' ! -path 'src/include/*' ! -path 'src/config.h' |
    LC_ALL=C sort |
    xargs awk '
	/^[ \t]*#[ \t]*include[ \t]*["<]/ {
		line = $0
		sub(/^[ \t]*#[ \t]*include[ \t]*/, "", line)
		kind = substr(line, 1, 1) == "<" ? "a" : "q"
		split(substr(line, 2), part, /[">]/)
		folder = FILENAME
		sub(/^src\//, "", folder)
		if (!sub(/\/.*/, "", folder))
			folder = "main"
		print folder, FILENAME, FNR, kind, part[1]
	}' >"$tmp/includes"

awk -v base_public="$base_public" '
	FILENAME ~ /layers$/ {
		known[$1] = 1
		for (i = 2; i <= NF; i++)
			may[$1, $i] = 1
		next
	}
	FILENAME ~ /libraries$/ {
		users[$1] = " "
		for (i = 2; i <= NF; i++)
			users[$1] = users[$1] $i " "
		next
	}
	function complain(text) { print file ":" line ": " text }
	{
		folder = $1; file = $2; line = $3; kind = $4; name = $5
		public_only = folder == "handlers" || folder == "main"
		if (folder != "main" && !(folder in known)) {
			complain("src/" folder " has no place in layers.sh")
			next
		}
	}
	kind == "q" {
		target = name
		if (name == "config.h")
			next
		if (!sub(/\/.*/, "", target))
			complain("write \"" folder "/" name "\" in full")
		else if (target == "shoal")
			complain("public headers are included as <" name ">")
		else if (public_only && target != folder)
			complain("only <shoal/...> is allowed here, not \"" name "\"")
		else if (!(target in known))
			complain("\"" name "\": no such folder of src")
		else if (target != folder && !may[folder, target] && !may[folder, "*"])
			complain(folder " may not include " target ": \"" name "\"")
		next
	}
	name ~ /^shoal\// {
		if (folder == "base" && name !~ base_public)
			complain("base may not include <" name ">")
		next
	}
	{
		for (pattern in users)
			if (name ~ pattern && users[pattern] !~ " " folder " ")
				complain(folder " may not use <" name ">; only" users[pattern] "may")
	}' "$tmp/layers" "$tmp/libraries" "$tmp/includes" >>"$tmp/findings"

# A public header stands on libc and other public headers.
grep -nE '^[ 	]*#[ 	]*include[ 	]*("|<(event|libconfig|hiredis|nats|wslay|openssl|systemd))' \
    src/include/shoal/*.h |
    sed 's/$/ -- a public header includes only libc and <shoal\/...>/' \
    >>"$tmp/findings"
finish
