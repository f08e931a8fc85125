# shellcheck shell=bash
# shellcheck disable=SC2034 # what it sets is for those who source it
# This file starts and stops the servers that are compared; sourced by tcp.sh
# and idle.sh. One server at a time. It sets:
#   server   pid of the process that was started
#   worker   pid of the process that serves
#   address  where it listens

build=${SHOAL_BUILDDIR:?the build folder; run this by ./dev bench}
load=$build/bench/load
server_cpu=${SHOAL_BENCH_SERVER_CPU:-0}
load_cpu=${SHOAL_BENCH_LOAD_CPU:-1}
tmp=$(mktemp -d) || exit 1
server='' worker='' address=''

# Which styles of shoal are measured: callback, which is the daemon with its
# own echo, coroutine or both, which are echo_shoal.
style=${style:-callback}

# Where `shoal status --json' keeps what is needed here.
status_address=listeners.0.address
status_worker=workers.0.pid

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

stop_server() {
	[ -n "$server" ] || return 0
	kill -TERM "$server" 2>/dev/null
	for _ in $(seq 100); do
		kill -0 "$server" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$server" 2>/dev/null && say "the server had to be killed"
	wait "$server" 2>/dev/null
	server=''
}

finish() {
	stop_server
	rm -rf "$tmp"
}
trap finish EXIT
trap 'exit 130' INT TERM

# wait_for SECONDS COMMAND...: until it succeeds or the server has ended.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		kill -0 "$server" 2>/dev/null || return 1
		sleep 0.05
	done
}

# The program that serves as a shoal server, and its handler.
shoal_program() {
	case $1 in
	shoal) echo "$build/shoal" ;;
	*) echo "$build/bench/echo_shoal" ;;
	esac
}

shoal_handler() {
	case $1 in
	shoal) echo 'handler = "echo"; config = { prefix = ""; };' ;;
	*) echo "handler = \"echo_${1#shoal_}\";" ;;
	esac
}

shoal_config() { # server
	cat <<-END
	control = { path = "$tmp/control.sock"; };
	pid_file = "off";
	workers = { count = 1; };
	log = { target = "stderr"; level = "warning"; };
	listeners = (
		{ name = "bench"; protocol = "tcp"; address = "127.0.0.1:0";
		  $(shoal_handler "$1") }
	);
	END
}

# status_value PATH: one value of `status --json' of $program, or failure.
status_value() {
	"$program" status --json -c "$tmp/shoal.conf" 2>/dev/null |
	    python3 -c '
import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    value = value[int(key) if isinstance(value, list) else key]
print(value)' "$1" 2>/dev/null
}

shoal_is_up() {
	address=$(status_value "$status_address") &&
	    worker=$(status_value "$status_worker") &&
	    [ "$worker" -gt 0 ]
}

reference_is_up() {
	local port
	IFS= read -r port <"$tmp/out" || return 1
	address=127.0.0.1:$port worker=$server
}

# start_server NAME: one of list_servers.
start_server() {
	local probe command program
	: >"$tmp/out"
	case $1 in
	shoal*)
		program=$(shoal_program "$1")
		shoal_config "$1" >"$tmp/shoal.conf"
		command=("$program" run -c "$tmp/shoal.conf")
		probe=shoal_is_up ;;
	*)
		command=("$build/bench/echo_$1" 0)
		probe=reference_is_up ;;
	esac
	taskset -c "$server_cpu" "${command[@]}" \
	    >"$tmp/out" 2>"$tmp/err" </dev/null &
	server=$!
	wait_for 20 "$probe" && return 0
	say "$1 does not come up:"
	tail -n 5 "$tmp/err" >&2
	stop_server
	return 1
}

# The servers that were built, in the order of the table.
list_servers() {
	local name
	for name in epoll bufferevent; do
		[ -x "$build/bench/echo_$name" ] && echo "$name"
	done
	case $style in
	callback) echo shoal ;;
	coroutine) echo shoal_coroutine ;;
	both) echo shoal_callback; echo shoal_coroutine ;;
	esac
}

# What the table calls a server.
label() {
	case $1 in
	shoal_*) echo "shoal (${1#shoal_})" ;;
	*) echo "$1" ;;
	esac
}
