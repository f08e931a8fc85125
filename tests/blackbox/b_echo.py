#!/usr/bin/env python3
"""The echo handler on every kind of address, and what listens there."""
import os
import random
import socket
import stat
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import (ask, connect, exchange, is_refused,  # noqa: E402
                     read_all)
from shoal import Shoal, listener  # noqa: E402
from waiting import Skip, expect, run_checks, same, until  # noqa: E402


def check_greeting_v4():
    with Shoal(listener(prefix="Server: ")) as shoal:
        shoal.run()
        same(exchange(shoal.port(), b"hello"), b"Server: hello")
        same(exchange(shoal.port(), b""), b"")
        with connect(shoal.port()) as sock:
            for word in (b"a", b"b", b"c"):
                ask(sock, word, b"Server: ")
        same(shoal.stop(), 0)


def check_greeting_v6():
    if not os.path.exists("/proc/net/if_inet6"):
        raise Skip("no IPv6 here")
    with Shoal(listener("[::1]:0", prefix="Server: ")) as shoal:
        shoal.run()
        same(exchange(("::1", shoal.port()), b"hello"), b"Server: hello")
        address = shoal.status()["listeners"][0]["address"]
        same(address, f"[::1]:{shoal.port()}")
        same(shoal.stop(), 0)


def check_greeting_unix():
    with Shoal() as shoal:
        path = shoal.path("echo.sock")
        shoal.configure(listener(f"unix:{path}", prefix="Server: "),
                        workers=2)
        for _ in range(2):
            shoal.run()
            for _ in range(20):
                same(exchange(path, b"hello"), b"Server: hello")
            expect(stat.S_ISSOCK(os.stat(path).st_mode), path)
            shoal.reload()
            same(exchange(path, b"hello"), b"Server: hello")
            same(shoal.stop(), 0)
            expect(not os.path.lexists(path), "the socket file is left over")


def check_stale_unix_socket():
    """One that nobody listens on is replaced, others are not touched."""
    with Shoal() as shoal:
        path = shoal.path("echo.sock")
        shoal.configure(listener(f"unix:{path}"))
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(path)
        shoal.run()
        same(exchange(path, b"hello"), b"hello")
        shoal.stop()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(path)
            other.listen()
            code, _, err = shoal.cli("start")
            same(code, 71, err)
            expect("in use" in err and path in err, err)
            expect(os.path.exists(path))
        os.unlink(path)
        with open(path, "w", encoding="utf-8") as file:
            file.write("precious")
        code, _, err = shoal.cli("start")
        same(code, 71, err)
        expect("not a socket" in err, err)
        with open(path, encoding="utf-8") as file:
            same(file.read(), "precious")


def check_several_listeners():
    with Shoal() as shoal:
        path = shoal.path("echo.sock")
        shoal.configure(listener(prefix="a"), listener("127.0.0.2:0"),
                        listener(f"unix:{path}", prefix="c"))
        shoal.run()
        same(exchange(shoal.port(0), b"1"), b"a1")
        same(exchange(("127.0.0.2", shoal.port(1)), b"2"), b"2")
        same(exchange(path, b"3"), b"c3")


def check_large_payload():
    """5 MB come back as they went, however they are cut."""
    payload = random.Random(5).randbytes(5_000_000)
    with Shoal() as shoal:
        shoal.run()
        with connect(shoal.port()) as sock:
            def send():
                at, rng = 0, random.Random(6)
                while at < len(payload):
                    end = at + rng.choice((1, 17, 1400, 65536, 300000))
                    sock.sendall(payload[at:end])
                    at = end
                sock.shutdown(socket.SHUT_WR)
            sender = threading.Thread(target=send)
            sender.start()
            answer = read_all(sock)
            sender.join()
        expect(answer == payload, len(answer), "bytes came back")
        counters = shoal.status()["counters"]
        same(counters["bytes_received"], len(payload))
        same(counters["bytes_sent"], len(payload))


def check_large_payload_read_late():
    """Nothing is lost when the peer reads only after it has sent all."""
    payload = random.Random(7).randbytes(3_000_000)
    queue = 'limits = { send_queue = { high = "8M"; low = "1M"; }; };'
    with Shoal(listener(more=queue)) as shoal:
        shoal.run()
        with connect(shoal.port()) as sock:
            sock.sendall(payload)
            sock.shutdown(socket.SHUT_WR)
            expect(read_all(sock) == payload)


def listening_sockets(port):
    """Numbers (inodes) of the sockets that listen on a port of 127.0.0.1."""
    inodes = []
    with open("/proc/net/tcp", encoding="ascii") as table:
        next(table)
        for line in table:
            fields = line.split()
            if fields[1] == f"0100007F:{port:04X}" and fields[3] == "0A":
                inodes.append(fields[9])
    return sorted(inodes)


def sockets_of(pid):
    inodes = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            link = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            continue
        if link.startswith("socket:["):
            inodes.append(link[8:-1])
    return inodes


def check_socket_per_worker():
    """Each worker has a listening socket of its own, and no sibling's."""
    with Shoal(workers=4) as shoal:
        shoal.run()
        port = shoal.port()
        sockets = listening_sockets(port)
        same(len(sockets), 4)
        held = [[s for s in sockets_of(worker["pid"]) if s in sockets]
                for worker in shoal.workers()]
        same([len(own) for own in held], [1, 1, 1, 1])
        same(sorted(own[0] for own in held), sockets)
        shoal.reload()
        same(shoal.port(), port)
        same(listening_sockets(port), sockets, "after a reload")
        # the kernel spreads connections over them
        for _ in range(400):
            same(exchange(port, b"x"), b"x")
        accepted = [w["accepted"] for w in shoal.workers()]
        expect(min(accepted) > 40, accepted)


def check_address_taken_away():
    """A listener that a reload removes is refused, a new one is served."""
    with Shoal(listener(prefix="a"), listener("127.0.0.2:0")) as shoal:
        shoal.run()
        port = shoal.port(0)
        gone = ("127.0.0.2", shoal.port(1))
        with connect(gone) as held:
            ask(held, b"before")
            shoal.configure(listener(prefix="b"),
                            listener("127.0.0.3:0", prefix="c"))
            shoal.reload()
            same(shoal.port(0), port)
            same(exchange(port, b"x"), b"bx")
            same(exchange(("127.0.0.3", shoal.port(1)), b"x"), b"cx")
            until(lambda: is_refused(gone), f"{gone} to be refused")
            ask(held, b"after")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
