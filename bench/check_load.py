#!/usr/bin/env python3
"""Tests the load generator against servers that are right, wrong or rude."""
import json
import os
import socket
import struct
import subprocess
import sys
import threading
import time

LOAD = os.path.join(os.environ.get("SHOAL_BUILDDIR", "."), "bench", "load")
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def echo(conn):
    while data := conn.recv(65536):
        conn.sendall(data)


def trickle(conn):
    """Echoes in pieces that no message ends with."""
    while data := conn.recv(65536):
        for at in range(0, len(data), 7):
            conn.sendall(data[at:at + 7])


def flip(conn):
    while data := conn.recv(65536):
        conn.sendall(data[:-1] + bytes([data[-1] ^ 1]))


def double(conn):
    while data := conn.recv(65536):
        conn.sendall(data + data)


def shuffle(conn):
    """Answers the second message first."""
    data = conn.recv(128, socket.MSG_WAITALL)
    more = conn.recv(128, socket.MSG_WAITALL)
    conn.sendall(more + data)
    echo(conn)


def shut(conn):
    conn.recv(65536)


def silent(conn):
    while conn.recv(65536):
        pass


def reset(conn):
    conn.recv(1)
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


def once(conn):
    """Answers one message, then hangs up: with no reset for the next one."""
    conn.sendall(conn.recv(65536))
    conn.shutdown(socket.SHUT_WR)
    silent(conn)


class Server:
    def __init__(self, behaviour):
        self.behaviour = behaviour
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            conn = self.listener.accept()[0]
            threading.Thread(target=self.serve, args=(conn,),
                             daemon=True).start()

    def serve(self, conn):
        with conn:
            try:
                self.behaviour(conn)
            except OSError:
                pass


def run(*args):
    done = subprocess.run([LOAD, *args], capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)
    result = json.loads(done.stdout) if done.stdout else {}
    return done.returncode, result, done.stderr


FAST = ["-t", "0.2", "-w", "0", "-c", "4"]
FEW = ["-n", "8", "-c", "4"]
HELD = ["-c", "8", "-t", "0.3"]
IMPATIENT = ["--timeout", "300"]

# mode and options, behaviour of the server, exit status, field that must not
# be 0.
CASES = [
    (["echo", *FAST], echo, 0, "messages"),
    (["echo", *FAST, "-d", "16"], echo, 0, "messages"),
    (["echo", *FAST, "-s", "300000", "-d", "3"], echo, 0, "messages"),
    (["echo", *FAST], trickle, 0, "messages"),
    (["echo", *FAST], flip, 1, "mismatched"),
    (["echo", *FAST], double, 1, "mismatched"),
    (["echo", *FAST, "-d", "2"], shuffle, 1, "mismatched"),
    (["echo", *FAST], shut, 1, "closed"),
    (["echo", *FAST, *IMPATIENT], silent, 1, "unanswered"),
    (["echo", *FAST], reset, 1, "reset"),
    (["echo", *FAST], once, 1, "closed"),
    (["connect", *FEW], echo, 0, "answered"),
    (["connect", *FEW, "-r", "100"], echo, 0, "answered"),
    (["connect", *FEW, "-s", "300000"], trickle, 0, "answered"),
    (["connect", *FEW], once, 0, "answered"),
    (["connect", *FEW], flip, 1, "mismatched"),
    (["connect", *FEW], shut, 1, "unanswered"),
    (["connect", *FEW, *IMPATIENT], silent, 1, "unanswered"),
    (["connect", *FEW], reset, 1, "reset"),
    (["idle", *HELD], echo, 0, "answered"),
    (["idle", "-c", "8", "-t", "20"], once, 1, "lost"),
    (["idle", *HELD, *IMPATIENT], silent, 1, "unanswered"),
    (["idle", *HELD], shut, 1, "unanswered"),
]


def check_case(args, behaviour, status, field):
    server = Server(behaviour)
    code, result, _ = run(args[0], server.address, *args[1:])
    assert code == status, f"exit status {code}, not {status}: {result}"
    assert result["ok"] == (status == 0), result
    assert result[field] > 0, result


def check_refused():
    with socket.socket() as bound:      # bound, but nobody listens
        bound.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % bound.getsockname()[1]
        code, result, _ = run("connect", address, *FEW)
        assert code == 1 and result["refused"] == 8, result
        code, result, _ = run("echo", address, *FAST)
        assert code == 1 and result["unopened"] > 0, result


def check_only_loopback():
    for address in ("192.0.2.1:80", "0.0.0.0:80", "[2001:db8::1]:80",
                    "127.0.0.1", "127.0.0.1:0", "localhost:80", "[::1]80"):
        code, result, error = run("connect", address, "-n", "1")
        assert code == 2 and not result and "load: " in error, address


def check_idle_ends_with_stdin():
    server = Server(echo)
    with subprocess.Popen([LOAD, "idle", server.address, "-c", "4"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as load:
        assert load.stderr.readline() == "holding 4\n"
        load.stdin.close()
        assert load.wait(timeout=20) == 0


def has_socket(pid):
    """Whether the process has begun to connect."""
    links = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{pid}/fd/{number}"))
        except OSError:
            pass
    return any(link.startswith("socket:") for link in links)


def check_ends_on_sigterm():
    server = Server(echo)
    with subprocess.Popen([LOAD, "connect", server.address, "-t", "60"],
                          stdout=subprocess.PIPE, text=True) as load:
        deadline = time.monotonic() + 20
        while not has_socket(load.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        load.terminate()
        assert load.wait(timeout=20) == 0
        assert json.loads(load.stdout.read())["answered"] > 0


def check_cpu_time_of_a_tree():
    """A busy grandchild is charged to the process that is named."""
    server = Server(echo)
    busy = "import time\nend = time.monotonic() + 30\n" \
           "while time.monotonic() < end: pass"
    with subprocess.Popen(["/bin/sh", "-c", '"$0" -c "$1"; :',
                           sys.executable, busy]) as parent:
        try:
            code, result, _ = run("echo", server.address, "-t", "1", "-c",
                                  "1", "--pid", str(parent.pid))
        finally:
            with open(f"/proc/{parent.pid}/task/{parent.pid}/children",
                      encoding="ascii") as children:
                for child in children.read().split():
                    os.kill(int(child), 9)
        assert code == 0 and result["server_cpu_percent"] > 5, result


def run_cases(cases, others=()):
    """Checks all of them; the exit status."""
    failed = 0
    checks = [(f"{' '.join(args)} against {behaviour.__name__}: {field}",
               lambda case=(args, behaviour, status, field): check_case(*case))
              for args, behaviour, status, field in cases]
    checks += [(fn.__name__, fn) for fn in others]
    for name, check in checks:
        try:
            check()
            print("ok  ", name)
        except (AssertionError, KeyError, ValueError,
                subprocess.TimeoutExpired) as error:
            failed += 1
            print("FAIL", name, repr(error))
    return 1 if failed else 0


def main():
    if not os.access(LOAD, os.X_OK):
        print("no", LOAD)
        return 77
    return run_cases(CASES, (
        check_refused, check_only_loopback, check_idle_ends_with_stdin,
        check_ends_on_sigterm, check_cpu_time_of_a_tree))


if __name__ == "__main__":
    sys.exit(main())
