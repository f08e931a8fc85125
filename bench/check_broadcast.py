#!/usr/bin/env python3
"""Tests that the programs that ./dev bench broadcast compares send every message to
all. No figure is looked at."""
import json
import os
import subprocess
import sys

BENCH = os.path.join(os.environ.get("SHOAL_BUILDDIR", "."), "bench")
os.environ["SHOAL"] = os.path.join(BENCH, "web_shoal")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests",
                                "support"))

from clients import LOAD  # noqa: E402
from shoal import Shoal  # noqa: E402
from waiting import PATIENCE, expect, run_checks, same  # noqa: E402

LISTENER = ('{ address = "127.0.0.1:0"; protocol = "http"; routes = ('
            ' { path = "/"; handler = "ws_subscribe"; },'
            ' { path = "/publish"; handler = "ws_publish"; } ); }')


def measure(port):
    for depth in ("1", "4"):
        done = subprocess.run(
            [LOAD, "broadcast", f"127.0.0.1:{port}", "-c", "40", "-d", depth,
             "-t", "0.2", "-w", "0"], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=60 * PATIENCE, check=False)
        expect(done.stdout, done.stderr)
        same(json.loads(done.stdout)["ok"], True, done.stdout)


def check_shoal():
    for workers in (1, 4):
        with Shoal(LISTENER, workers=workers) as shoal:
            shoal.run()
            measure(shoal.port())
            same(shoal.stop(), 0)


def check_raw_loop():
    with subprocess.Popen([os.path.join(BENCH, "broadcast_epoll"), "0"],
                          stdout=subprocess.PIPE, text=True) as loop:
        try:
            measure(int(loop.stdout.readline()))
        finally:
            loop.kill()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
