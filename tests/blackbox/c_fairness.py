#!/usr/bin/env python3
"""One peer that never pauses does not starve the others of its worker."""
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import ask, connect  # noqa: E402
from shoal import Shoal  # noqa: E402
from waiting import PATIENCE, expect, run_checks, same, until  # noqa: E402

QUIET, ROUNDS = 100, 20
BOUND_MS = 200 * PATIENCE

# In a process of its own, so that it does not wait for the test's thread.
STREAM = """
import socket, sys, threading
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
def read():
    while sock.recv(1 << 20):
        pass
threading.Thread(target=read, daemon=True).start()
block = bytes(1 << 20)
while True:
    sock.sendall(block)
"""


def ask_in_turn(socks, rounds):
    """Seconds that each answer took, sorted."""
    took = []
    for _ in range(rounds):
        for sock in socks:
            begun = time.monotonic()
            ask(sock, b"quiet")
            took.append(time.monotonic() - begun)
    return sorted(took)


def check_quiet_ones_are_served():
    with Shoal() as shoal:
        shoal.run()
        port = shoal.port()
        socks = [connect(port) for _ in range(QUIET)]
        for sock in socks:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        alone = ask_in_turn(socks, 2)
        stream = subprocess.Popen([sys.executable, "-c", STREAM, str(port)],
                                  stderr=subprocess.DEVNULL)
        try:
            shoal.wait_counter("bytes_received", 20_000_000)
            took = ask_in_turn(socks, ROUNDS)
            before = shoal.counter("bytes_received")
            until(lambda: shoal.counter("bytes_received") > before,
                  "the stream to go on")
            same(stream.poll(), None)
        finally:
            stream.kill()
            stream.wait()
        for words, times in (("alone", alone), ("beside a stream", took)):
            p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
            print(f"     {words}: p50 {p50 * 1000:.2f} ms, p99 "
                  f"{p99 * 1000:.2f} ms, worst {times[-1] * 1000:.2f} ms")
        expect(p99 * 1000 < BOUND_MS, p99)
        for sock in socks:
            sock.close()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
