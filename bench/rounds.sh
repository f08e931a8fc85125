# shellcheck shell=bash disable=SC2034,SC2154
# This file measures servers in turn and makes the table; sourced by tcp.sh,
# http.sh, ws.sh and broadcast.sh, which say what is compared. They set `protocol'
# and, when shoal has both styles there, `style'.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
	cat >&2 <<-END
	usage: ${0##*/} [--rounds N] [--time S] ${style:+[--style STYLE] }[--raw FILE]

	  --rounds N  how often every server is measured, in turn (5)
	  --time S    seconds of one measurement (2)
	END
	[ -z "$style" ] || cat >&2 <<-END
	  --style S   style of shoal's handler: callback, coroutine or both
	END
	cat >&2 <<-END
	  --raw FILE  also append the results, one line of JSON each, to FILE
	END
	exit 2
}

rounds=5 seconds=2 style=${style:-} raw='' bad=0

read_options() {
	while [ $# -gt 0 ]; do
		[ $# -ge 2 ] || usage
		case $1 in
		--rounds) rounds=$2 ;;
		--time) seconds=$2 ;;
		--style) [ -n "$style" ] || usage; style=$2 ;;
		--raw) raw=$2 ;;
		*) usage ;;
		esac
		shift 2
	done
	case $rounds in '' | *[!0-9]*) usage ;; esac
	case $style in '' | callback | coroutine | both) ;; *) usage ;; esac
}

measure() { # server, round, mode and options of load...
	local name=$1 round=$2 mode=$3 line
	shift 3
	start_server "$name" || return 1
	line=$(taskset -c "$load_cpu" "$load" "$mode" "$address" \
	    --connections 64 --time "$seconds" --pid "$server" "$@" \
	    2>"$tmp/load.err")
	[ -n "$line" ] || { say "$name: $(tail -n 1 "$tmp/load.err")"; }
	stop_server
	[ -n "$line" ] &&
	    printf '{"server":"%s","workers":%d,"round":%d,%s\n' \
		"$(label "$name")" "$(workers_of "$name")" "$round" \
		"${line#\{}" >>"$tmp/results"
}

# compare MODE CASE...: each case is options of load.
compare() {
	local mode=$1 round name options case
	shift
	say_missing
	for case in "$@"; do
		read -ra options <<<"$case"
		for ((round = 1; round <= rounds; round++)); do
			for name in $(list_servers); do
				measure "$name" "$round" "$mode" \
				    "${options[@]}" || bad=1
			done
		done
	done
}

# print_table BASE...: with ratios to these servers.
print_table() {
	[ -s "$tmp/results" ] || { say "no results"; exit 1; }
	[ -z "$raw" ] || cat "$tmp/results" >>"$raw"
	python3 "$here/${table:-table.py}" "$tmp/results" "$@" || bad=1
}
