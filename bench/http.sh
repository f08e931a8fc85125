#!/bin/bash
# This file compares shoal with the cheapest thing that answers requests, with
# nginx and with libwebsockets: GET and a body of 13 bytes over 64 connections,
# with 1 and with 16 requests in flight on each. Run it by `./dev bench http'.
set -u
# shellcheck disable=SC2034 # for those that are sourced
protocol=http style=
# shellcheck source=bench/rounds.sh
. "$(dirname "$0")/rounds.sh"
read_options "$@"
# shellcheck source=bench/servers.sh
. "$here/servers.sh"

compare http "--body $body --depth 1" "--body $body --depth 16"
print_table epoll nginx libwebsockets
exit "$bad"
