#!/bin/bash
# This file compares what it takes to send one message to many WebSockets: shoal,
# the cheapest loop that does it, and nginx with nchan; 1 and 4 workers, with 1
# and with 4 messages in flight. Run it by `./dev bench broadcast'.
set -u
# shellcheck disable=SC2034 # for those that are sourced
protocol=broadcast style='' table=broadcast_table.py
# shellcheck source=bench/rounds.sh
. "$(dirname "$0")/rounds.sh"
read_options "$@"
# shellcheck source=bench/servers.sh
. "$here/servers.sh"

cases=()
for subscribers in 100 500 1000 10000; do
	for depth in 1 4; do
		cases+=("--connections $subscribers --depth $depth --sources 8")
	done
done
compare broadcast "${cases[@]}"
print_table epoll nchan
exit "$bad"
