#!/bin/bash
# This file compares shoal with a raw epoll loop and with libevent's
# bufferevent: an echo of 128 bytes over 64 connections, with 1 and with 16
# messages in flight on each. Run it by `./dev bench tcp'.
set -u
# shellcheck disable=SC2034 # for those that are sourced
protocol=tcp style=callback
# shellcheck source=bench/rounds.sh
. "$(dirname "$0")/rounds.sh"
read_options "$@"
# shellcheck source=bench/servers.sh
. "$here/servers.sh"

compare echo '--size 128 --depth 1' '--size 128 --depth 16'
print_table epoll
exit "$bad"
