#!/usr/bin/env python3
"""HTTP connections: keep-alive, pipelining, bodies and "100 Continue", HEAD,
routes and methods, clients that go."""
import os
import select
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import reset  # noqa: E402
from http_raw import (Connection, chunked, fetch, request,  # noqa: E402
                      wait_read)
from site_under_test import Site, route  # noqa: E402
from waiting import PATIENCE, SLOW, expect, run_checks, same  # noqa: E402

CHUNKED = ["Transfer-Encoding: chunked"]
CONTINUE = ["Expect: 100-continue"]


def is_silent(conn, ms=0):
    """Whether nothing has come."""
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    return not conn.buffer and not poll.poll(ms)


def check_keep_alive():
    with Site() as site, Connection(site.address) as conn:
        for i in range(500):
            answer = conn.ask(request(f"/seen?{i}"))
            expect(f"query={i}\n".encode() in answer.body, answer)
            expect(not answer.closes(), answer)
        same(site.counter("accepted"), 1)
        answer = conn.ask(request("/hello", fields=["Connection: close"]))
        expect(answer.closes(), answer)
        conn.expect_end()


def check_close_wins():
    """Nothing behind a request that closes is answered."""
    with Site() as site:
        for fields in (["Connection: close"], ["Connection: CLOSE"],
                       ["Connection: keep-alive, close"],
                       ["Connection: close, x"],
                       ["Connection: x", "Connection: close"]):
            with Connection(site.address) as conn:
                conn.send(request("/hello", fields=fields) +
                          request("/hello"))
                expect(conn.answer().closes(), fields)
                conn.expect_end(fields)


def check_pipelining():
    """A thousand of them, in order, slow ones between quick ones."""
    with Site() as site:
        with Connection(site.address) as conn:
            conn.send(b"".join(request(f"/seen?n{i}.") for i in range(1000)))
            for i in range(1000):
                expect(b"query=n%d.\n" % i in conn.answer().body, i)
        with Connection(site.address) as conn:
            conn.send(request("/wait?ms=100") + request("/hello") +
                      request("/wait?ms=20") + request("/detached?x") +
                      request("/hello"))
            for body in (b"waited 0", b"hello\n", b"waited 0", b"late x",
                         b"hello\n"):
                same(conn.answer().body, body)


def check_pipelined_bodies():
    with Site() as site, Connection(site.address) as conn:
        conn.send(b"".join(
            request("/body", "POST", body=b"post %d" % i) +
            request("/pieces", "POST", CHUNKED) + chunked(b"chunk", b"%d" % i)
            for i in range(200)))
        for i in range(200):
            same(conn.answer().body, b"post %d" % i)
            same(conn.answer().body, b"chunk%d" % i)
        # bodies that the handler does not want
        conn.send((request("/hello", "POST", body=b"GET /body HTTP/1.1\r\n") +
                   request("/nothing", "POST", CHUNKED) +
                   chunked(b"GET / HTTP/1.1\r\n\r\n")) * 50)
        for _ in range(50):
            same(conn.answer().body, b"hello\n")
            same(conn.answer().status, 500)
        same(conn.ask(request("/hello")).body, b"hello\n")


def check_large_bodies():
    """Whole, and in pieces while they come; both ways at once."""
    size = (64 << 20) if SLOW else (16 << 20)
    with Site() as site, Connection(site.address) as conn:
        conn.send(request("/body", "POST", body=b"x" * 1000000))
        same(conn.answer().body, b"x" * 1000000)
        conn.send(request("/count", "POST",
                          [f"Content-Length: {size}"]))
        for _ in range(size >> 16):
            conn.send(bytes(1 << 16))
        same(conn.answer().body, b"%d" % size)
        conn.send(request("/count", "POST", CHUNKED))
        for _ in range(size >> 16):
            conn.send(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
        conn.send(b"0\r\n\r\n")
        same(conn.answer().body, b"%d" % size)
        answer = conn.ask(request(f"/big?n={size}"))
        same(len(answer.body), size)
        # each piece of a body comes back before the next one is sent
        conn.send(request("/pieces", "POST", CHUNKED))
        for i in range(20):
            conn.send(b"3\r\n%03d\r\n" % i)
            if i == 0:
                answer = conn.take_head()
            same(conn.take(8), b"3\r\n%03d\r\n" % i)
        conn.send(b"0\r\n\r\n")
        same(conn.take(5), b"0\r\n\r\n")
        same(conn.ask(request("/hello")).body, b"hello\n")


def check_body_byte_by_byte():
    data = request("/body", "POST", body=b"hello") + \
        request("/pieces", "POST", CHUNKED) + chunked(b"hel", b"lo")
    with Site() as site, Connection(site.address) as conn:
        for i in range(len(data)):
            conn.send(data[i:i + 1])
            wait_read(conn.sock)
        same(conn.answer().body, b"hello")
        same(conn.answer().body, b"hello")


def check_continue():
    """The interim answer comes when a handler wants the body, once."""
    with Site() as site:
        for path in ("/body", "/pieces"):
            with Connection(site.address) as conn:
                for fields, body in ((["Content-Length: 5"], b"hello"),
                                     (CHUNKED, chunked(b"hel", b"lo"))):
                    conn.send(request(path, "POST", fields + CONTINUE))
                    same(conn.answer().status, 100)
                    expect(is_silent(conn), conn.buffer)
                    conn.send(body)
                    answer = conn.answer()
                    same((answer.status, answer.body), (200, b"hello"))
        # a handler that does not want it answers at once; the body may come
        # or not, so that the connection cannot go on
        with Connection(site.address) as conn:
            conn.send(request("/refusal?code=403", "POST",
                              ["Content-Length: 5", *CONTINUE]))
            answer = conn.answer()
            same(answer.status, 403)
            if answer.closes():
                conn.expect_end()
            else:
                conn.send(b"hello" + request("/hello"))
                same(conn.answer().body, b"hello\n")


def check_no_continue():
    """It is not sent when the body is there, or will not be, or cannot be."""
    with Site() as site:
        with Connection(site.address) as conn:
            conn.send(request("/body", "POST", CONTINUE, b"hello"))
            same(conn.answer().status, 200)
            conn.send(request("/body", "POST", CONTINUE + CHUNKED) +
                      chunked(b"hello"))
            same(conn.answer().status, 200)
            conn.send(request("/body", "POST", CONTINUE))
            same(conn.answer().status, 200)
            conn.send(request("/body", "POST",
                              CONTINUE + ["Content-Length: 0"]))
            same(conn.answer().status, 200)
        with Connection(site.address) as conn:
            conn.send(request("/body", "POST",
                              CONTINUE + ["Content-Length: 5"],
                              version="1.0"))
            conn.send(b"hello")
            same(conn.answer().status, 200)
        with Connection(site.address) as conn:
            conn.send(request("/body", "POST",
                              ["Expect: x", "Content-Length: 5"]))
            same(conn.answer().status, 417)


def check_head():
    """The same head as for GET, and no body."""
    with Site() as site, Connection(site.address) as conn:
        for path in ("/hello", "/big?n=5000", "/stream", "/stream?length=11",
                     "/status?code=404", "/missing", "/nothing", "/events",
                     "/redirect?to=/x", "/big?n=0"):
            get = conn.ask(request(path))
            head = conn.ask(request(path, "HEAD"), "HEAD")
            same(head.status, get.status, path)
            # RFC 9110, 9.3.2: what only the body would tell may be left out
            different = {"date", "transfer-encoding"}
            same([f for f in head.fields if f[0] not in different],
                 [f for f in get.fields if f[0] not in different], path)
            same(conn.ask(request("/hello")).body, b"hello\n", path)
        # pipelined, so that any byte of a body would show
        conn.send(request("/hello", "HEAD") * 10 + request("/hello"))
        for _ in range(10):
            same(conn.answer("HEAD").get("content-length"), "6")
        same(conn.answer().body, b"hello\n")


def check_routes():
    """Exact ones, subtrees, methods, hosts; 404, 405 and OPTIONS."""
    routes = (
        route("/seen", "site.answer"),
        route("/sub/", "site.answer"),
        route("/get", "site.answer", more='methods = [ "GET" ];'),
        route("/post", "site.answer", more='methods = [ "POST", "PUT" ];'),
        route("/hello", "site.answer", more='host = "a.example";'),
        route("/only/", "site.answer", more="exact = true;"),
    )
    table = (
        ("GET", "/seen", "x", 200), ("POST", "/seen", "x", 200),
        ("PURGE", "/seen", "x", 200), ("GET", "/seen/", "x", 404),
        ("GET", "/see", "x", 404), ("GET", "/seenx", "x", 404),
        ("GET", "/SEEN", "x", 404), ("GET", "/x/../seen", "x", 200),
        ("GET", "/./seen", "x", 200), ("GET", "/%73een", "x", 200),
        ("GET", "/x/%2e%2e/seen", "x", 200), ("GET", "/../seen", "x", 200),
        ("GET", "/", "x", 404), ("GET", "/sub", "x", 308),
        # the handler itself does not know these
        ("GET", "/sub/", "x", 404), ("GET", "/sub/a", "x", 404),
        ("GET", "/get", "x", 404), ("HEAD", "/get", "x", 404),
        ("POST", "/get", "x", 405), ("GET", "/post", "x", 405),
        ("HEAD", "/post", "x", 405), ("DELETE", "/post", "x", 405),
        ("get", "/get", "x", 405),
        ("GET", "/hello", "a.example", 200),
        ("GET", "/hello", "A.Example:80", 200),
        ("GET", "/hello", "b.example", 404),
        ("GET", "/hello", "a.example.org", 404),
        ("GET", "/hello", "x", 404), ("GET", "/only/a", "x", 404),
        ("GET", "/%00", "x", 400), ("GET", "/%zz", "x", 400),
        ("GET", "/%4", "x", 400), ("GET", "/a%2fb", "x", 400),
    )
    with Site(*routes) as site:
        for method, path, host, status in table:
            answer = fetch(site.address, request(path, method, host=host),
                           method)
            same(answer.status, status, method, path, host)
            if status == 405:
                allow = answer.get("allow")
                expect(allow is not None, method, path)
                expect(method not in allow.split(", "), answer)
                if path == "/get":
                    expect("HEAD" in allow and "GET" in allow, answer)
            if status == 308:
                expect(answer.get("location").endswith("/sub/"), answer)
        answer = fetch(site.address, request("/get", "OPTIONS"))
        expect(answer.status in (200, 204), answer)
        expect("GET" in answer.get("allow"), answer)
        answer = fetch(site.address, request("/sub?a=b"))
        expect(answer.get("location").endswith("/sub/?a=b"), answer)
    print(f"     {len(table) + 2} cases")


def check_request_as_seen():
    with Site() as site, Connection(site.address) as conn:
        answer = conn.ask(request(
            "/x/%2e./seen?a=%20b&&c", "PATCH",
            ["X-A: 1", "x-a:  2 ", "X-Empty:"], b"body", host="h:8"))
        for line in ("method=PATCH", "target=/x/%2e./seen?a=%20b&&c",
                     "path=/seen", "query=a=%20b&&c", "host=h:8",
                     "version=HTTP/1.1", "route=/", "rest=seen", "length=4",
                     "X-A: 1", "x-a: 2", "X-Empty: "):
            expect(f"\n{line}\n".encode() in b"\n" + answer.body, line,
                   answer.body)
        answer = conn.ask(request("/joined?name=x-A", fields=[
            "X-A: 1", "x-a: 2", "Cookie: a=1; b=\"2\"", "Cookie: b=3"]))
        same(answer.body, b"1, 2|2")
        answer = conn.ask(request("/joined?name=Cookie", fields=[
            "Cookie: a=1", "Cookie: c=3"]))
        same(answer.body, b"a=1; c=3|-")
        answer = conn.ask(request("/trailer", "POST", CHUNKED) +
                          chunked(b"x", trailers=["Sum: 5", "Other: 6"]))
        same(answer.body, b"x|5")
        answer = conn.ask(request("/trailer", "POST", body=b"x"))
        same(answer.body, b"x|-")


def check_half_closed_clients():
    """Who asks, shuts down and listens is answered, all of it."""
    with Site() as site:
        for path, body in (("/hello", b"hello\n"), ("/wait?ms=50",
                                                    b"waited 0"),
                           ("/detached?x", b"late x")):
            with Connection(site.address) as conn:
                conn.send(request("/hello") + request(path))
                conn.sock.shutdown(socket.SHUT_WR)
                same(conn.answer().body, b"hello\n")
                same(conn.answer().body, body)
                conn.expect_end()
        with Connection(site.address) as conn:
            conn.send(request(f"/big?n={8 << 20}"))
            conn.sock.shutdown(socket.SHUT_WR)
            same(len(conn.answer().body), 8 << 20)
            conn.expect_end()
        # amid a head, amid a body
        for data in (b"GET /hel", request("/hello")[:-2],
                     request("/body", "POST", ["Content-Length: 9"]) + b"x",
                     request("/body", "POST", CHUNKED) + b"5\r\nhe"):
            with Connection(site.address) as conn:
                conn.send(data)
                conn.sock.shutdown(socket.SHUT_WR)
                rest = conn.rest()
                expect(not rest or rest.startswith(b"HTTP/1.1 400"), rest)


def check_clients_that_go():
    """Resets anywhere leave no connection and no coroutine behind."""
    with Site() as site:
        for data in (request("/wait?ms=20"), request("/detached?x"),
                     request(f"/big?n={32 << 20}"), request("/hello")[:9],
                     request("/body", "POST", ["Content-Length: 9"]),
                     request("/wait?ms=5") * 50):
            for _ in range(20):
                conn = Connection(site.address)
                conn.send(data)
                reset(conn.sock)
        site.wait_counter("closed", 120)
        same(fetch(site.address, request("/hello")).body, b"hello\n")
        same(site.counter("worker_crashes"), 0)


def check_clients_that_do_not_read():
    """One that does not take its answers holds up nobody else."""
    with Site() as site:
        with Connection(site.address) as stuck:
            stuck.send(request(f"/big?n={16 << 20}") +
                       request("/hello") * 10000)
            for _ in range(200):
                same(fetch(site.address, request("/hello")).body, b"hello\n")
            same(len(stuck.answer().body), 16 << 20)
            for _ in range(10000):
                same(stuck.answer().body, b"hello\n")


def check_idle_connections_end():
    with Site(listen='limits = { keepalive_timeout = "200ms"; };') as site:
        with Connection(site.address) as conn:
            for _ in range(3):
                same(conn.ask(request("/hello")).body, b"hello\n")
            conn.expect_end()
        with Connection(site.address) as conn:
            # a slow answer is no idleness
            same(conn.ask(request("/wait?ms=600")).body, b"waited 0")
            conn.expect_end()


def check_answer_while_body_comes():
    """A refusal reaches a client that is still sending, and is not lost to a
    reset."""
    with Site() as site:
        for _ in range(20):
            with Connection(site.address) as conn:
                conn.send(request("/body", "POST",
                                  [f"Content-Length: {64 << 20}"]))
                for _ in range(32):
                    if not conn.try_send(bytes(1 << 16)):
                        break
                answer = conn.answer()
                same(answer.status, 413)
                expect(answer.closes(), answer)
                poll = select.poll()
                poll.register(conn.sock, select.POLLHUP)
                conn.sock.shutdown(socket.SHUT_WR)
                expect(poll.poll(10000 * PATIENCE), "it stays open")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
