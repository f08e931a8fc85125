#!/bin/sh
# This file runs the program `switch' on one processor: what coroutines cost
# without a server around them. Run it by `./dev bench switch'.
set -eu
build=${SHOAL_BUILDDIR:?the build folder; run this by ./dev bench}
exec taskset -c "${SHOAL_BENCH_SERVER_CPU:-0}" "$build/bench/switch" "$@"
