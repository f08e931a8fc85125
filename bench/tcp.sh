#!/bin/bash
# This file compares shoal with a raw epoll loop and with libevent's
# bufferevent: an echo of 128 bytes over 64 connections, with 1 and with 16
# messages in flight on each. Run it by `./dev bench tcp'.
set -u
here=$(cd "$(dirname "$0")" && pwd)

usage() {
	cat >&2 <<-END
	usage: tcp.sh [--rounds N] [--time S] [--style STYLE] [--raw FILE]

	  --rounds N  how often every server is measured, in turn (5)
	  --time S    seconds of one measurement (2)
	  --style S   style of shoal's handler: callback, coroutine or both
	  --raw FILE  also append the results, one line of JSON each, to FILE
	END
	exit 2
}

rounds=5 seconds=2 style=callback raw=
while [ $# -gt 0 ]; do
	case $1 in --rounds | --time | --style | --raw) [ $# -ge 2 ] || usage ;; esac
	case $1 in
	--rounds) rounds=$2 ;;
	--time) seconds=$2 ;;
	--style) style=$2 ;;
	--raw) raw=$2 ;;
	*) usage ;;
	esac
	shift 2
done
case $rounds in '' | *[!0-9]*) usage ;; esac
case $style in callback | coroutine | both) ;; *) usage ;; esac

# shellcheck source=bench/servers.sh
. "$here/servers.sh"

measure() { # server, depth, round
	local line
	start_server "$1" || return 1
	line=$(taskset -c "$load_cpu" "$load" echo "$address" --connections 64 \
	    --size 128 --depth "$2" --time "$seconds" --pid "$server" \
	    2>"$tmp/load.err")
	[ -n "$line" ] || { say "$1: $(tail -n 1 "$tmp/load.err")"; }
	stop_server
	[ -n "$line" ] &&
	    printf '{"server":"%s","round":%d,%s\n' "$(label "$1")" "$3" \
		"${line#\{}" >>"$tmp/results"
}

bad=0
for depth in 1 16; do
	for ((round = 1; round <= rounds; round++)); do
		for name in $(list_servers); do
			measure "$name" "$depth" "$round" || bad=1
		done
	done
done
[ -s "$tmp/results" ] || { say "no results"; exit 1; }
[ -z "$raw" ] || cat "$tmp/results" >>"$raw"
python3 "$here/table.py" "$tmp/results" || bad=1
exit $bad
