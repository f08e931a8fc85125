#!/usr/bin/python3
"""The programs in examples/ do and print what the founding programs did:

tcp_echo, tcp_echo_co   say when a client comes and goes and answer
                        "Server: {data}", binary data too
pool_server             answers, is reloaded by a signal, ends by another
service_switch          answers, is stopped, started, closed and opened again
redis_session           what on_connect notes after five seconds is there when
                        on_receive asks, however early the client has sent
ws_greet                greets until it is told to close; has a page
ws_room                 what one says goes to all, on both workers, and each of
                        the ends is told
http_hello              a query, a form and a stream of events

Their ports are fixed, so they run in a network namespace; where that is not
permitted, the test is skipped.
"""

import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from websocket_raw import (CLOSE, TEXT, WebSocket,  # noqa: E402
                           close_frame, frame)

BUILD = os.environ.get("SHOAL_BUILDDIR", "build/devel")
ADDRESS = ("127.0.0.1", 9501)
WEB = ("127.0.0.1", 9502)
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


def ask_web(method, path, body=None):
    """Status, type and body of an answer."""
    client = http.client.HTTPConnection(*WEB, timeout=DEADLINE_S)
    fields = {"Content-Type": "application/x-www-form-urlencoded"}
    client.request(method, path, body, fields if body else {})
    answer = client.getresponse()
    text = answer.read().decode()
    client.close()
    return answer.status, answer.headers.get_content_type(), text


def expect_texts(ws, *texts):
    for text in texts:
        got = ws.take_message()
        assert got == (TEXT, text.encode()), got


def ws_greet(folder):
    options = ["-s", f"control.path={folder}/greet.sock",
               "-s", "workers.count=1"]
    with Program("ws_greet", folder, *options) as program:
        wait_status(program, options)
        status, kind, text = ask_web("GET", "/")
        assert (status, kind) == (200, "text/html"), (status, kind)
        assert "<h1>" in text and "/websocket" in text, text
        with WebSocket(WEB, "/websocket") as ws:
            ws.send(frame(TEXT, "hello") + frame(TEXT, "wörld"))
            expect_texts(ws, "Hello hello!", "How are you, hello?",
                         "Hello wörld!", "How are you, wörld?")
            ws.send(frame(TEXT, "close"))
            assert ws.expect_close_frame(1000).opcode == CLOSE
        assert ask_web("GET", "/websocket")[0] == 426
        subprocess.run([program.path, "stop", *options], check=True)
        program.wait()


def on_both_workers(program, options):
    """WebSockets, until each of two workers has one."""
    members = []

    def is_spread():
        members.append(WebSocket(WEB, "/websocket"))
        members[-1].ping()      # it is in
        done = subprocess.run([program.path, "status", "--json", *options],
                              check=True, capture_output=True)
        workers = json.loads(done.stdout)["workers"]
        return min(worker["connections"] for worker in workers) > 0
    wait_until("both workers to have a client", is_spread)
    return members


def ws_room(folder):
    options = ["-s", f"control.path={folder}/room.sock",
               "-s", "workers.count=2"]
    with Program("ws_room", folder, *options) as program:
        wait_status(program, options)
        members = on_both_workers(program, options)
        for speaker in members[0], members[-1]:
            speaker.send(frame(TEXT, "hello"))
            for ws in members:
                expect_texts(ws, "Server：hello")
        # one that asks, others that say goodbye, and one that is just gone
        members[0].send(frame(TEXT, "close"))
        members[0].expect_close_frame(1000)
        members[0].sock.close()
        for ws in members[1:-1]:
            ws.say_goodbye()
        assert "errorCode" not in program.text(), program.text()
        with WebSocket(WEB, "/websocket") as last:
            members[-1].sock.close()
            wait_until("the end of a client", lambda:
                       "errorCode: " in program.text())
            last.send(frame(TEXT, "alone"))
            expect_texts(last, "Server：alone")
            program.process.send_signal(signal.SIGINT)
            last.expect_close_frame(1001)
            last.send(close_frame(1001))
            program.wait()


def http_hello(folder):
    options = ["-s", f"control.path={folder}/hello.sock",
               "-s", "workers.count=1"]
    plain = "text/plain"
    with Program("http_hello", folder, *options) as program:
        wait_status(program, options)
        got = ask_web("GET", "/hello")
        assert got == (200, plain, "Hello world!\n"), got
        got = ask_web("GET", "/hello?x=1&name=a+b%20%C3%A4")
        assert got == (200, plain, "Hello a b ä!\n"), got
        assert "<form" in ask_web("GET", "/note")[2]
        got = ask_web("POST", "/note", "text=Feed+the+fish")
        assert got == (200, plain, "Noted: Feed the fish\n"), got
        assert ask_web("POST", "/note", "x=1")[0] == 400
        assert ask_web("PUT", "/note", "text=1")[0] == 405
        client = http.client.HTTPConnection(*WEB, timeout=DEADLINE_S)
        client.request("GET", "/ticks")
        answer = client.getresponse()
        assert answer.headers.get_content_type() == "text/event-stream"
        # comes at once, though the answer goes on
        got = sorted(answer.readline().decode() for _ in range(3))
        assert got == ["\n", "data: 1\n", "event: tick\n"], got
        client.close()
        subprocess.run([program.path, "stop", *options], check=True)
        program.wait()


def main():
    folder = tempfile.mkdtemp()
    try:
        loopback_up()
        tcp_echo(folder, "tcp_echo")
        tcp_echo(folder, "tcp_echo_co")
        pool_server(folder)
        service_switch(folder)
        redis_session(folder)
        ws_greet(folder)
        ws_room(folder)
        http_hello(folder)
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
