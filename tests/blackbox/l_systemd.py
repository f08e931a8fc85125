#!/usr/bin/env python3
"""What the service manager is told, and when."""
import os
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import modules  # noqa: E402
from clients import connect, ask  # noqa: E402
from shoal import Shoal, environment  # noqa: E402
from waiting import (BUILDDIR, PATIENCE, Skip, expect,  # noqa: E402
                     run_checks, same, until)


class Manager:
    """The end of NOTIFY_SOCKET that systemd would have."""

    def __init__(self, shoal):
        self.path = shoal.path("notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(10 * PATIENCE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def environment(self, **more):
        return environment(NOTIFY_SOCKET=self.path, **more)

    def next(self, wanted=None):
        """The next message as a dictionary, or the next with a key."""
        while True:
            text = self.socket.recv(4096).decode()
            fields = dict(line.partition("=")[::2]
                          for line in text.splitlines())
            if wanted is None or wanted in fields:
                return fields

    def pending(self):
        """All messages that are there."""
        messages = []
        self.socket.setblocking(False)
        try:
            while True:
                messages.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return messages
        finally:
            self.socket.settimeout(10 * PATIENCE)


def require_systemd():
    with open(os.path.join(BUILDDIR, "src", "config.h"),
              encoding="utf-8") as config:
        if "#define HAVE_SYSTEMD 1" not in config.read():
            raise Skip("built without libsystemd")


def check_life():
    require_systemd()
    with Shoal(workers=2) as shoal, Manager(shoal) as manager:
        shoal.spawn(env=manager.environment())
        ready = manager.next()
        same(ready.get("READY"), "1", ready)
        same(ready["MAINPID"], str(shoal.status()["pid"]))
        expect("2 workers" in ready["STATUS"], ready)
        # READY means ready: all workers serve
        same(shoal.status()["code"], 0)

        before_us = time.monotonic_ns() // 1000
        shoal.reload()
        reloading = manager.next("RELOADING")
        same(reloading["RELOADING"], "1")
        expect(before_us <= int(reloading["MONOTONIC_USEC"]) <=
               time.monotonic_ns() // 1000, reloading)
        done = manager.next()
        same(done.get("READY"), "1", done)
        expect("generation 2" in done["STATUS"] and "ok" in done["STATUS"],
               done)

        shoal.write(shoal.read() + "nonsense = 1;\n")
        same(shoal.cli("reload")[0], 78)
        manager.next("RELOADING")
        done = manager.next()
        same(done.get("READY"), "1", done)
        expect("generation 2" in done["STATUS"] and
               "failed" in done["STATUS"], done)

        with connect(shoal.port()) as sock:
            ask(sock, b"x")
            shoal.signal(15)
            stopping = manager.next("STOPPING")
            same(stopping["STOPPING"], "1")
        same(shoal.wait_end(), 0)


def check_failed_start():
    """Nothing is ready that did not start."""
    require_systemd()
    with Shoal() as shoal, Manager(shoal) as manager:
        shoal.write(shoal.read() + "nonsense = 1;\n")
        shoal.spawn(env=manager.environment())
        same(shoal.process.wait(timeout=20 * PATIENCE), 78)
        expect(not any("READY" in text for text in manager.pending()))


def check_watchdog():
    """It is fed at half time, and not once most workers are gone."""
    require_systemd()
    period_s = 0.4 * PATIENCE
    backoff = 'backoff = { first = "1h"; max = "1h"; };'
    with Shoal(workers_more=backoff) as shoal, Manager(shoal) as manager:
        shoal.spawn(env=manager.environment(
            WATCHDOG_USEC=str(int(period_s * 1e6))))
        manager.next("READY")
        manager.next("WATCHDOG")
        begun = time.monotonic()
        for _ in range(4):
            same(manager.next("WATCHDOG")["WATCHDOG"], "1")
        took = time.monotonic() - begun
        expect(period_s * 1.5 < took < period_s * 4, took)
        for _ in range(4):
            pid = until(lambda: shoal.pid_of(0), "a worker")
            os.kill(pid, 9)
            shoal.wait_log(f"worker {pid} died")
        manager.pending()
        end = time.monotonic() + period_s * 2
        while time.monotonic() < end:
            manager.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                expect("WATCHDOG" not in manager.next(), "it was fed")
            except TimeoutError:
                break


def check_workers_do_not_notify():
    require_systemd()
    with Shoal() as shoal, Manager(shoal) as manager:
        path = modules.build(
            shoal.path("probe.so"),
            start='shoal_log(SHOAL_LOG_NOTICE, "NOTIFY %s", '
                  'getenv("NOTIFY_SOCKET") ? "there" : "none");')
        shoal.configure(modules=modules.entry(path))
        shoal.spawn(env=manager.environment())
        manager.next("READY")
        shoal.wait_log("NOTIFY none")


def check_journal_format():
    """On the journal, lines carry their level and no time."""
    with Shoal() as shoal:
        shoal.write(shoal.read().replace(f'target = "{shoal.log}"',
                                         'target = "stderr"'))
        path = shoal.path("stderr")
        open(path, "wb").close()
        st = os.stat(path)
        shoal.spawn(env=environment(
            JOURNAL_STREAM=f"{st.st_dev}:{st.st_ino}"))
        shoal.wait_ready()
        shoal.wait_log("<5>master: generation 1 serves")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
