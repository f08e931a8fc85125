#!/usr/bin/env python3
"""Peers that do not read cost bounded memory and nobody else's time."""
import os
import selectors
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import SECONDS, ask, connect  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import (PATIENCE, SANITIZED, expect,  # noqa: E402
                     private_bytes, run_checks, same)

CLIENTS = 300
EACH = 1_000_000
HIGH, MESSAGE = 65536, 131072   # echo sends what one read has brought
QUEUES = 'limits = { send_queue = { high = "64k"; low = "16k"; }; };'
SLACK = 8 << 20         # the worker itself, and what its allocator keeps


def payload(number):
    """A million bytes that are a client's own."""
    return (b"%07d " % number) * (EACH // 8)


class Crowd:
    """Clients that send as far as the server reads, and never read."""

    def __init__(self, port):
        self.selector = selectors.DefaultSelector()
        self.left = {}
        for number in range(CLIENTS):
            sock = connect(port)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
            sock.setblocking(False)
            self.left[sock] = [number, memoryview(payload(number))]
            self.selector.register(sock, selectors.EVENT_WRITE)

    def push(self):
        """Sends until nothing has gone for a while; bytes sent."""
        total, idle_since = 0, time.monotonic()
        while time.monotonic() - idle_since < 0.5 * PATIENCE:
            for key, _ in self.selector.select(0.05):
                number, rest = self.left[key.fileobj]
                sent = key.fileobj.send(rest[:262144])
                total += sent
                self.left[key.fileobj] = [number, rest[sent:]]
                idle_since = time.monotonic()
                if sent == len(rest):
                    self.selector.unregister(key.fileobj)
        return total

    def close(self):
        self.selector.close()
        for sock in self.left:
            sock.close()


def check_memory_and_neighbours():
    with Shoal(listener(more=QUEUES)) as shoal:
        shoal.run()
        port, pid = shoal.port(), shoal.pid_of(0)
        with connect(port) as neighbour:
            ask(neighbour, b"x")
            before = private_bytes(pid)
            crowd = Crowd(port)
            sent = crowd.push()
            grown = private_bytes(pid) - before
            queued = shoal.counter("queued_bytes")
            print(f"     {sent >> 20} MB sent, {queued >> 10} KB queued in "
                  f"the worker, {grown >> 10} KB more memory")
            bound = CLIENTS * (HIGH + MESSAGE) + SLACK
            expect(queued <= CLIENTS * (HIGH + MESSAGE), queued)
            expect(SANITIZED or grown <= bound, grown, "is over", bound)
            # most must really be held back, or nothing was tried
            expect(queued >= CLIENTS * HIGH // 2, queued)

            worst = 0
            for _ in range(200):
                begun = time.monotonic()
                ask(neighbour, b"quick")
                worst = max(worst, time.monotonic() - begun)
            print(f"     worst answer to a neighbour {worst * 1000:.1f} ms")
            expect(worst < 0.5 * PATIENCE, worst)
            read_late(crowd)
            crowd.close()
        same(shoal.status()["counters"]["worker_crashes"], 0)
        same(shoal.pid_of(0), pid)


def read_late(crowd):
    """Whoever begins to read gets all, in order."""
    for sock in list(crowd.left)[:5]:
        number, rest = crowd.left[sock]
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        wanted, answer = payload(number), b""
        deadline = time.monotonic() + SECONDS
        sock.setblocking(False)
        while len(answer) < len(wanted) and time.monotonic() < deadline:
            try:
                rest = rest[sock.send(rest[:65536]):] if rest else rest
            except BlockingIOError:
                pass
            try:
                answer += sock.recv(262144)
            except BlockingIOError:
                time.sleep(0.001)
        expect(answer == wanted, number, len(answer), "of", len(wanted))


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
