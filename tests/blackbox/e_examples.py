#!/usr/bin/python3
"""examples/tcp_echo does what the founding program did: it says when a client
comes and goes and answers "Server: {data}", binary data too.

Its port is fixed, so it runs in a network namespace of its own; where that is
not permitted, the test is skipped.
"""

import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("SHOAL_BUILDDIR", "build/devel")
PROGRAM = os.path.join(BUILD, "examples", "tcp_echo")
ADDRESS = ("127.0.0.1", 9501)
DEADLINE_S = 20
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x",
                              fcntl.ioctl(s, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(s, SIOCSIFFLAGS,
                    struct.pack("16sH14x", b"lo", flags | IFF_UP))


def receive(sock, count):
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        assert part, f"the end after {len(data)} of {count} bytes"
        data += part
    return data


def wait_until(what, condition):
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, f"in vain: {what}"
        time.sleep(0.01)    # between two looks, not instead of one


def exchange(data):
    with socket.create_connection(ADDRESS, DEADLINE_S) as s:
        s.sendall(data)
        got = receive(s, len(b"Server: ") + len(data))
        assert got == b"Server: " + data, got
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1) == b"", "more than the answer"


def converse(folder, output):
    options = ["-s", f"control.path={folder}/control.sock",
               "-s", "workers.count=2"]
    # without a command it runs in the foreground
    server = subprocess.Popen([PROGRAM, *options], stdout=output,
                              stderr=subprocess.STDOUT)
    try:
        wait_until("status", lambda: server.poll() is not None or
                   subprocess.run([PROGRAM, "status", "-q", *options],
                                  check=False).returncode == 0)
        assert server.poll() is None, f"it ended: {server.returncode}"
        exchange(b"hello")
        exchange(b"\0 %s %n \xff\r\n")
        subprocess.run([PROGRAM, "reload", *options], check=True)
        exchange(b"hello again")
        subprocess.run([PROGRAM, "stop", *options], check=True)
        assert server.wait(DEADLINE_S) == 0, server.returncode
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGKILL)
            server.wait()


def main():
    folder = tempfile.mkdtemp()
    path = os.path.join(folder, "output")
    try:
        loopback_up()
        with open(path, "wb") as output:
            converse(folder, output)
        with open(path, encoding="utf-8") as output:
            lines = output.read().splitlines()
        assert lines.count("Client: Connect.") == 3, lines
        assert lines.count("Client: Close.") == 3, lines
    except BaseException:
        with open(path, encoding="utf-8", errors="replace") as output:
            print("--- what it wrote\n" + output.read())
        raise
    finally:
        shutil.rmtree(folder)


if len(sys.argv) > 1:
    main()
    sys.exit(0)
enter = ["unshare", "--user", "--map-root-user", "--net"]
if shutil.which("unshare") is None or \
        subprocess.run([*enter, "true"], check=False,
                       stderr=subprocess.DEVNULL).returncode != 0:
    print("no network namespace to be had")
    sys.exit(77)
sys.exit(subprocess.run([*enter, sys.executable, __file__, "inside"],
                        check=False).returncode)
