#!/usr/bin/env python3
"""Reloads under load lose no connection. SHOAL_SLOW=1 spreads them wider."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import Load, ask, connect, exchange  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import (SANITIZED, SLOW, expect, run_checks,  # noqa: E402
                     same, until)

RELOADS = 10
SPREAD_S = 20 if SLOW else 8
RATE = 500 if SANITIZED else 2500
LOSSES = ("refused", "reset", "unanswered", "mismatched")


def check_nothing_is_lost():
    with Shoal(workers=4) as shoal:
        shoal.run()
        port, first = shoal.port(), shoal.status()["generation"]
        with Load("connect", port, "-r", RATE, "-t", 600) as load:
            shoal.wait_counter("accepted", RATE // 2)
            begun = time.monotonic()
            for i in range(RELOADS):
                # the pace is part of the promise, not a wait for something
                time.sleep(max(0, begun + i * SPREAD_S / RELOADS -
                               time.monotonic()))
                shoal.reload()
            accepted = shoal.counter("accepted")
            shoal.wait_counter("accepted", accepted + RATE // 2)
            result = load.finish()
        print(f"     {result['answered']} answered, "
              f"{result['per_second']:.0f}/s, worst gap "
              f"{result['worst_gap_ms']:.1f} ms, p99 "
              f"{result['p99_us'] / 1000:.1f} ms")
        same({k: result[k] for k in LOSSES}, dict.fromkeys(LOSSES, 0))
        # before the first reload, and after the last one
        expect(result["answered"] >= RATE, result)
        status = shoal.status()
        same(status["generation"], first + RELOADS)
        same(status["counters"]["worker_crashes"], 0)
        same(status["counters"]["accepted"], result["answered"])


def check_old_connections_go_on():
    """They are answered by the generation that accepted them."""
    more = "reload = { max_old = 6; };"
    with Shoal(listener(prefix="1:"), workers=2, more=more) as shoal:
        shoal.run()
        port, held = shoal.port(), []
        for generation in range(1, 5):
            for _ in range(8):
                sock = connect(port)
                ask(sock, b"new", b"%d:" % generation)
                held.append((generation, sock))
            shoal.configure(listener(prefix=f"{generation + 1}:"), workers=2,
                            more=more)
            shoal.reload()
            for old, sock in held:
                ask(sock, b"old", b"%d:" % old)
            same(exchange(port, b"x"), b"%d:x" % (generation + 1))
        same(shoal.status()["draining_connections"], len(held))
        expect(len(shoal.workers("draining")) > 2)
        for _, sock in held:
            sock.close()
        until(lambda: len(shoal.status()["workers"]) == 2,
              "the old generations to end")


def check_drain_timeout():
    """Old connections are cut in the end."""
    with Shoal(more='reload = { drain_timeout = "200ms"; };') as shoal:
        shoal.run()
        with connect(shoal.port()) as sock:
            ask(sock, b"x")
            shoal.reload()
            same(sock.recv(1), b"")
        until(lambda: len(shoal.status()["workers"]) == 1, "the old worker")


def check_generations_are_limited():
    """The oldest of too many draining generations is ended."""
    with Shoal(more="reload = { max_old = 2; };") as shoal:
        shoal.run()
        port, held = shoal.port(), []
        for _ in range(4):
            sock = connect(port)
            ask(sock, b"x")
            held.append(sock)
            shoal.reload()
        same(held[0].recv(1), b"")
        same(held[1].recv(1), b"")
        ask(held[2], b"still here")
        ask(held[3], b"still here")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
