#!/bin/bash
# This file compares shoal with the cheapest thing that echoes WebSocket
# messages and with libwebsockets: texts of three sizes over 64 connections,
# one in flight on each, and 16 small ones. Run it by `./dev bench ws'.
set -u
# shellcheck disable=SC2034 # for those that are sourced
protocol=ws style=callback
# shellcheck source=bench/rounds.sh
. "$(dirname "$0")/rounds.sh"
read_options "$@"
# shellcheck source=bench/servers.sh
. "$here/servers.sh"

compare ws '--size 64 --depth 1' '--size 64 --depth 16' \
    '--size 1024 --depth 1' '--size 65536 --depth 1'
print_table epoll libwebsockets
exit "$bad"
