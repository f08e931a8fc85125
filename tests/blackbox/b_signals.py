#!/usr/bin/env python3
"""What each signal does to the master and to a worker."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import (SECONDS, ask, connect, exchange,  # noqa: E402
                     is_refused, read_all)
from shoal import SHOAL, Shoal, environment, listener  # noqa: E402
from waiting import (PATIENCE, Skip, descendants_of,  # noqa: E402
                     end_processes, expect, is_alive, run_checks, same, until,
                     wait_gone)

BIG_QUEUE = listener(
    more='limits = { send_queue = { high = "8M"; low = "1M"; }; };')
PENDING = 3_000_000


def hold_answer(shoal):
    """A connection whose answer waits for its peer, and has not gone yet."""
    sock = connect(shoal.port())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    sock.sendall(bytes(PENDING))
    until(lambda: shoal.counter("bytes_received") >= PENDING,
          "the message to arrive")
    expect(shoal.counter("queued_bytes") > 0, "nothing waits")
    return sock


def check_term_flushes():
    """Answers that wait are sent, connections end, the exit status is 0."""
    with Shoal(BIG_QUEUE) as shoal:
        shoal.run()
        port = shoal.port()
        idle = connect(port)
        ask(idle, b"x")
        with hold_answer(shoal) as sock:
            shoal.signal(signal.SIGTERM)
            same(read_all(idle), b"", "an idle connection is closed")
            until(lambda: is_refused(port), "the port to be closed")
            expect(is_alive(shoal.master), "it did not wait")
            same(len(read_all(sock)), PENDING)
        idle.close()
        same(shoal.wait_end(), 0)


def check_term_is_bounded():
    with Shoal(BIG_QUEUE, more='stop = { timeout = "300ms"; };') as shoal:
        shoal.run()
        with hold_answer(shoal):
            shoal.signal(signal.SIGTERM)
            same(shoal.wait_end(), 0)


def check_int_is_fast():
    with Shoal(BIG_QUEUE, more='stop = { timeout = "1h"; };') as shoal:
        shoal.run()
        with hold_answer(shoal):
            begun = time.monotonic()
            shoal.signal(signal.SIGINT)
            same(shoal.wait_end(), 0)
            took = time.monotonic() - begun
        expect(took < 5 * PATIENCE, took)


def check_quit_waits():
    """Connections go on until they end; no new ones."""
    with Shoal() as shoal:
        shoal.run()
        port = shoal.port()
        with connect(port) as sock:
            ask(sock, b"before")
            shoal.signal(signal.SIGQUIT)
            until(lambda: is_refused(port), "the port to be closed")
            ask(sock, b"after")
            ask(sock, b"and again")
        same(shoal.wait_end(), 0)


def check_second_signal_escalates():
    """Each repetition is one step stronger; the last one kills."""
    with Shoal(BIG_QUEUE, more='stop = { timeout = "1h"; };') as shoal:
        shoal.run()
        with hold_answer(shoal) as held, connect(shoal.port()) as idle:
            ask(idle, b"x")
            shoal.signal(signal.SIGQUIT)
            shoal.wait_log("signal QUIT")
            ask(idle, b"still served")
            shoal.signal(signal.SIGQUIT)
            same(read_all(idle), b"", "closed by the second")
            expect(is_alive(shoal.master), "it did not wait for the answer")
            shoal.signal(signal.SIGQUIT)
            same(shoal.wait_end(), 0)
            del held


def check_hup_reloads():
    with Shoal(listener(prefix="a")) as shoal:
        shoal.run()
        port = shoal.port()
        shoal.configure(listener(prefix="b"))
        shoal.signal(signal.SIGHUP)
        shoal.wait_counter("reloads_ok", 2)  # the start is the first
        same(exchange(port, b"x"), b"bx")
        shoal.write(shoal.read() + "nonsense")
        shoal.signal(signal.SIGHUP)
        until(lambda: shoal.status()["last_reload"]["result"] == "failed",
              "the reload to fail")
        same(exchange(port, b"x"), b"bx")


def check_usr1_reopens():
    with Shoal() as shoal:
        shoal.run()
        os.rename(shoal.log, shoal.log + ".1")
        shoal.signal(signal.SIGUSR1)
        until(lambda: os.path.exists(shoal.log), "the new log")
        shoal.wait_log("log reopened")


def check_ignored_signals():
    with Shoal(workers=2) as shoal:
        shoal.run()
        before = [w["pid"] for w in shoal.workers()]
        for signo in (signal.SIGUSR2, signal.SIGWINCH, signal.SIGTTIN,
                      signal.SIGTTOU, signal.SIGPIPE, signal.SIGALRM):
            shoal.signal(signo)
        shoal.wait_log("USR2")
        same([w["pid"] for w in shoal.workers()], before)
        same(shoal.status()["code"], 0)
        expect("reserved" in shoal.log_text())


def check_workers_ignore():
    """A terminal's signals reach the whole group; only the master acts."""
    with Shoal(workers=2) as shoal:
        shoal.run()
        before = [w["pid"] for w in shoal.workers()]
        with connect(shoal.port()) as sock:
            ask(sock, b"before")
            for pid in before:
                for signo in (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1,
                              signal.SIGUSR2, signal.SIGWINCH,
                              signal.SIGALRM, signal.SIGPIPE):
                    os.kill(pid, signo)
            ask(sock, b"after")
        for _ in range(8):      # both have looked at their signals since
            same(exchange(shoal.port(), b"x"), b"x")
        same([w["pid"] for w in shoal.workers()], before)
        same(shoal.status()["generation"], 1)


def check_worker_term_drains():
    with Shoal() as shoal:
        shoal.run()
        pid = shoal.pid_of(0)
        with connect(shoal.port()) as sock:
            ask(sock, b"before")
            os.kill(pid, signal.SIGTERM)
            shoal_serves_anew(shoal, pid, sock)
        until(lambda: not is_alive(pid), "the drained worker to end")
        until(lambda: shoal.pid_of(0) not in (None, pid), "a new worker")
        same(exchange(shoal.port(), b"new"), b"new")


def shoal_serves_anew(shoal, pid, sock):
    """While one drains its old connection, new ones are answered."""
    for _ in range(5):
        with connect(shoal.port(), 2 * PATIENCE) as other:
            ask(other, b"new")
    ask(sock, b"old")
    expect(is_alive(pid), "it did not wait for its connection")


def check_worker_quit_ends():
    with Shoal() as shoal:
        shoal.run()
        pid = shoal.pid_of(0)
        os.kill(pid, signal.SIGQUIT)
        until(lambda: shoal.pid_of(0) not in (None, pid), "a new worker")
        same(exchange(shoal.port(), b"new"), b"new")


def check_orphans_end():
    """Workers whose master is gone give the port back."""
    with Shoal(workers=2, more='stop = { orphan_grace = "1s"; };') as shoal:
        shoal.run()
        port = shoal.port()
        workers = [w["pid"] for w in shoal.workers()]
        with connect(port) as sock:
            ask(sock, b"before")
            shoal.signal(signal.SIGKILL)
            begun = time.monotonic()
            for pid in workers:
                expect(wait_gone(pid, 5), "an orphan does not end")
            took = time.monotonic() - begun
            same(sock.recv(10), b"")
        expect(took < 4 * PATIENCE, took)
        with socket.socket() as mine:
            mine.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            mine.bind(("127.0.0.1", port))
        same(shoal.cli("status", "-q")[0], 1, "a pid file, but no master")
        shoal.configure(listener(f"127.0.0.1:{port}"))
        shoal.run()
        same(exchange(port, b"again"), b"again")


def check_orphans_flush():
    with Shoal(BIG_QUEUE, more='stop = { orphan_grace = "10s"; };') as shoal:
        shoal.run()
        with hold_answer(shoal) as sock:
            shoal.signal(signal.SIGKILL)
            same(len(read_all(sock)), PENDING)


def check_process_group():
    """Ctrl-C in a terminal: one orderly end, whoever gets it first."""
    with Shoal(workers=2) as shoal:
        shoal.run()
        with connect(shoal.port()) as sock:
            ask(sock, b"x")
            os.killpg(shoal.master, signal.SIGINT)
            same(read_all(sock), b"")
        same(shoal.wait_end(), 0)
        expect("died" not in shoal.log_text())


def check_pid_1():
    """In a container there is nobody else to be the first process."""
    unshare = shutil.which("unshare")
    if unshare is None:
        raise Skip("no unshare")
    words = [unshare, "--pid", "--fork", "--mount-proc"]
    if os.geteuid() != 0:
        words.insert(1, "--map-root-user")
    probe = subprocess.run([*words, "true"], capture_output=True, text=True,
                           check=False)
    if probe.returncode != 0:
        raise Skip(probe.stderr.strip())
    with Shoal(workers=2) as shoal:
        shoal.spawn(prefix=words)
        shoal.wait_ready()
        status = shoal.status()
        same(status["pid"], 1)
        port = shoal.port()
        same(exchange(port, b"hello"), b"hello")
        inside = descendants_of(shoal.process.pid)
        before = [w["pid"] for w in shoal.workers()]
        os.kill(inside[1], signal.SIGKILL)
        until(lambda: sorted(w["pid"] for w in shoal.workers()) != before and
              len(shoal.workers()) == 2, "a new worker")
        shoal.reload()
        same(exchange(port, b"hello"), b"hello")
        os.kill(inside[0], signal.SIGTERM)
        same(shoal.process.wait(timeout=SECONDS), 0)
        end_processes([pid for pid in inside if is_alive(pid)])


def check_caught_early():
    """A signal before it serves ends it too."""
    with Shoal() as shoal:
        process = subprocess.Popen([SHOAL, "run", "-c", shoal.conf],
                                   stderr=subprocess.DEVNULL,
                                   env=environment())
        until(lambda: descendants_of(process.pid) or
              process.poll() is not None, "the check")
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=SECONDS)
        expect(code in (0, 1, -signal.SIGTERM), code)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
