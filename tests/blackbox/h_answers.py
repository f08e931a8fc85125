#!/usr/bin/env python3
"""What an answer looks like on the wire: framing, statuses, fields that may
not be set, cookies, redirects, events, trailers, compression."""
import os
import sys
import time
import zlib
from email.utils import parsedate_to_datetime
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from http_raw import Connection, fetch, request  # noqa: E402
from site_under_test import Site, route  # noqa: E402
from waiting import expect, run_checks, same  # noqa: E402

OLD = {"version": "1.0", "host": None}


def check_framing():
    """Counted when the length is known, else in chunks, or to the end for
    HTTP/1.0."""
    with Site() as site:
        with Connection(site.address) as conn:
            answer = conn.ask(request("/hello"))
            same((answer.status, answer.reason), (200, "OK"))
            same(answer.get("content-length"), "6")
            same(answer.get("transfer-encoding"), None)
            same(answer.get("content-type"), "text/plain")
            then = parsedate_to_datetime(answer.get("date")).timestamp()
            expect(abs(time.time() - then) < 60, answer)
            expect(answer.get("date").endswith(" GMT"), answer)
            answer = conn.ask(request("/big?n=0"))
            same((answer.get("content-length"), answer.body), ("0", b""))
            answer = conn.ask(request("/stream"))
            same(answer.get("transfer-encoding"), "chunked")
            same(answer.pieces, [b"one", b"two", b"three"])
            answer = conn.ask(request("/stream?length=11"))
            same((answer.get("content-length"), answer.body),
                 ("11", b"onetwothree"))
        # less or more than was said: what came is not taken for all of it
        for length in (10, 12):
            with Connection(site.address) as conn:
                conn.send(request(f"/stream?length={length}") +
                          request("/hello"))
                answer = conn.take_head()
                same(answer.get("content-length"), str(length))
                body = conn.rest()
                expect(len(body) < length if length == 12 else
                       len(body) <= length or b"HTTP/1.1" in body[length:],
                       body)
        with Connection(site.address) as conn:
            answer = conn.ask(request("/stream", **OLD))
            same((answer.get("transfer-encoding"), answer.body),
                 (None, b"onetwothree"))
            same(answer.get("content-length"), None)
            conn.expect_end()
        with Connection(site.address) as conn:
            # its end is the end of the body, whatever the client likes
            answer = conn.ask(request(
                "/stream", fields=["Connection: keep-alive"], **OLD))
            expect(answer.closes() or answer.body == b"onetwothree", answer)
            conn.expect_end()


def check_statuses():
    with Site() as site, Connection(site.address) as conn:
        for code in range(200, 600):
            answer = conn.ask(request(f"/status?code={code}"))
            same(answer.status, code)
            same(answer.body, b"" if code in (204, 205, 304) else b"body",
                 code)
            expect(code not in (200, 404, 503) or answer.reason, answer)
        answer = conn.ask(request("/status?code=299&reason=Quite+fine"))
        same((answer.status, answer.reason), (299, "Quite fine"))
        for query in ("code=99", "code=100", "code=101", "code=199",
                      "code=600", "code=-1", "code=200&reason=a%0D%0Ab",
                      "code=200&reason=a%0Ab", "code=200&reason=%01"):
            answer = conn.ask(request(f"/status?{query}"))
            same((answer.status, answer.body), (200, b"refused 1"), query)
    print(f"     {400 + 10} cases")


FIELDS = (
    ("X-A", "value", True), ("x", "", True), ("X-A", "a\tb", True),
    ("X-A", "caf\u00e9", True), ("X-A", "a: b, c; d=\"e\"", True),
    ("!#$%&'*+-.^_`|~0aZ", "v", True), ("123", "v", True),
    ("X-A", "a\r\nSet-Cookie: b", False), ("X-A", "a\nb", False),
    ("X-A", "a\rb", False), ("X-A", "\r\n", False), ("X-A", "\x01", False),
    ("X-A", "\x7f", False), ("X-A", "a\x0bb", False),
    ("X-A", "\x1b[0m", False),
    ("", "v", False), ("X A", "v", False), ("X:A", "v", False),
    ("X-A:", "v", False), (" X", "v", False), ("X\r\nY", "v", False),
    ("X\tY", "v", False), ("X\u00e9", "v", False), ("X(Y)", "v", False),
    ("Content-Length", "abc", False), ("Content-Length", "-1", False),
    ("Transfer-Encoding", "chunked", False), ("transfer-encoding", "x", False),
    ("Connection", "close", False), ("CONNECTION", "x", False),
    ("Upgrade", "websocket", False), ("Trailer", "x", False),
)


def check_fields():
    """Nothing that a handler sets can end a field or frame the message."""
    with Site() as site, Connection(site.address) as conn:
        for name, value, good in FIELDS:
            answer = conn.ask(request(
                f"/field?name={quote(name)}&value={quote(value)}"))
            same(answer.body, b"taken" if good else b"refused", name, value)
            if good:
                seen = answer.all(name.lower())
                wanted = value.encode().decode("latin-1")
                same(seen, [wanted, wanted])
            same(answer.all("set-cookie"), [])
        answer = conn.ask(request("/field?name=X&value=y&unset"))
        same((answer.body, answer.all("x")), (b"taken", []))
    print(f"     {len(FIELDS)} cases")


def check_cookies():
    with Site() as site:
        answer = fetch(site.address, request("/cookies"))
        same(answer.body, b"5 8")
        cookies = dict(c.split("=", 1) for c in answer.all("set-cookie"))
        same(len(answer.all("set-cookie")), 5)
        parts = {name: [part.strip() for part in value.split(";")]
                 for name, value in cookies.items()}
        same(parts["a"], ["1"])
        same(parts["b"][0], "x%20y%3Bz")
        same(sorted(p.lower() for p in parts["b"][1:]), sorted(
            ["path=/p", "domain=example.org", "max-age=60", "secure",
             "httponly", "samesite=strict"]))
        same(parts["c"][0], "")
        expect("max-age=0" in [p.lower() for p in parts["c"]], parts["c"])
        same(parts["d"][0], "raw=ok")
        same(parts["d"][1:], ["Expires=Sun, 06 Nov 1994 08:49:37 GMT"])
        same(sorted(p.lower() for p in parts["e"][1:]), sorted(
            ["secure", "partitioned", "samesite=none", "priority=high"]))


def check_redirects():
    with Site() as site, Connection(site.address) as conn:
        for code in (301, 302, 303, 307, 308):
            for to in ("/x", "https://example.org/a?b=c#d", "../y", "?z",
                       "/%20"):
                answer = conn.ask(request(
                    f"/redirect?code={code}&to={quote(to)}"))
                same((answer.status, answer.get("location")), (code, to))
        for query in ("code=200&to=/x", "code=304&to=/x", "code=300&to=/x",
                      "code=302&to=/a%20b", "code=302&to=/%0D%0AX:%20y",
                      "code=302&to=/%00x&code=200", "code=302&to=/%C3%A9",
                      "code=302&to=/%7F"):
            answer = conn.ask(request(f"/redirect?{query}"))
            if "%00" in query:
                continue        # a NUL ends the text for C
            same((answer.status, answer.body), (200, b"refused 1"), query)


def check_events():
    with Site() as site:
        answer = fetch(site.address, request("/events"))
        same(answer.get("content-type"), "text/event-stream")
        same(answer.get("cache-control"), "no-cache")
        expect(answer.body.endswith(b": 0 0 0 1\n"), answer)
        events = answer.body.rpartition(b": ")[0].decode().split("\n\n")
        same(events.pop(), "")
        seen = []
        for event in events:
            fields = {}
            for line in event.split("\n"):
                name, _, value = line.partition(":")
                fields.setdefault(name, []).append(
                    value[1:] if value.startswith(" ") else value)
            seen.append(fields)
        same(seen, [{"data": ["plain"]},
                    {"data": ["two", "lines"], "event": ["kind"],
                     "id": ["7"], "retry": ["1500"]}, {"data": [""]}])


def check_trailers():
    with Site() as site:
        with Connection(site.address) as conn:
            answer = conn.ask(request("/stream?trailer",
                                      fields=["TE: trailers"]))
            same(answer.body, b"onetwothree")
            same(answer.trailers, [("sum", "42")])
            # there is no place for them in these
            answer = conn.ask(request("/stream?trailer&length=11"))
            same((answer.body, answer.trailers), (b"onetwothree", []))
            same(conn.ask(request("/hello")).body, b"hello\n")
        answer = fetch(site.address, request("/stream?trailer", **OLD))
        same(answer.body, b"onetwothree")


# Accept-Encoding, whether the answer may be compressed
ENCODINGS = (
    (None, False), ("", False), ("gzip", True), ("GZIP", True),
    ("gzip, deflate, br", True), ("deflate, gzip;q=0.5", True),
    ("gzip;q=0", False), ("gzip;q=0.000", False), ("gzip; q=0", False),
    ("gzip;q=0.001", True), ("gzip ; q=1", True), ("*", True),
    ("*;q=0", False), ("gzip, *;q=0", True), ("*, gzip;q=0", False),
    ("identity", False), ("deflate", False), ("br", False),
    ("x-gzip", None), ("gzipx", False), ("identity;q=0, gzip", True),
    ("gzip;q=0.5, identity;q=1", False), ("gzip;q=1, identity;q=0.5", True),
)


def check_gzip():
    zipped = 'gzip = { level = 6; min_size = "1k"; };'
    routes = (route("/", "site.answer"),
              route("/big", "site.answer", more=zipped))
    with Site(*routes) as site, Connection(site.address) as conn:
        plain = conn.ask(request("/big?n=20000"))
        same(plain.get("content-encoding"), None)
        for value, allowed in ENCODINGS:
            fields = [] if value is None else [f"Accept-Encoding: {value}"]
            answer = conn.ask(request("/big?n=20000", fields=fields))
            coding = answer.get("content-encoding")
            if allowed is not None:
                same(coding, "gzip" if allowed else None, value)
            expect("accept-encoding" in (answer.get("vary") or "").lower(),
                   "no Vary for", value, answer.fields)
            body = zlib.decompress(answer.body, 31) if coding else answer.body
            same(body, plain.body, value)
            expect(not coding or len(answer.body) < 2000, value)
        fields = ["Accept-Encoding: gzip"]
        for n in (0, 1, 1023):
            answer = conn.ask(request(f"/big?n={n}", fields=fields))
            same(answer.get("content-encoding"), None, n)
            same(len(answer.body), n)
        # and HEAD says what GET would
        head = conn.ask(request("/big?n=20000", "HEAD", fields), "HEAD")
        get = conn.ask(request("/big?n=20000", fields=fields))
        same(head.get("content-encoding"), get.get("content-encoding"))
        same(head.get("content-length"), get.get("content-length"))
        # a route that does not say so
        answer = conn.ask(request("/hello", fields=fields))
        same(answer.get("content-encoding"), None)
    print(f"     {len(ENCODINGS) + 6} cases")


def check_handlers_that_forget():
    """No answer is 500, and the log names the handler."""
    with Site() as site:
        same(fetch(site.address, request("/nothing")).status, 500)
        site.wait_log("site.answer")
        same(fetch(site.address, request("/hello")).body, b"hello\n")


def check_error_pages():
    with Site() as site, Connection(site.address) as conn:
        for code in (400, 403, 404, 418, 500, 503):
            answer = conn.ask(request(f"/refusal?code={code}"))
            same(answer.status, code)
            expect(answer.body, "an error without a page:", answer)
            expect(answer.get("content-type"), answer)


def check_answers_at_once():
    """Requests that wait in other connections hold up nobody."""
    with Site() as site:
        with Connection(site.address) as holder:
            holder.send(request("/hold?x"))
            site.wait_log("held x")
            for _ in range(100):
                same(fetch(site.address, request("/hello")).body, b"hello\n")
            same(fetch(site.address, request("/release")).body, b"0")
            same(holder.answer().body, b"released 1")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
