# shellcheck shell=bash
# shellcheck disable=SC2034 # what it sets is for those who source it
# This file starts and stops the servers that are compared; sourced by tcp.sh,
# http.sh, ws.sh, broadcast.sh and idle.sh, which set `protocol'. One server at a
# time. It sets:
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
# own echo, coroutine or both, which are programs on libshoal.
style=${style:-callback}
protocol=${protocol:-tcp}

# nginx's module for broadcasts, empty when it or nginx is not there.
nchan=/usr/lib/nginx/modules/ngx_nchan_module.so
[ -r "$nchan" ] && command -v nginx >/dev/null || nchan=''

# What HTTP requests are answered with: one word, as a configuration has it.
body=Hello,_world!

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

# How many workers a server has: NAME is one, NAME_4 four of it.
workers_of() { # server
	case $1 in *_[0-9]) echo "${1##*_}" ;; *) echo 1 ;; esac
}

# The program that serves as a shoal server, and its handler.
shoal_program() {
	case $protocol,$1 in
	tcp,shoal | ws,shoal) echo "$build/shoal" ;;
	tcp,*) echo "$build/bench/echo_shoal" ;;
	*) echo "$build/bench/web_shoal" ;;
	esac
}

shoal_handler() {
	case $protocol,$1 in
	*,shoal) echo 'handler = "echo"; config = { prefix = ""; };' ;;
	tcp,*) echo "handler = \"echo_${1#shoal_}\";" ;;
	ws,*) echo "handler = \"ws_${1#shoal_}\";" ;;
	http,*) echo "handler = \"page\"; config = { body = \"$body\"; };" ;;
	esac
}

# What the listener of a shoal server is.
shoal_listener() { # server
	case $protocol in
	tcp) echo "protocol = \"tcp\"; $(shoal_handler "$1")" ;;
	broadcast) echo 'protocol = "http"; routes = (' \
	    '{ path = "/"; handler = "ws_subscribe"; },' \
	    '{ path = "/publish"; handler = "ws_publish"; } );' ;;
	*) echo "protocol = \"http\"; routes = (" \
	    "{ path = \"/\"; $(shoal_handler "$1") } );" ;;
	esac
}

shoal_config() { # server
	cat <<-END
	control = { path = "$tmp/control.sock"; };
	pid_file = "off";
	workers = { count = $(workers_of "$1"); };
	log = { target = "stderr"; level = "warning"; };
	listeners = (
		{ name = "bench"; address = "127.0.0.1:0";
		  $(shoal_listener "$1") }
	);
	END
}

# nginx takes no port 0, so one that is free now has to do.
free_port() {
	python3 -c 'import socket
print(socket.create_server(("127.0.0.1", 0)).getsockname()[1])'
}

# Messages are kept for as long as it takes to send them; a subscriber begins with
# what comes next.
nginx_locations() {
	[ "$protocol" = broadcast ] || {
		echo "location / { return 200 \"$body\"; }"
		return
	}
	cat <<-END
	nchan_channel_id room;
	nchan_message_buffer_length 16;
	location / {
		nchan_subscriber websocket;
		nchan_subscriber_first_message newest;
	}
	location /publish { nchan_publisher websocket; }
	END
}

nginx_config() { # server
	[ "$protocol" != broadcast ] || echo "load_module $nchan;"
	cat <<-END
	daemon off;
	worker_processes $(workers_of "$1");
	pid $tmp/nginx.pid;
	error_log stderr error;
	worker_rlimit_nofile 20000;
	events { worker_connections 19900; }
	http {
		access_log off;
		default_type text/plain;
		keepalive_timeout 600s;
		keepalive_requests 1000000000;
		client_body_temp_path $tmp/nginx;
		proxy_temp_path $tmp/nginx;
		fastcgi_temp_path $tmp/nginx;
		uwsgi_temp_path $tmp/nginx;
		scgi_temp_path $tmp/nginx;
		server {
			listen $address backlog=4096;
			$(nginx_locations)
		}
	}
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

nginx_is_up() {
	(exec 3<>"/dev/tcp/${address%:*}/${address#*:}") 2>/dev/null &&
	    worker=$(pgrep -P "$server") && [ -n "$worker" ]
}

# What a reference is started with.
reference_command() { # server
	case $protocol,$1 in
	tcp,*) echo "$build/bench/echo_$1 0" ;;
	http,epoll) echo "$build/bench/http_epoll 0 $body" ;;
	ws,epoll) echo "$build/bench/ws_epoll 0" ;;
	broadcast,epoll) echo "$build/bench/broadcast_epoll 0" ;;
	*,lws) echo "$build/bench/web_lws 0 $body" ;;
	esac
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
	nginx | nchan*)
		address=127.0.0.1:$(free_port)
		# a folder of its own, which it gives to its worker's user
		mkdir -p "$tmp/nginx"
		nginx_config "$1" >"$tmp/nginx.conf"
		command=(nginx -e stderr -p "$tmp" -c "$tmp/nginx.conf")
		probe=nginx_is_up ;;
	*)
		read -ra command <<<"$(reference_command "$1")"
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

# The servers that are there, in the order of the table; HTTP has one style.
list_servers() {
	echo epoll
	case $protocol in
	tcp) [ ! -x "$build/bench/echo_bufferevent" ] || echo bufferevent ;;
	http) ! command -v nginx >/dev/null || echo nginx ;;
	broadcast) [ -z "$nchan" ] || printf 'nchan\nnchan_4\n' ;;
	esac
	case $protocol in
	http | ws) [ ! -x "$build/bench/web_lws" ] || echo lws ;;
	esac
	case $protocol,$style in
	broadcast,*) printf 'shoal\nshoal_4\n' ;;
	http,*) echo shoal_page ;;
	*,callback) echo shoal ;;
	*,coroutine) echo shoal_coroutine ;;
	*,both) echo shoal_callback; echo shoal_coroutine ;;
	esac
}

# say_missing: which servers are not there to be compared with.
say_missing() {
	[ "$protocol" != tcp ] || [ -x "$build/bench/echo_bufferevent" ] ||
	    say "without bufferevent, install libevent-dev and build again"
	[ "$protocol" != http ] || command -v nginx >/dev/null ||
	    say "without nginx, install nginx-light"
	[ "$protocol" = tcp ] || [ "$protocol" = broadcast ] ||
	    [ -x "$build/bench/web_lws" ] ||
	    say "without libwebsockets, install libwebsockets-dev and build again"
	[ "$protocol" != broadcast ] || [ -n "$nchan" ] ||
	    say "without nchan, install libnginx-mod-nchan"
}

# What the table calls a server.
label() {
	case $1 in
	shoal_page | shoal_4) echo shoal ;;
	nchan*) echo nchan ;;
	shoal_*) echo "shoal (${1#shoal_})" ;;
	lws) echo libwebsockets ;;
	*) echo "$1" ;;
	esac
}
