#!/usr/bin/env python3
"""Reloads and stops while HTTP and WebSocket clients are busy: nothing that
was asked is lost, and everybody is told."""
import os
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import Load  # noqa: E402
from http_raw import (Connection, fetch, request,  # noqa: E402
                      wait_read)
from site_under_test import Site  # noqa: E402
from waiting import (SANITIZED, SLOW, expect, run_checks,  # noqa: E402
                     same, until)
from websocket_raw import (PING, PONG, TEXT, WebSocket,  # noqa: E402
                           close_frame, frame)

SOON = 'reload = { drain_timeout = "1500ms"; };'
LATER = 'reload = { drain_timeout = "60s"; };'
RELOADS = 10 if SLOW else 4


class Busy(threading.Thread):
    """A client that goes on until it is told to end, and its failure."""

    def __init__(self, client, *args):
        super().__init__(daemon=True)
        self.client, self.args = client, args
        self.over, self.failure, self.count = False, None, 0

    def run(self):
        try:
            self.client(self, *self.args)
        except Exception as failure:  # told by finish()
            self.failure = failure

    def finish(self):
        self.over = True
        self.join(60)
        if self.failure is not None:
            raise self.failure
        expect(not self.is_alive(), "a client hangs")
        expect(self.count > 0, "a client has done nothing")
        return self.count


def ask_again_and_again(self, address):
    """Keep-alive; a new connection only when the server has said so."""
    while not self.over:
        with Connection(address) as conn:
            while not self.over:
                answer = conn.ask(request(f"/seen?{self.count}"))
                expect(f"query={self.count}\n".encode() in answer.body,
                       answer)
                self.count += 1
                if answer.closes():
                    conn.expect_end()
                    break


def echo_again_and_again(self, address):
    """Every message is answered before a close frame comes; 1012 means to
    come again."""
    while not self.over:
        with WebSocket(address, "/free") as ws:
            while not self.over:
                text = b"message %d" % self.count
                ws.try_send(frame(TEXT, text))
                seen = ws.take_frame()
                while seen.opcode == PING:
                    ws.send(frame(PONG, seen.data))
                    seen = ws.take_frame()
                if seen.opcode != TEXT:
                    same(seen.code(), 1012)
                    ws.try_send(close_frame(1012))
                    ws.expect_end()
                    break
                same(seen.data, text)
                self.count += 1


def check_busy_clients():
    with Site(workers=2, more=SOON) as site:
        busy = [Busy(client, site.address) for _ in range(8)
                for client in (ask_again_and_again, echo_again_and_again)]
        for one in busy:
            one.start()
        for i in range(RELOADS):
            before = [one.count for one in busy]
            until(lambda: all(one.failure or one.count > n + 20
                              for one, n in zip(busy, before)),
                  "everybody to go on")
            site.reload()
        until(lambda: len(site.status()["workers"]) == 2,
              "the old workers to end", 30)
        print(f"     {sum(one.finish() for one in busy)} exchanges")
        same(site.status()["counters"]["worker_crashes"], 0)


def check_load():
    """New connections at a high rate, for each protocol."""
    rate = 300 if SANITIZED else 1500
    with Site(workers=2, more=SOON) as site:
        port = site.address
        for mode, *options in (("connect-http", "-p", "/hello", "-b",
                                "hello\n"), ("connect-ws", "-p", "/free")):
            begun = site.counter("accepted")
            with Load(mode, port, *options, "-r", rate, "-t",
                      600) as load:
                site.wait_counter("accepted", begun + rate // 2)
                for _ in range(RELOADS):
                    site.reload()
                    now = site.counter("accepted")
                    site.wait_counter("accepted", now + rate // 2)
                result = load.finish()
            print(f"     {mode}: {result['answered']} answered, worst gap "
                  f"{result['worst_gap_ms']:.1f} ms")
            same({k: result[k] for k in ("refused", "reset", "unanswered",
                                         "mismatched")},
                 dict(refused=0, reset=0, unanswered=0, mismatched=0))


def check_websockets_are_told():
    """They go on in the old worker until the drain deadline, then 1012."""
    with Site(more=SOON) as site:
        many = [WebSocket(site.address, path)
                for path in ("/free", "/serve", "/call") * 20]
        site.reload()
        for ws in many:
            ws.ping(b"still there?")
        with WebSocket(site.address, "/free") as young:
            for ws in many:
                ws.expect_close_frame(1012)
                ws.send(close_frame(1012))
                ws.expect_end()
            young.echo(TEXT, b"not me")
        until(lambda: len(site.status()["workers"]) == 1, "the old worker")
        site.wait_log("ended code=1012")


def check_those_that_do_not_answer():
    """The old worker does not wait for them for ever."""
    with Site(more=SOON) as site:
        with WebSocket(site.address, "/free") as deaf, \
                WebSocket(site.address, "/free") as half:
            half.send(frame(TEXT, "x", fin=False) + b"\x80")
            site.reload()
            deaf.expect_close(1012)
            half.expect_close(1012)
        until(lambda: len(site.status()["workers"]) == 1, "the old worker",
              30)


def check_stop():
    """1001 for WebSockets; a request whose body has not come is told, too."""
    stop = 'stop = { timeout = "20s"; };'
    with Site(more=stop) as site:
        many = [WebSocket(site.address, path)
                for path in ("/free", "/serve", "/call") * 5]
        with Connection(site.address) as conn, \
                Connection(site.address) as idle:
            same(idle.ask(request("/hello")).body, b"hello\n")
            conn.send(request("/body", "POST", ["Content-Length: 5"]) + b"he")
            wait_read(conn.sock)
            busy = threading.Thread(target=site.stop, daemon=True)
            busy.start()
            for ws in many:
                ws.expect_close_frame(1001)
                ws.send(close_frame(1001))
                ws.expect_end()
            conn.try_send(b"llo")
            answer = conn.answer()
            expect((answer.status, answer.body) == (200, b"hello") or
                   answer.status == 503, answer)
            expect(answer.closes(), answer)
            conn.expect_end()
            idle.expect_end()
            busy.join(60)
        expect(not busy.is_alive(), "the stop hangs")
        same(site.process.returncode, 0)


def check_handler_that_waits_is_answered_at_a_stop():
    for ms in (500, 2000, 8000):
        with Site(more='stop = { timeout = "60s"; };') as site:
            with Connection(site.address, 60) as conn:
                conn.send(request(f"/wait?ms={ms}"))
                begun = time.monotonic()
                wait_read(conn.sock)
                busy = threading.Thread(target=site.stop, daemon=True)
                busy.start()
                site.wait_log("stopping")
                was_slow = time.monotonic() > begun + ms / 2000
                answer = conn.answer()
                same(answer.body, b"waited 0")
                expect(answer.closes() or was_slow, answer)
                conn.expect_end()
                busy.join(60)
                if not was_slow:
                    return


def check_requests_in_flight():
    """During a reload: answered by the old worker, with Connection: close;
    what is pipelined behind is answered, or was not taken."""
    with Site(more=LATER) as site:
        with Connection(site.address) as conn, \
                Connection(site.address) as idle, \
                Connection(site.address) as body, \
                Connection(site.address) as head:
            same(idle.ask(request("/hello")).body, b"hello\n")
            conn.send(request("/hold?1"))
            site.wait_log("held 1")
            body.send(request("/body", "POST", ["Content-Length: 5"]) + b"he")
            head.send(b"GET /hello HTT")
            site.wait_counter("accepted", 4)
            old = site.pid_of(0)
            site.reload()
            expect(site.pid_of(0) != old, "no new worker")
            body.send(b"llo")
            answer = body.answer()
            same(answer.body, b"hello")
            expect(answer.closes(), answer)
            head.send(b"P/1.1\r\nHost: x\r\n\r\n")
            answer = head.answer()
            same(answer.body, b"hello\n")
            expect(answer.closes(), answer)
            # an idle one may be asked once more, or has been closed
            if idle.try_send(request("/hello")) and idle.fill():
                answer = idle.answer()
                same(answer.body, b"hello\n")
                expect(answer.closes(), answer)
            idle.expect_end()
            same(fetch(site.address, request("/hello")).closes(), False)
            # still held by the old worker
            conn.sock.close()


def check_handler_that_waits_is_answered_in_a_drain():
    with Site(more=LATER) as site:
        for ms in (500, 2000, 8000, 30000):
            with Connection(site.address, 60) as conn:
                conn.send(request(f"/wait?ms={ms}") + request("/hello"))
                begun = time.monotonic()
                wait_read(conn.sock)
                site.reload()
                was_slow = time.monotonic() > begun + ms / 2000
                answer = conn.answer()
                same(answer.body, b"waited 0")
                if not answer.closes():
                    answer = conn.answer()
                    same(answer.body, b"hello\n")
                    if was_slow and not answer.closes():
                        continue    # it was answered before the reload
                    expect(answer.closes(), answer)
                conn.expect_end()
                break
        until(lambda: len(site.status()["workers"]) == 1, "the old worker")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
