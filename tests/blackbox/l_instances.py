#!/usr/bin/env python3
"""A port belongs to one service: a second instance is refused."""
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import exchange  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import expect, run_checks, same  # noqa: E402


def refuse(shoal, port):
    """A start that must fail because of a port, and leave nothing."""
    shoal.configure(listener(f"127.0.0.1:{port}", prefix="second:"))
    code, _, err = shoal.cli("start")
    same(code, 71, err)
    for words in ("shoal.conf:", f"127.0.0.1:{port}", "another program"):
        expect(words in err, words, err)
    for path in (shoal.pid_file, shoal.control):
        expect(not os.path.exists(path), path, "is left over")


def check_second_master_same_port():
    """Other files, same port: SO_REUSEPORT must not let them share it."""
    with Shoal(listener(prefix="first:")) as probe:
        probe.run()
        port = probe.port()
        probe.stop()
        probe.configure(listener(f"127.0.0.1:{port}", prefix="first:"))
        probe.run()
        with Shoal() as second:
            refuse(second, port)
            second.configure(listener(prefix="second:"))
            second.run()
            second.configure(listener(prefix="second:"),
                             listener(f"127.0.0.1:{port}"))
            code, _, err = second.cli("reload")
            same(code, 1, err)
            expect("another program" in err, err)
            same(exchange(second.port(), b"x"), b"second:x")
        for _ in range(20):
            same(exchange(port, b"x"), b"first:x")


def check_port_that_the_kernel_picked():
    """A port 0 that became a number is guarded too."""
    with Shoal(listener(prefix="first:")) as first, Shoal() as second:
        first.run()
        refuse(second, first.port())
        same(exchange(first.port(), b"x"), b"first:x")


def check_foreign_reuseport():
    """A program that would share the port is noticed."""
    with socket.socket() as other, Shoal() as shoal:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        refuse(shoal, other.getsockname()[1])


def check_bound_but_not_listening():
    with socket.socket() as other, Shoal() as shoal:
        other.bind(("127.0.0.1", 0))
        refuse(shoal, other.getsockname()[1])


def check_wildcard_beside_address():
    """[::] takes the port of every address."""
    with socket.socket(socket.AF_INET6) as other, Shoal() as shoal:
        other.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        other.bind(("::", 0))
        other.listen()
        refuse(shoal, other.getsockname()[1])


def check_connections_of_the_past():
    """What is left of closed connections does not block a restart."""
    with Shoal() as shoal:
        shoal.run()
        port = shoal.port()
        shoal.configure(listener(f"127.0.0.1:{port}"))
        for _ in range(3):
            shoal.stop()
            shoal.run()
            for _ in range(10):
                same(exchange(port, b"x"), b"x")


def check_stale_pid_file():
    """Whatever it says, only its lock counts."""
    with Shoal() as shoal:
        for stale in (f"{os.getpid()}\n", "1\n", "nonsense", ""):
            with open(shoal.pid_file, "w", encoding="ascii") as pid_file:
                pid_file.write(stale)
            shoal.run()
            with open(shoal.pid_file, encoding="ascii") as pid_file:
                same(pid_file.read(), f"{shoal.master}\n")
            same(shoal.stop(), 0)


def check_pid_file_of_another():
    """One that has been replaced is not removed at the end."""
    with Shoal() as shoal:
        shoal.run()
        with open(shoal.pid_file + ".new", "w", encoding="ascii") as other:
            other.write("7\n")
        os.rename(shoal.pid_file + ".new", shoal.pid_file)
        shoal.stop()
        with open(shoal.pid_file, encoding="ascii") as pid_file:
            same(pid_file.read(), "7\n")


def check_stale_control_socket():
    with Shoal() as shoal:
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(shoal.control)
        same(shoal.cli("status", "-q")[0], 3)
        shoal.run()
        same(oct(os.stat(shoal.control).st_mode & 0o777), "0o660")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
