#!/usr/bin/env python3
"""Tests that what is measured of coroutines works: both styles of echo_shoal
answer rightly and hold a peer that does not read, and switch tells a run that
went well from others. No figure is looked at."""
import os
import socket
import subprocess
import sys

BENCH = os.path.join(os.environ.get("SHOAL_BUILDDIR", "."), "bench")
SWITCH = os.path.join(BENCH, "switch")
os.environ["SHOAL"] = os.path.join(BENCH, "echo_shoal")
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "tests",
                                "support"))

from clients import Load, ask, connect, read_exactly  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import PATIENCE, SRCDIR, expect, run_checks, same  # noqa: E402

QUEUES = 'limits = { send_queue = { high = "64k"; low = "16k"; }; };'
CHUNK = bytes(range(256)) * 256
FAULTS = ("unopened", "closed", "reset", "unanswered", "mismatched")
MANY = 64 << 20         # more than sockets and queues hold


def echo(style):
    return Shoal(listener(handler=f"echo_{style}"), more=QUEUES)


def answer_load(style):
    with echo(style) as shoal:
        shoal.run()
        with Load("echo", shoal.port(), "-c", 8, "-d", 16, "-t", 60) as load:
            shoal.wait_counter("bytes_received", 1 << 20)
            result = load.finish()
        # `ok' wants messages after its warming up, which may not be over
        same([result[fault] for fault in FAULTS], [0] * len(FAULTS), result)
        same(shoal.stop(), 0)


def hold_slow_reader(style):
    with echo(style) as shoal:
        shoal.run()
        with connect(shoal.port()) as slow, connect(shoal.port()) as other:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
            slow.setblocking(False)
            sent = push(slow, other)
            expect(sent < MANY, "nobody was held back")
            slow.settimeout(10 * PATIENCE)
            answer = read_exactly(slow, sent)
            wanted = (CHUNK * (sent // len(CHUNK) + 1))[:sent]
            expect(answer == wanted, "not what was sent")


def push(slow, other):
    """Sends until no more is taken, though the server has had every chance:
    it answers somebody else in between. Bytes sent."""
    sent = refused = 0
    while refused < 100 and sent < MANY:
        try:
            sent += slow.send(CHUNK[sent % len(CHUNK):])
            refused = 0
        except BlockingIOError:
            refused += 1
            ask(other, b"x")
    return sent


def check_callback_under_load():
    answer_load("callback")


def check_coroutine_under_load():
    answer_load("coroutine")


def check_callback_and_slow_reader():
    hold_slow_reader("callback")


def check_coroutine_and_slow_reader():
    hold_slow_reader("coroutine")


def switch(*options):
    done = subprocess.run([SWITCH, *options], capture_output=True, text=True,
                          timeout=60 * PATIENCE, check=False)
    return done.returncode, done.stdout, done.stderr


def check_switch():
    code, out, err = switch("--rounds", "1", "--coroutines", "100")
    same(code, 0, err)
    for words in ("| swapcontext |", "| coroutine |", "| thread |",
                  "| coroutine that waits once |", "\n| 100 |"):
        expect(words in out, words, "is not in", out)


def check_switch_usage():
    for options in (["--rounds", "0"], ["--coroutines", "x"], ["more"]):
        code, out, _ = switch(*options)
        same((code, out), (2, ""), options)


def check_styles():
    """A style that there is not is refused before anything is started."""
    for name in ("tcp", "idle"):
        done = subprocess.run(
            [os.path.join(SRCDIR, "bench", f"{name}.sh"), "--style", "no"],
            capture_output=True, text=True, check=False)
        same(done.returncode, 2, done.stderr)


if __name__ == "__main__":
    if not os.access(SWITCH, os.X_OK):
        print("no", SWITCH)
        sys.exit(77)
    sys.exit(run_checks(globals()))
