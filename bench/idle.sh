#!/bin/bash
# This file measures what an idle connection costs a server: how much its
# private memory has grown after one message on each of many connections,
# divided by their number. Run it by `./dev bench idle'.
set -u
here=$(cd "$(dirname "$0")" && pwd)

usage() {
	cat >&2 <<-END
	usage: idle.sh [--protocol P] [--connections N] [--rounds N] [--style STYLE]

	  --protocol P     what is spoken on them: tcp (default), http or ws
	  --connections N  held at the same time (19000)
	  --rounds N       how often every server is measured, in turn (3)
	  --style S        style of shoal's handler: callback, coroutine or both
	END
	exit 2
}

connections=19000 rounds=3 style=callback protocol=tcp
while [ $# -gt 0 ]; do
	[ $# -ge 2 ] || usage
	case $1 in
	--protocol) protocol=$2 ;;
	--connections) connections=$2 ;;
	--rounds) rounds=$2 ;;
	--style) style=$2 ;;
	*) usage ;;
	esac
	shift 2
done
case $connections$rounds in *[!0-9]*) usage ;; esac
case $protocol in
tcp) suffix='' ;;
http) suffix=-http ;;
ws) suffix=-ws ;;
*) usage ;;
esac
case $style in callback | coroutine | both) ;; *) usage ;; esac

# shellcheck source=bench/servers.sh
. "$here/servers.sh"

load_options=()
[ "$protocol" != http ] || load_options=(--body "$body")

private_kib() { # pid
	awk '$1 == "Private_Clean:" || $1 == "Private_Dirty:" { kib += $2 }
	    END { print kib + 0 }' "/proc/$1/smaps_rollup"
}

# shellcheck disable=SC2317 # called by wait_for
is_holding() { grep -q '^holding' "$tmp/load.err"; }

# warm_up: the first connections pay for what is made once.
warm_up() {
	"$load" "connect$suffix" "$address" "${load_options[@]}" \
	    --count 200 >/dev/null 2>&1
}

# What a worker's loop trims in a second, see src/io/loop.c; it passes by those
# that have not slept for two rounds.
trimmed_per_s=8192 passed_by_s=4

sweep=$((connections / trimmed_per_s + passed_by_s))
hold_s=$((60 + 4 * sweep))

# wait_settled: a worker gives pages of sleeping coroutines back, so many a
# second. Until nothing has been given back for as long as it takes to come by
# everyone; failure when that does not come to pass.
wait_settled() {
	local lowest now quiet=0 left=$((4 * sweep))
	lowest=$(private_kib "$worker")
	while [ "$quiet" -lt "$sweep" ]; do
		[ "$((left -= 1))" -ge 0 ] || return 1
		sleep 1
		now=$(private_kib "$worker")
		[ "$now" -lt "$((lowest - 64))" ] && quiet=-1
		[ "$now" -lt "$lowest" ] && lowest=$now
		quiet=$((quiet + 1))
	done
}

# The generator lets go when the pipe on its stdin is closed.
measure() { # server
	local before after status held unsettled=''
	start_server "$1" || return 1
	warm_up
	before=$(private_kib "$worker")
	: >"$tmp/load.err"
	mkfifo "$tmp/hold"
	taskset -c "$load_cpu" "$load" "idle$suffix" "$address" \
	    "${load_options[@]}" --connections "$connections" --time "$hold_s" \
	    <"$tmp/hold" >"$tmp/load.out" 2>"$tmp/load.err" &
	held=$!
	exec 9>"$tmp/hold"
	wait_for 60 is_holding || unsettled='not all were answered in time'
	[ "$1" != shoal_coroutine ] || wait_settled ||
	    unsettled='memory was still being given back'
	after=$(private_kib "$worker")
	exec 9>&-
	wait "$held"
	status=$?
	rm -f "$tmp/hold"
	stop_server
	if [ "$status" -ne 0 ]; then
		say "$1: $(cat "$tmp/load.out" "$tmp/load.err")"
		return 1
	fi
	if [ -n "$unsettled" ]; then
		say "$1: $unsettled"
		return 1
	fi
	echo "$1 $(((after - before) * 1024 / connections))" >>"$tmp/results"
}

bad=0
say_missing
for ((round = 1; round <= rounds; round++)); do
	for name in $(list_servers); do
		measure "$name" || bad=1
	done
done
[ -s "$tmp/results" ] || { say "no results"; exit 1; }

echo "| server | user bytes per idle connection | min | max | connections |"
echo "|---|---:|---:|---:|---:|"
for name in $(list_servers); do
	awk -v name="$name" '$1 == name { print $2 }' "$tmp/results" | sort -n |
	    awk -v name="$(label "$name")" -v n="$connections" '
		{ value[NR] = $1 }
		END { if (NR) printf "| %s | %d | %d | %d | %d |\n", name,
		    value[int((NR + 1) / 2)], value[1], value[NR], n }'
done
exit $bad
