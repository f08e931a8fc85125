#!/usr/bin/env python3
"""Clients that are slow on purpose: a head, a body or a frame that never ends
is cut at its deadline, although bytes keep coming, and nobody else notices."""
import os
import select
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from http_raw import Connection, fetch, request  # noqa: E402
from site_under_test import Site, route  # noqa: E402
from waiting import PATIENCE, SLOW, expect, run_checks, same  # noqa: E402
from websocket_raw import (PING, PONG, TEXT, WebSocket,  # noqa: E402
                           frame, header)

LIMITS = ('limits = { header_timeout = "400ms"; body_timeout = "400ms"; '
          'keepalive_timeout = "60s"; };')
QUICK = 'ping = "200ms"; pong_timeout = "300ms";'
ROUTES = (
    route("/", "site.answer"),
    route("/quick", websocket=QUICK),
)
CROWD = 500
PACE_MS = 10
POST = request("/body", "POST", ["Content-Length: 100000"])
CHUNKED = request("/body", "POST", ["Transfer-Encoding: chunked"])
# name, what is sent at once, what comes byte by byte, what is answered
SLOW_ONES = (
    ("first byte", b"", b"x", 408),
    ("request line", b"GET /", b"x", 408),
    ("field", b"GET / HTTP/1.1\r\nX: ", b"x", 408),
    ("fields", b"GET / HTTP/1.1\r\n", b"X: y\r\n", 408),
    ("body", POST, b"x", 408),
    ("chunk", CHUNKED + b"ffff\r\n", b"x", 408),
    ("chunks", CHUNKED, b"1\r\nx\r\n", 408),
    ("extension", CHUNKED + b"5;", b"x", 408),
    ("trailer", CHUNKED + b"0\r\nX: ", b"x", 408),
)


def trickle(conn, piece):
    """Sends a byte whenever nothing comes for a moment; True when something
    has come."""
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    begun, i = time.monotonic(), 0
    while time.monotonic() < begun + 20 * PATIENCE:
        if poll.poll(PACE_MS):
            return True
        conn.try_send(piece[i % len(piece):i % len(piece) + 1])
        i += 1
    return False


def expect_cut(conn, name, piece, status):
    expect(trickle(conn, piece), name, "goes on for ever")
    answer = conn.answer()
    same(answer.status, status, name)
    expect(answer.closes(), name)
    conn.expect_end(name)


def check_each():
    """408, and the end; also for the second request of a connection."""
    with Site(*ROUTES, listen=LIMITS) as site:
        for name, begin, piece, status in SLOW_ONES:
            for before in (b"", request("/hello")):
                with Connection(site.address) as conn:
                    conn.send(before + begin)
                    if before:
                        same(conn.answer().body, b"hello\n")
                    expect_cut(conn, name, piece, status)
        same(fetch(site.address, request("/hello")).body, b"hello\n")
    print(f"     {2 * len(SLOW_ONES)} cases")


def check_silent_ones():
    """Nothing after the first byte, or nothing at all."""
    with Site(*ROUTES, listen=LIMITS) as site:
        conns = [Connection(site.address) for _ in range(4)]
        for conn, data in zip(conns, (b"G", POST, CHUNKED + b"5\r\nhe", b"")):
            conn.send(data)
        for conn in conns[:3]:
            same(conn.answer().status, 408)
            conn.expect_end()
        # who has not begun has as long as one between requests, or a head's
        # time at least; it is served then
        if conns[3].try_send(request("/hello")) and conns[3].fill():
            same(conns[3].answer().body, b"hello\n")
        for conn in conns:
            conn.sock.close()


def check_slow_but_in_time():
    """Bytes that come slowly are fine before the deadline."""
    data = request("/body", "POST", body=b"hello") + request("/hello")
    long = 'limits = { header_timeout = "60s"; body_timeout = "60s"; };'
    with Site(*ROUTES, listen=long) as site, Connection(site.address) as conn:
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        for i in range(len(data)):
            conn.send(data[i:i + 1])
            poll.poll(1)
        same(conn.answer().body, b"hello")
        same(conn.answer().body, b"hello\n")


def check_time_of_handlers_does_not_count():
    """A handler may think longer than a body may take to come."""
    with Site(*ROUTES, listen=LIMITS) as site, \
            Connection(site.address) as conn:
        same(conn.ask(request("/wait?ms=1000")).body, b"waited 0")
        same(conn.ask(request("/wait?ms=1000", "POST", body=b"x")).body,
             b"waited 0")


def starve(ws, good, trickles, data):
    """Waits for the end of one WebSocket, which hears pings and does not
    answer, while another one does."""
    poll, begun = select.poll(), time.monotonic()
    poll.register(ws.sock, select.POLLIN)
    poll.register(good.sock, select.POLLIN)
    while True:
        expect(time.monotonic() < begun + 30 * PATIENCE,
               "a frame goes on for ever", data)
        ready = [fd for fd, _ in poll.poll(PACE_MS)]
        if good.sock.fileno() in ready:
            seen = good.take_frame()
            same(seen.opcode, PING)
            good.send(frame(PONG, seen.data))
        if ws.sock.fileno() in ready:
            seen = ws.take_frame()
            if seen is None or seen.opcode != PING:
                ws.rest()
                return
        if trickles:
            ws.try_send(b"x")


def check_frames():
    """A frame that never ends is cut; one who only listens, and answers
    pings, is not."""
    with Site(*ROUTES, listen=LIMITS) as site:
        with WebSocket(site.address, "/quick") as good:
            for data, trickles in ((b"\x81", False),
                                   (header(TEXT, 100)[:4], False),
                                   (frame(TEXT, b"x", fin=False) + b"\x80",
                                    False),
                                   (frame(TEXT, b"x", fin=False), False),
                                   (header(TEXT, 100000), True)):
                with WebSocket(site.address, "/quick") as ws:
                    ws.send(data)
                    starve(ws, good, trickles, data)
            good.send(frame(TEXT, "here"))
            while (seen := good.take_frame()).opcode == PING:
                good.send(frame(PONG, seen.data))
            same(seen.data, b"here")
        same(site.counter("worker_crashes"), 0)


def check_crowd():
    """500 at once: everybody else is served, then all of them are gone."""
    crowd = CROWD * 4 if SLOW else CROWD
    limits = ('limits = { header_timeout = "3s"; body_timeout = "3s"; '
              'keepalive_timeout = "60s"; };')
    with Site(*ROUTES, listen=limits) as site:
        conns = [Connection(site.address) for _ in range(crowd)]
        for i, conn in enumerate(conns):
            conn.send(SLOW_ONES[1 + i % (len(SLOW_ONES) - 1)][1])
        for i in range(300):
            same(fetch(site.address, request("/hello")).body, b"hello\n")
            conns[i].try_send(SLOW_ONES[1 + i % (len(SLOW_ONES) - 1)][2][:1])
        for i, conn in enumerate(conns):
            same(conn.answer().status, 408, i)
            conn.expect_end(i)
            conn.sock.close()
        same(fetch(site.address, request("/hello")).body, b"hello\n")
        same(site.counter("worker_crashes"), 0)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
