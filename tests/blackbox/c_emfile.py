#!/usr/bin/env python3
"""Out of descriptors a worker rests, and recovers when some are free."""
import os
import resource
import select
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import connect, exchange, read_exactly  # noqa: E402
from shoal import Shoal  # noqa: E402
from waiting import (Skip, SANITIZED, cpu_seconds, expect,  # noqa: E402
                     run_checks, same, until)

CLIENTS, DESCRIPTORS = 1000, 256
MEASURED_S = 2
CPU_SHARE = 0.20 if SANITIZED else 0.05


def want_descriptors(count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < count:
        raise Skip(f"needs {count} descriptors, may have {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))


def answered(socks):
    """Those with an answer to read."""
    poll = select.poll()
    by_number = {sock.fileno(): sock for sock in socks}
    for number in by_number:
        poll.register(number, select.POLLIN)
    return [by_number[number] for number, _ in poll.poll(100)]


def check_descriptors_run_out():
    want_descriptors(CLIENTS + 100)
    with Shoal() as shoal:
        shoal.run()
        port, pid = shoal.port(), shoal.pid_of(0)
        resource.prlimit(pid, resource.RLIMIT_NOFILE,
                         (DESCRIPTORS, DESCRIPTORS))
        waiting = [connect(port) for _ in range(CLIENTS)]
        for sock in waiting:
            sock.sendall(b"hello")
        shoal.wait_counter("accept_errors", 1)
        served = answered(waiting)
        expect(DESCRIPTORS // 2 < len(served) < DESCRIPTORS, len(served))

        before = cpu_seconds(pid)
        time.sleep(MEASURED_S)          # what is measured is the rest
        share = (cpu_seconds(pid) - before) / MEASURED_S
        errors = shoal.counter("accept_errors")
        print(f"     {len(served)} of {CLIENTS} accepted, {errors} errors, "
              f"{share * 100:.1f} % CPU")
        expect(share < CPU_SHARE, share)
        same(len(answered(waiting)), len(served))
        expect("cannot accept" in shoal.log_text())
        expect("workers.nofile" in shoal.log_text())

        # as some go, others come, until all have been served
        while waiting:
            ready = until(lambda: answered(waiting), "an answer")
            for sock in ready:
                same(read_exactly(sock, 5), b"hello")
                sock.close()
                waiting.remove(sock)
        same(exchange(port, b"after"), b"after")
        same(shoal.pid_of(0), pid)
        same(shoal.counter("accepted"), CLIENTS + 1)


def check_max_connections():
    """A worker that is full leaves the rest in the kernel."""
    with Shoal(workers_more="max_connections = 10;") as shoal:
        shoal.run()
        port, pid = shoal.port(), shoal.pid_of(0)
        waiting = [connect(port) for _ in range(30)]
        for sock in waiting:
            sock.sendall(b"hello")
        until(lambda: len(answered(waiting)) == 10, "ten answers")
        same(shoal.status()["connections"], 10)
        same(shoal.status()["listeners"][0]["queued"], [20])
        before = cpu_seconds(pid)
        time.sleep(0.5)                 # what is measured is the rest
        expect(cpu_seconds(pid) - before < 0.1, "it does not rest")
        served = 0
        while waiting:
            ready = until(lambda: answered(waiting), "an answer")
            expect(len(ready) <= 10, len(ready))
            for sock in ready:
                same(read_exactly(sock, 5), b"hello")
                sock.close()
                waiting.remove(sock)
                served += 1
        same(served, 30)
        same(shoal.counter("accept_errors"), 0)


def check_reset_before_accept():
    """Connections that are gone before they are accepted harm nobody."""
    with Shoal() as shoal:
        shoal.run()
        port, pid = shoal.port(), shoal.pid_of(0)
        os.kill(pid, 19)                # SIGSTOP
        for _ in range(50):
            sock = connect(port)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            b"\1\0\0\0\0\0\0\0")
            sock.close()
        os.kill(pid, 18)                # SIGCONT
        same(exchange(port, b"x"), b"x")
        until(lambda: shoal.status()["connections"] == 0, "no connections")
        same(shoal.pid_of(0), pid)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
