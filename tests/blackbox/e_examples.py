#!/usr/bin/python3
"""The programs in examples/ do and print what the founding programs did:

tcp_echo, tcp_echo_co   say when a client comes and goes and answer
                        "Server: {data}", binary data too
pool_server             answers, is reloaded by a signal, ends by another
service_switch          answers, is stopped, started, closed and opened again
redis_session           what on_connect notes after five seconds is there when
                        on_receive asks, however early the client has sent

Their port is fixed, so they run in a network namespace; where that is not
permitted, the test is skipped.
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
ADDRESS = ("127.0.0.1", 9501)
DEADLINE_S = 20
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
SWITCHED = """Client: Server: hello
Stopped.
Start again.
Client: Server: hello
Closed.
Client: Connection refused.
Open again.
Client: Server: hello
"""


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


class Program:
    """One of the examples while it runs; its output afterwards."""

    def __init__(self, name, folder, *options, env=None):
        self.path = os.path.join(BUILD, "examples", name)
        self.output = os.path.join(folder, name + ".out")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [self.path, *options], stdout=output,
                stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        if kind is not None:
            print(f"--- what {self.path} wrote\n{self.text()}")

    def text(self):
        with open(self.output, encoding="utf-8", errors="replace") as output:
            return output.read()

    def lines(self):
        return self.text().splitlines()

    def wait(self):
        assert self.process.wait(DEADLINE_S) == 0, self.process.returncode


def exchange(data):
    with socket.create_connection(ADDRESS, DEADLINE_S) as s:
        s.sendall(data)
        got = receive(s, len(b"Server: ") + len(data))
        assert got == b"Server: " + data, got
        s.shutdown(socket.SHUT_WR)
        assert s.recv(1) == b"", "more than the answer"


def wait_status(program, options):
    wait_until("status", lambda: program.process.poll() is not None or
               subprocess.run([program.path, "status", "-q", *options],
                              check=False).returncode == 0)
    assert program.process.poll() is None, "it ended"


def tcp_echo(folder, name):
    options = ["-s", f"control.path={folder}/{name}.sock",
               "-s", "workers.count=2"]
    # without a command it runs in the foreground
    with Program(name, folder, *options) as program:
        wait_status(program, options)
        exchange(b"hello")
        exchange(b"\0 %s %n \xff\r\n")
        subprocess.run([program.path, "reload", *options], check=True)
        exchange(b"hello again")
        subprocess.run([program.path, "stop", *options], check=True)
        program.wait()
        lines = program.lines()
        assert lines.count("Client: Connect.") == 3, lines
        assert lines.count("Client: Close.") == 3, lines


def ask_pool():
    with socket.create_connection(ADDRESS, DEADLINE_S) as s:
        s.sendall(b"hi")
        assert receive(s, 5) == b"hello"


def pool_server(folder):
    with Program("pool_server", folder) as program:
        wait_until("workers", lambda: "2 workers serve" in program.text())
        ask_pool()
        program.process.send_signal(signal.SIGHUP)
        wait_until("the restart",
                   lambda: "all workers have been replaced" in program.text())
        ask_pool()
        wait_until("the end of a client", lambda:
                   "errCode: 0, errMsg: success" in program.lines())
        program.process.send_signal(signal.SIGTERM)
        program.wait()


def service_switch(folder):
    with Program("service_switch", folder) as program:
        program.wait()
        # a sanitizer may have something to say first
        lines = [line for line in program.lines()
                 if not line.startswith("==")]
        assert lines == SWITCHED.splitlines(), lines


def listens(path):
    """The file is there a moment before anybody listens."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def start_redis(folder):
    path = os.path.join(folder, "redis.sock")
    server = subprocess.Popen(
        ["redis-server", "--port", "0", "--unixsocket", path, "--save", "",
         "--appendonly", "no", "--dir", folder], stdout=subprocess.DEVNULL)
    wait_until("redis-server", lambda: listens(path))
    return server, path


def redis_session(folder):
    if shutil.which("redis-server") is None:
        print("redis_session is left out: there is no redis-server")
        return
    redis, path = start_redis(folder)
    options = ["-s", f"control.path={folder}/session.sock",
               "-s", "workers.count=1"]
    try:
        with Program("redis_session", folder, *options,
                     env={"REDIS_ADDRESS": "unix:" + path}) as program:
            wait_status(program, options)
            with socket.create_connection(ADDRESS, DEADLINE_S) as s:
                s.sendall(b"early")
                wait_until("the note",
                           lambda: "connecté" in program.text())
            wait_until("the close",
                       lambda: "Client: Close." in program.lines())
            subprocess.run([program.path, "stop", *options], check=True)
            program.wait()
            note, end = [line for line in program.lines()
                         if line.startswith(("string(", "bool", "Client"))]
            text = note.split('"')[1]
            assert text.startswith("fd ") and text.endswith(" connecté"), note
            assert note == f'string({len(text.encode())}) "{text}"', note
            assert end == "Client: Close.", end
    finally:
        redis.send_signal(signal.SIGTERM)
        redis.wait()


def main():
    folder = tempfile.mkdtemp()
    try:
        loopback_up()
        tcp_echo(folder, "tcp_echo")
        tcp_echo(folder, "tcp_echo_co")
        pool_server(folder)
        service_switch(folder)
        redis_session(folder)
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
