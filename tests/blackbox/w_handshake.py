#!/usr/bin/env python3
"""The opening handshake of RFC 6455, section 4.2: who gets in, and with what
answer the others are turned away."""
import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from http_raw import Connection, request, wait_read  # noqa: E402
from site_under_test import Site, route  # noqa: E402
from waiting import expect, run_checks, same, until  # noqa: E402
from websocket_raw import (KEY, TEXT, UPGRADE, WebSocket,  # noqa: E402
                           accept_of, frame, handshake)

ORIGINS = ('origins = ( "https://example.org", "https://*.example.net", '
           '"http://example.org:8080" );')
ROUTES = (
    route("/echo"),
    route("/any", websocket='origins = ( "*" );'),
    route("/listed", websocket=ORIGINS),
    route("/sub", websocket='subprotocols = ( "chat.v2", "chat.v1" );'),
    route("/hello", "site.answer"),
    route("/serve", "site.serve"),
)
REFUSED = (400, 426)


def head(path="/echo", replace=None, more=(), method="GET", version="1.1",
         host="x"):
    """A handshake with fields in place of, or taken out of, the good ones."""
    fields = {line.split(":")[0]: line for line in UPGRADE}
    fields.update(replace or {})
    lines = [line for line in fields.values() if line is not None]
    return request(path, method, [*lines, *more], version=version, host=host)


def key(data):
    return {"Sec-WebSocket-Key":
            "Sec-WebSocket-Key: " + base64.b64encode(data).decode()}


def version(text):
    return {"Sec-WebSocket-Version": f"Sec-WebSocket-Version:{text}"}


# name, request
GOOD = (
    ("as it should be", head()),
    ("names in capitals", head().replace(b"Sec-WebSocket", b"SEC-WEBSOCKET")),
    ("names in small letters", head().replace(
        b"Sec-WebSocket", b"sec-websocket").replace(b"Upgrade:", b"upgrade:")),
    ("WebSocket", head(replace={"Upgrade": "Upgrade: WebSocket"})),
    ("WEBSOCKET", head(replace={"Upgrade": "Upgrade: WEBSOCKET"})),
    ("a list of upgrades",
     head(replace={"Upgrade": "Upgrade: abc, websocket, def"})),
    ("upgrades in two fields", head(more=["Upgrade: h2c"])),
    ("empty elements", head(replace={"Upgrade": "Upgrade: , websocket ,"})),
    ("a list of connection options",
     head(replace={"Connection": "Connection: keep-alive, Upgrade"})),
    ("two connection fields", head(more=["Connection: keep-alive"])),
    ("upgrade in small letters",
     head(replace={"Connection": "Connection: upgrade"})),
    ("UPGRADE", head(replace={"Connection": "Connection: UPGRADE"})),
    ("no white space",
     head(replace={"Upgrade": "Upgrade:websocket",
                   "Connection": "Connection:Upgrade"})),
    ("much white space",
     head(replace={"Upgrade": "Upgrade:  \t websocket \t ",
                   "Sec-WebSocket-Key": f"Sec-WebSocket-Key: \t{KEY}  ",
                   **version(" \t13\t ")})),
    ("a query", head("/echo?a=b&c")),
    ("an absolute target", head("http://x/echo")),
    ("unknown fields", head(more=["Cookie: a=b", "X-Y: z",
                                  "Pragma: no-cache"])),
    ("an unknown extension",
     head(more=["Sec-WebSocket-Extensions: x-shout; loud=1, x-other"])),
    ("a subprotocol that nobody asked for",
     head(more=["Sec-WebSocket-Protocol: chat"])),
    ("an empty line before", b"\r\n" + head()),
)

# name, request, statuses that may be answered
BAD = (
    ("no Upgrade", head(replace={"Upgrade": None}), REFUSED),
    ("another upgrade", head(replace={"Upgrade": "Upgrade: h2c"}), REFUSED),
    ("almost the upgrade",
     head(replace={"Upgrade": "Upgrade: websockets"}), REFUSED),
    ("half of the upgrade",
     head(replace={"Upgrade": "Upgrade: web socket"}), REFUSED),
    ("empty Upgrade", head(replace={"Upgrade": "Upgrade:"}), REFUSED),
    ("no Connection", head(replace={"Connection": None}), REFUSED),
    ("Connection without upgrade",
     head(replace={"Connection": "Connection: keep-alive"}), REFUSED),
    ("Connection with almost upgrade",
     head(replace={"Connection": "Connection: upgraded"}), REFUSED),
    ("no key", head(replace={"Sec-WebSocket-Key": None}), (400,)),
    ("empty key", head(replace={"Sec-WebSocket-Key": "Sec-WebSocket-Key:"}),
     (400,)),
    ("the key twice", head(more=[f"Sec-WebSocket-Key: {KEY}"]), (400,)),
    ("two keys in one",
     head(replace={"Sec-WebSocket-Key": f"Sec-WebSocket-Key: {KEY}, {KEY}"}),
     (400,)),
    ("a key of 15 bytes", head(replace=key(bytes(15))), (400,)),
    ("a key of 17 bytes", head(replace=key(bytes(17))), (400,)),
    ("a key of 18 bytes, without padding", head(replace=key(bytes(18))),
     (400,)),
    ("a key without padding", head(replace={
        "Sec-WebSocket-Key": "Sec-WebSocket-Key: " + KEY.rstrip("=")}),
     (400,)),
    ("junk for a key", head(replace={
        "Sec-WebSocket-Key": "Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="}),
     (400,)),
    ("a key in the alphabet of URLs", head(replace={
        "Sec-WebSocket-Key": "Sec-WebSocket-Key: __-_AAAAAAAAAAAAAAAAAA=="}),
     (400,)),
    ("white space in the key", head(replace={
        "Sec-WebSocket-Key": "Sec-WebSocket-Key: AAAA AAAAAAAAAAAAAAAAA=="}),
     (400,)),
    ("no version", head(replace={"Sec-WebSocket-Version": None}), REFUSED),
    ("version 8", head(replace=version(" 8")), (426,)),
    ("version 0", head(replace=version(" 0")), (426,)),
    ("version 7", head(replace=version(" 7")), (426,)),
    ("version 14", head(replace=version(" 14")), (426,)),
    ("version 255", head(replace=version(" 255")), (426,)),
    ("version 013", head(replace=version(" 013")), REFUSED),
    ("version 1.3", head(replace=version(" 1.3")), REFUSED),
    ("version -13", head(replace=version(" -13")), REFUSED),
    ("version x", head(replace=version(" x")), REFUSED),
    ("empty version", head(replace=version("")), REFUSED),
    ("two versions in one", head(replace=version(" 13, 8")), REFUSED),
    ("two versions", head(more=["Sec-WebSocket-Version: 8"]), REFUSED),
    ("POST", head(method="POST"), (405,)),
    ("PUT", head(method="PUT"), (405,)),
    ("get", head(method="get"), (405,)),
    ("HTTP/1.0", head(version="1.0"), (400, 426, 505)),
    ("no Host", head(host=None), (400,)),
    ("two Hosts", head(more=["Host: x"]), (400,)),
    ("a malformed Host", head(host="a b"), (400,)),
)

# path, Origin, whether it may come in; {} stands for the port of the server
ORIGIN_TABLE = (
    ("/echo", None, True),
    ("/echo", "http://127.0.0.1:{}", True),
    ("/echo", "http://127.0.0.1", False),
    ("/echo", "http://127.0.0.1:1", False),
    ("/echo", "http://127.0.0.2:{}", False),
    ("/echo", "http://127.0.0.1:{}.example.org", False),
    ("/echo", "http://example.org", False),
    ("/echo", "null", False),
    ("/echo", "", False),
    ("/echo", "127.0.0.1:{}", False),
    ("/any", None, True),
    ("/any", "http://example.org", True),
    ("/any", "null", True),
    ("/any", "http://127.0.0.1:{}", True),
    ("/listed", None, True),
    ("/listed", "https://example.org", True),
    ("/listed", "http://example.org:8080", True),
    ("/listed", "https://a.example.net", True),
    ("/listed", "https://a.b.example.net", True),
    ("/listed", "http://example.org", False),
    ("/listed", "https://example.org:8443", False),
    ("/listed", "https://example.org.evil.example", False),
    ("/listed", "https://evilexample.org", False),
    ("/listed", "https://example.net", False),
    ("/listed", "https://.example.net", False),
    ("/listed", "https://evilexample.net", False),
    ("/listed", "http://a.example.net", False),
    ("/listed", "https://a.example.net.evil.example", False),
    ("/listed", "https://evil.example/.example.net", False),
    ("/listed", "null", False),
    ("/listed", "*", False),
)

# Sec-WebSocket-Protocol fields, what is agreed on
SUBPROTOCOLS = (
    ([], None),
    (["chat.v1"], "chat.v1"),
    (["chat.v2"], "chat.v2"),
    (["chat.v1, chat.v2"], "chat.v2"),
    (["x, chat.v1,y"], "chat.v1"),
    (["chat.v1", "chat.v2"], "chat.v2"),
    (["x", "chat.v1"], "chat.v1"),
    (["x"], None),
    (["CHAT.V1"], None),
    (["chat.v"], None),
    (["chat.v11"], None),
)


def expect_open(address, name, data):
    with Connection(address) as conn:
        answer = conn.ask(data)
        same(answer.status, 101, name)
        same((answer.get("upgrade") or "").lower(), "websocket", name)
        same((answer.get("connection") or "").lower(), "upgrade", name)
        same(answer.get("sec-websocket-accept"), accept_of(KEY), name)
        same(answer.get("sec-websocket-protocol"), None, name)
        same(answer.get("sec-websocket-extensions"), None, name)
        conn.send(frame(TEXT, name))
        same(conn.take(2 + len(name)),
             frame(TEXT, name, mask=None), name)


def check_good():
    with Site(*ROUTES) as site:
        for name, data in GOOD:
            expect_open(site.address, name, data)
    print(f"     {len(GOOD)} cases")


def check_bad():
    """The answer is a whole one, and says what to do when it is a 426."""
    with Site(*ROUTES) as site:
        for name, data, statuses in BAD:
            with Connection(site.address) as conn:
                answer = conn.ask(data)
                expect(answer.status in statuses, name, answer)
                same(answer.get("sec-websocket-accept"), None, name)
                if answer.status == 426:
                    same(answer.get("upgrade"), "websocket", name)
                    same(answer.get("sec-websocket-version"), "13", name)
                if answer.status == 405:
                    expect("GET" in answer.get("allow"), name, answer)
                if answer.closes():
                    conn.expect_end(name)
                else:
                    same(conn.ask(request("/hello")).body, b"hello\n", name)
        expect_open(site.address, "afterwards", head())
    print(f"     {len(BAD)} cases")


def check_origins():
    with Site(*ROUTES) as site:
        own = f"127.0.0.1:{site.address}"
        for path, origin, let_in in ORIGIN_TABLE:
            more = [] if origin is None else \
                ["Origin: " + origin.format(site.address)]
            with Connection(site.address) as conn:
                answer = conn.ask(head(path, more=more, host=own))
                same(answer.status, 101 if let_in else 403, path, origin)
        with Connection(site.address) as conn:
            answer = conn.ask(head(more=[f"Origin: http://{own}"] * 2,
                                   host=own))
            expect(answer.status in (400, 403), "two origins", answer)
    print(f"     {len(ORIGIN_TABLE) + 1} cases")


def check_subprotocols():
    with Site(*ROUTES) as site:
        for offers, agreed in SUBPROTOCOLS:
            more = [f"Sec-WebSocket-Protocol: {offer}" for offer in offers]
            with Connection(site.address) as conn:
                answer = conn.ask(head("/sub", more=more))
                same(answer.status, 101, offers)
                same(answer.get("sec-websocket-protocol"), agreed, offers)
    print(f"     {len(SUBPROTOCOLS)} cases")


def check_keys():
    """The answer to every key is its own."""
    with Site(*ROUTES) as site:
        for i in range(64):
            text = base64.b64encode(bytes([i * 4] * 15 + [i])).decode()
            with Connection(site.address) as conn:
                answer = conn.ask(head(replace={
                    "Sec-WebSocket-Key": f"Sec-WebSocket-Key: {text}"}))
                same(answer.get("sec-websocket-accept"), accept_of(text))


def check_plain_request():
    """A WebSocket's path is no page."""
    with Site(*ROUTES) as site:
        with Connection(site.address) as conn:
            answer = conn.ask(request("/echo"))
            expect(answer.status in REFUSED, answer)


def check_handlers_decide():
    """They may wait first, refuse with any status, and add fields; what the
    client has sent behind the handshake waits, too."""
    with Site(*ROUTES) as site:
        for code in (401, 403, 404, 429, 500, 503):
            with Connection(site.address) as conn:
                answer = conn.ask(head(f"/serve?code={code}&wait=5"))
                same(answer.status, code)
                same(answer.get("upgrade"), None)
        with Connection(site.address) as conn:
            conn.send(head("/serve?wait=50") + frame(TEXT, "early"))
            answer = conn.answer()
            same(answer.status, 101)
            same(answer.get("x-greeting"), "welcome")
            same(conn.take(9), frame(TEXT, "1 early", mask=None))


def check_reasons():
    """A refusal says what is wrong, and so does the log of a program's own
    mistake, which is not passed over."""
    with Site(*ROUTES) as site:
        for more, change, said in (
                (["Origin: http://other.example"], None, b"Origin"),
                ([], {"Sec-WebSocket-Version": None}, b"Sec-WebSocket-Version"),
                (["Sec-WebSocket-Extensions: a;;"], None, b"xtension")):
            with Connection(site.address) as conn:
                answer = conn.ask(head(more=more, replace=change))
                expect(said in answer.body, said, answer.body)
                expect(answer.get("content-type").startswith("text/plain"))
        with Connection(site.address) as conn:
            same(conn.ask(head("/serve?sizeless=1")).status, 500)
        until(lambda: "size is not set" in site.log_text(), "the reason")
        with Connection(site.address) as conn:
            same(conn.ask(head("/serve")).status, 101)


def check_addresses():
    """Over IPv6 and a unix socket, whose own origin is the Host, too."""
    for at in ("[::1]:0", "unix:FOLDER/web.sock"):
        with Site(*ROUTES, at=at) as site:
            own = "h.example:8"
            for origin, status in ((f"http://{own}", 101),
                                   ("http://other.example:8", 403)):
                with Connection(site.address) as conn:
                    answer = conn.ask(head(host=own,
                                           more=[f"Origin: {origin}"]))
                    same(answer.status, status, at, origin)
            with Connection(site.address) as conn:
                same(conn.ask(request("/hello")).body, b"hello\n")
            with WebSocket(site.address) as ws:
                ws.echo(TEXT, b"over " + at.encode())
                ws.say_goodbye()


def check_pipelined():
    """A handshake behind requests; frames behind it in the same segment."""
    with Site(*ROUTES) as site:
        with Connection(site.address) as conn:
            conn.send(request("/hello") * 2 + handshake() +
                      frame(TEXT, "a") + frame(TEXT, "b"))
            same(conn.answer().body, b"hello\n")
            same(conn.answer().body, b"hello\n")
            same(conn.answer().status, 101)
            same(conn.take(6), b"\x81\x01a\x81\x01b")


def check_body():
    """Bytes of a body are no frames."""
    with Site(*ROUTES) as site:
        data = head(more=["Content-Length: 7"]) + frame(TEXT, "x")
        with Connection(site.address) as conn:
            conn.send(data + frame(TEXT, "y"))
            answer = conn.answer()
            if answer.status == 101:
                same(conn.take(3), b"\x81\x01y")
            else:
                same(answer.status, 400)


def check_every_split():
    """The same comes of it wherever the segments end."""
    data = handshake() + frame(TEXT, "hello") + frame(TEXT, "\N{EURO SIGN}")
    wanted = (frame(TEXT, "hello", mask=None) +
              frame(TEXT, "\N{EURO SIGN}", mask=None))
    with Site(*ROUTES) as site:
        for at in range(1, len(data)):
            with Connection(site.address) as conn:
                conn.send(data[:at])
                wait_read(conn.sock)
                conn.send(data[at:])
                answer = conn.answer()
                same(answer.get("sec-websocket-accept"), accept_of(KEY), at)
                same(conn.take(len(wanted)), wanted, at)
        with Connection(site.address) as conn:
            for i in range(len(data)):
                conn.send(data[i:i + 1])
                wait_read(conn.sock)
            same(conn.answer().status, 101)
            same(conn.take(len(wanted)), wanted)
    print(f"     {len(data)} cases")


def check_many():
    """Handshakes do not get into each other's way."""
    with Site(*ROUTES, workers=2) as site:
        socks = [WebSocket(site.address) for _ in range(200)]
        for i, ws in enumerate(socks):
            ws.send(frame(TEXT, f"number {i}"))
        for i, ws in enumerate(socks):
            ws.expect_echo(TEXT, b"number %d" % i)
            ws.sock.close()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
