#!/usr/bin/env python3
"""Limits of HTTP: each refuses with its own status, and what is just within
is served. Those of time are in h_slow.py."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from http_raw import (Connection, chunked, fetch, request,  # noqa: E402
                      wait_read)
from site_under_test import Site, route  # noqa: E402
from waiting import expect, run_checks, same  # noqa: E402

CHUNKED = ["Transfer-Encoding: chunked"]
LIMITS = ('limits = { header_size = "2k"; header_count = 10; '
          'body_size = "1k"; };')


def expect_status(site, data, status, name, method="GET"):
    """It is answered, and nothing else is, when it is refused."""
    with Connection(site.address) as conn:
        conn.try_send(data + request("/hello"))
        answer = conn.answer(method)
        same(answer.status, status, name)
        if status < 300:
            same(conn.answer().body, b"hello\n", name)
        else:
            expect(answer.closes(), name, answer)
            conn.expect_end(name)


def filled(size):
    """A request whose head has exactly so many bytes."""
    empty = request("/hello", fields=["X: "])
    return request("/hello", fields=["X: " + "x" * (size - len(empty))])


def check_head_size():
    with Site(listen=LIMITS) as site:
        same(len(filled(2048)), 2048)
        expect_status(site, filled(2048), 200, "just fits")
        expect_status(site, filled(2049), 431, "one more")
        expect_status(site, filled(20000), 431, "much more")
        # without waiting for its end
        with Connection(site.address) as conn:
            conn.send(filled(3000)[:2048])
            same(conn.answer().status, 431)
            conn.expect_end()
        # and of each request by itself
        with Connection(site.address) as conn:
            conn.send(filled(2048) * 5)
            for _ in range(5):
                same(conn.answer().body, b"hello\n")


def check_request_line():
    """414: longer than a head may be."""
    with Site(listen=LIMITS) as site:
        expect_status(site, request("/hello?" + "x" * 1500), 200, "fits")
        expect_status(site, request("/hello?" + "x" * 3000), 414, "too long")
        with Connection(site.address) as conn:
            conn.send(b"GET /" + b"x" * 3000)
            same(conn.answer().status, 414)
            conn.expect_end()
        with Connection(site.address) as conn:
            conn.send(b"G" * 3000)
            expect(conn.answer().status in (400, 414, 501))
            conn.expect_end()
    with Site() as site:
        expect_status(site, request("/hello?" + "x" * 8000), 200, "8 KiB")
        expect_status(site, request("/hello?" + "x" * 17000), 414, "more")
        expect_status(site, request("/hello?" + "x" * 70000), 414, "70,000")
        expect_status(site, request("/hello", fields=["X: " + "x" * 70000]),
                      431, "a field of 70,000 bytes")


def check_field_count():
    with Site(listen=LIMITS) as site:
        expect_status(site, request("/hello", fields=["A: b"] * 9), 200,
                      "just fit")
        expect_status(site, request("/hello", fields=["A: b"] * 10), 431,
                      "one more")
    with Site() as site:
        expect_status(site, request("/hello", fields=["A: b"] * 99), 200,
                      "100")
        expect_status(site, request("/hello", fields=["A: b"] * 100), 431,
                      "101")


def check_body_size():
    with Site(listen=LIMITS) as site:
        for size, status in ((1024, 200), (1025, 413)):
            expect_status(site, request("/body", "POST", body=bytes(size)),
                          status, f"{size} bytes")
            expect_status(site, request("/body", "POST", CHUNKED) +
                          chunked(bytes(size - 24), bytes(24)), status,
                          f"{size} bytes in chunks")
        # nobody is asked to send it
        with Connection(site.address) as conn:
            conn.send(request("/body", "POST", ["Content-Length: 1025",
                                                "Expect: 100-continue"]))
            same(conn.answer().status, 413)
            conn.expect_end()
        # a handler may allow more
        expect_status(site, request("/count", "POST", body=bytes(9999)), 200,
                      "by the handler")
    with Site() as site:
        expect_status(site, request("/body", "POST", body=bytes(1 << 20)),
                      200, "1 MiB")
        expect_status(site, request("/body", "POST",
                                    ["Content-Length: 1048577"]), 413,
                      "1 MiB and one")


def check_limits_of_routes():
    """They go before those of the listener."""
    routes = (
        route("/body", "site.answer", more='limits = { body_size = "4"; };'),
        route("/trailer", "site.answer",
              more='limits = { body_size = "off"; };'),
        route("/", "site.answer"))
    with Site(*routes, listen=LIMITS) as site:
        expect_status(site, request("/body", "POST", body=b"1234"), 200, "4")
        expect_status(site, request("/body", "POST", body=b"12345"), 413, "5")
        same(fetch(site.address, request("/trailer", "POST",
                                         body=b"x" * 5000)).status, 200)


def check_trailers():
    with Site() as site:
        good = ["A: b"] * 100
        data = request("/body", "POST", CHUNKED)
        expect_status(site, data + chunked(b"x", trailers=good), 200, "100")
        for trailers in (["A: b"] * 101, ["A: " + "b" * 17000]):
            with Connection(site.address) as conn:
                conn.send(data + chunked(b"x", trailers=trailers))
                same(conn.answer().status, 431)
                conn.expect_end()


def check_statuses():
    """Each refusal has its own."""
    table = (
        (400, b"\x16\x03\x01\x02\0\x01\0"), (400, b"GET\r\n\r\n"),
        (400, b"\0" * 100), (400, b"\x80\x01"),
        (404, request("/missing")),
        (417, request("/hello", fields=["Expect: the impossible"])),
        (501, request("/body", "POST", ["Transfer-Encoding: gzip"])),
        (505, b"GET / HTTP/2.0\r\n\r\n"),
        (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    )
    with Site() as site:
        for status, data in table:
            same(fetch(site.address, data).status, status, data)


def check_connect():
    """Nothing is tunnelled."""
    with Site() as site:
        answer = fetch(site.address, request("x:80", "CONNECT"))
        expect(answer.status in (400, 404, 405, 501), answer)
        answer = fetch(site.address, request("*", "OPTIONS"))
        expect(answer.status in (200, 204, 404), answer)


def check_body_at_the_limit_byte_by_byte():
    data = request("/body", "POST", CHUNKED) + b"8\r\n12345678\r\n"
    limits = 'limits = { body_size = "8"; };'
    with Site(listen=limits) as site:
        with Connection(site.address) as conn:
            for i in range(len(data)):
                conn.send(data[i:i + 1])
                wait_read(conn.sock)
            conn.send(b"1")
            wait_read(conn.sock)
            conn.send(b"\r\n")
            same(conn.answer().status, 413)
            conn.expect_end()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
