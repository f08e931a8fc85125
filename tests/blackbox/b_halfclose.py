#!/usr/bin/env python3
"""Clients that write and shut down at once: data and end arrive together."""
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import connect, read_all  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import run_checks, same, until  # noqa: E402

CLIENTS = 500


def check_all_are_answered():
    with Shoal(listener(prefix="Server: "), workers=2) as shoal:
        shoal.run()
        port = shoal.port()
        socks = []
        for i in range(CLIENTS):
            sock = connect(port)
            sock.sendall(b"hello %d" % i)
            sock.shutdown(socket.SHUT_WR)
            socks.append(sock)
        answers = [read_all(sock) for sock in socks]
        for i, answer in enumerate(answers):
            same(answer, b"Server: hello %d" % i)
        # each end was noticed without the client's close
        until(lambda: shoal.counter("closed") == CLIENTS, "500 closes")
        same(shoal.counter("accepted"), CLIENTS)
        same(shoal.status()["connections"], 0)
        for sock in socks:
            sock.close()


def check_written_before_accepted():
    """Message and end wait in the kernel until there is a worker."""
    with Shoal() as shoal:
        shoal.run()
        port, pid = shoal.port(), shoal.pid_of(0)
        os.kill(pid, 19)                        # SIGSTOP
        socks = [connect(port) for _ in range(100)]
        for sock in socks:
            sock.sendall(b"hello")
            sock.shutdown(socket.SHUT_WR)
        os.kill(pid, 18)                        # SIGCONT
        for sock in socks:
            same(read_all(sock), b"hello")
            sock.close()
        until(lambda: shoal.counter("closed") == 100, "100 closes")


def check_silent_ends():
    """Clients that say nothing and go."""
    with Shoal() as shoal:
        shoal.run()
        port = shoal.port()
        socks = [connect(port) for _ in range(CLIENTS)]
        for sock in socks:
            sock.shutdown(socket.SHUT_WR)
        for sock in socks:
            same(read_all(sock), b"")
            sock.close()
        until(lambda: shoal.counter("closed") == CLIENTS, "500 closes")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
