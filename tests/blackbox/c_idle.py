#!/usr/bin/env python3
"""Silent connections end by the idle timeout, others do not."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import ask, connect  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import PATIENCE, expect, run_checks, same, until  # noqa: E402

TIMEOUT_S = 0.6 * PATIENCE
TIMEOUT = f'idle_timeout = "{int(TIMEOUT_S * 1000)}ms";'


def check_only_silent_ones():
    with Shoal(more=f"limits = {{ {TIMEOUT} }};") as shoal:
        shoal.run()
        port = shoal.port()
        mute = connect(port)
        silent = connect(port)
        busy = connect(port)
        begun = time.monotonic()
        ask(silent, b"once")
        ended = {}
        while len(ended) < 2 and time.monotonic() - begun < 10 * PATIENCE:
            ask(busy, b"again")
            for sock, name in ((mute, "mute"), (silent, "silent")):
                sock.settimeout(0.05)
                try:
                    if name not in ended and sock.recv(1) == b"":
                        ended[name] = time.monotonic() - begun
                except TimeoutError:
                    pass
        same(sorted(ended), ["mute", "silent"])
        for name, took in ended.items():
            expect(TIMEOUT_S * 0.9 < took < TIMEOUT_S * 2.5 + 0.5, name, took)
        ask(busy, b"still here")
        same(shoal.counter("timeouts"), 2)
        same(shoal.status()["connections"], 1)


def check_off_by_default_and_per_listener():
    with Shoal(listener(), listener("127.0.0.2:0",
                                    more=f"limits = {{ {TIMEOUT} }};"))\
            as shoal:
        shoal.run()
        patient = connect(shoal.port(0))
        strict = connect(("127.0.0.2", shoal.port(1)))
        ask(patient, b"x")
        ask(strict, b"x")
        same(strict.recv(1), b"")
        ask(patient, b"y")
        same(shoal.counter("timeouts"), 1)


def check_peer_that_does_not_read():
    """Silence is in both directions: a queue that does not move is idle."""
    with Shoal(more=f"limits = {{ {TIMEOUT} }};") as shoal:
        shoal.run()
        with connect(shoal.port()) as sock:
            sock.setblocking(False)
            try:
                for _ in range(500):
                    sock.send(bytes(65536))
            except (BlockingIOError, ConnectionError):
                pass
            until(lambda: shoal.status()["connections"] == 0,
                  "the connection to end")
            same(shoal.counter("timeouts"), 1)


def check_socket_options():
    """keepalive and user_timeout are taken, and shown."""
    options = ('keepalive = { idle = "30s"; interval = "5s"; count = 3; }; '
               'user_timeout = "20s"; notsent_lowat = "16k"; backlog = 77;')
    with Shoal(listener(more=options)) as shoal:
        shoal.run()
        same(shoal.status()["listeners"][0]["backlog"], 77)
        with connect(shoal.port()) as sock:
            ask(sock, b"x")
            peer = sock.getsockname()[1]
            expect(has_keepalive_timer(shoal.port(), peer),
                   "no keepalive timer")
        shoal.write(shoal.read().replace("30s", "off"))
        shoal.reload()
        with connect(shoal.port()) as sock:
            ask(sock, b"x")
            peer = sock.getsockname()[1]
            expect(not has_keepalive_timer(shoal.port(), peer))


def has_keepalive_timer(port, peer):
    """What the kernel says of the server's end: timer 2 is keepalive."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in table:
            fields = line.split()
            if fields[1].endswith(f":{port:04X}") and \
                    fields[2].endswith(f":{peer:04X}"):
                return fields[5].startswith("02:")
    raise AssertionError("no such connection")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
