"""The handler `publish': messages by POST, who is there by GET, and what it
refuses."""
import json
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from http_raw import Connection, chunked, fetch, request  # noqa: E402
from rooms import Rooms, expect_in, route, web  # noqa: E402
from shoal import Shoal  # noqa: E402
from websocket_raw import BINARY, TEXT  # noqa: E402
from waiting import expect, run_checks, same, until  # noqa: E402

TOKEN = "Authorization: Bearer sesame"


def publisher(path="/publish/", more=""):
    return route(path, 'token = "sesame"; ' + more, "publish")


def post(shoal, body, path="/publish/lobby", *fields):
    return fetch(shoal.address, request(path, "POST", (TOKEN, *fields), body))


def published(shoal, body, path="/publish/lobby", topic="lobby", *fields):
    answer = post(shoal, body, path, *fields)
    same(answer.status, 200, answer, answer.body)
    same(answer.get("content-type"), "application/json")
    same(json.loads(answer.body), {"topic": topic, "bytes": len(body)})


def members(shoal, path="/publish/lobby"):
    answer = fetch(shoal.address, request(path, fields=(TOKEN,)))
    same(answer.status, 200, answer)
    same(answer.get("content-type"), "application/json")
    same(answer.get("cache-control"), "no-store")
    return json.loads(answer.body)


def check_post():
    """The body is what members get, as text or as bytes."""
    with Rooms(route(), publisher(), workers=2) as shoal:
        listeners = [shoal.join() for _ in range(8)]
        for ws in listeners:
            ws.ping()
        for media, opcode in ((None, TEXT), ("text/plain", TEXT),
                              ("application/json; charset=utf-8", TEXT),
                              ("application/x-www-form-urlencoded", TEXT),
                              ("application/octet-stream", BINARY),
                              ("image/png", BINARY)):
            fields = (f"Content-Type: {media}",) if media else ()
            body = f"hällo {media} a=b%20c".encode()
            published(shoal, body, "/publish/lobby", "lobby", *fields)
            for ws in listeners:
                ws.hear(body, opcode=opcode)
        published(shoal, b"", "/publish/lobby")
        published(shoal, b"\xff\0", "/publish/lobby", "lobby",
                  "Content-Type: application/octet-stream")
        listeners[0].hear("").hear(b"\xff\0", opcode=BINARY)
        # in chunks, and with the token in the query
        answer = fetch(shoal.address, request(
            "/publish/?token=sesame&key=k", "POST",
            ("Transfer-Encoding: chunked",)) + chunked(b"by ", b"and by"))
        same(answer.status, 200, answer.body)
        listeners[0].hear("by and by")
        # nobody is there, which is fine
        published(shoal, b"x", '/publish/z%C3%BC%22', 'zü"')
        # one after another, in their order
        with Connection(shoal.address) as conn:
            for i in range(20):
                same(conn.ask(request("/publish/", "POST", (TOKEN,),
                                      b"%d" % i)).status, 200)
        listeners[0].hear(*(f"{i}" for i in range(20)))


def check_members():
    """Who is there, on whichever worker."""
    with Rooms(route(), publisher(), workers=2) as shoal:
        same(members(shoal), {"topic": "lobby", "count": 0, "complete": True,
                              "members": []})
        names = [f"n{i}" for i in range(7)] + ['"ü"']
        present = [shoal.join("/room/lobby?name=" + name.replace(
            '"', "%22").replace("ü", "%C3%BC")) for name in names]
        nameless = shoal.join()
        elsewhere = shoal.join("/room/other?name=x")
        for ws in (*present, nameless, elsewhere):
            ws.ping()
        got = members(shoal)
        same((got["count"], got["complete"]), (9, True))
        same(sorted(one["name"] for one in got["members"]), sorted(names))
        same(len({one["id"] for one in got["members"]}), len(names))
        for ws in present[1:]:
            ws.say_goodbye()
        got = members(shoal)
        same((got["count"], [one["name"] for one in got["members"]]),
             (2, ["n0"]))
        answer = fetch(shoal.address, request("/publish/lobby", "HEAD",
                                              (TOKEN,)), "HEAD")
        same(answer.status, 200)
        same(members(shoal, "/publish/other")["count"], 1)
        # what workers ask each other is not what was published
        same(shoal.counter("published"), 0)


def check_refusals():
    """Each with its status, and a line that says why."""
    limited = 'limits = { body_size = "32k"; };'
    with Rooms(route(), publisher(), publisher("/none/", 'topic = "";'),
               more=f'{limited} topics = {{ ring = "64k"; }};') as shoal:
        def refused(status, data, *words, method="POST"):
            answer = fetch(shoal.address, data, method)
            same(answer.status, status, answer.body)
            if status != 413:
                same(answer.get("content-type"), "text/plain; charset=utf-8")
            expect_in(answer.body.decode(), *words)
            return answer

        answer = refused(401, request("/publish/x", "POST", (), b"x"),
                         "a token is needed")
        same(answer.get("www-authenticate"), 'Bearer realm="shoal"')
        refused(401, request("/publish/x"), "a token", method="GET")
        refused(403, request("/publish/x?token=x", "POST", (), b"x"),
                "the token is wrong")
        for method in "PUT", "DELETE", "PATCH", "OPTIONS":
            answer = refused(405, request("/publish/x", method, (TOKEN,)),
                             "POST publishes", method=method)
            same(answer.get("allow"), "GET, HEAD, POST")
        refused(404, request("/none/", "POST", (TOKEN,), b"x"), "none is")
        refused(400, request("/publish/a%2B/+", "POST", (TOKEN,), b"x"),
                "no topic can be called this")
        refused(411, request("/publish/x", "POST", (TOKEN,)),
                "Content-Length: 0")
        refused(400, request("/publish/x", "POST", (TOKEN,), b"\xff"),
                "not UTF-8", "octet-stream")
        refused(400, request("/publish/x?key=" + "k" * 256, "POST", (TOKEN,),
                             b"x"), "a key has")
        for media in "multipart/form-data; boundary=x", \
                     "text/plain; charset=latin1":
            answer = refused(415, request(
                "/publish/x", "POST", (TOKEN, "Content-Type: " + media),
                b"x"), "the body is the message")
            expect_in(answer.get("accept-post"), "text/plain")
        # the limit of bodies, and that of messages
        refused(413, request("/publish/x", "POST", (TOKEN,), b"x" * 40000))
        refused(413, request("/publish/x", "POST", (TOKEN,), b"x" * 20000),
                "longer than a message can be")
        published(shoal, b"x" * 15000, "/publish/x", "x")


def check_no_broker():
    """While the broker is away, who publishes is told so."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))       # and does not listen
        port = nobody.getsockname()[1]
        with Rooms(route(), publisher(), more='broker = { type = "redis"; '
                   f'url = "redis://127.0.0.1:{port}"; timeout = "100ms"; '
                   '};') as shoal:
            member = shoal.join()
            member.ping()
            answer = until(
                lambda: next((answer for answer in [post(shoal, b"x")]
                              if answer.status != 200), None), "a refusal")
            same(answer.status, 503, answer.body)
            expect(int(answer.get("retry-after")) > 0, answer)
            expect_in(answer.body.decode(), "the broker cannot be reached")
            # of other servers nobody knows
            got = members(shoal)
            same((got["count"], got["complete"]), (1, False))
            member.say("hello")
            seen = member.expect_close_frame(1013)
            expect_in(seen.data[2:].decode(), "the broker cannot be reached")


def check_errors():
    """A token is required."""
    for config, *words in (
            ("", "config.token or config.token_file is missing"),
            ('token = "x"; token_file = "/x";', "are both set"),
            ('token = "x"; authorize = "greet";', "take the tokens away"),
            ('token_file = "x";', "no absolute path"),
            ('token_file = "/dev/null";', "has no token in its first line"),
            ('token_file = "/nowhere/x";', "cannot be read: No such file"),
            ('token = "x"; timeout = "2h";', "out of range"),
            ('token = "x"; topic_from = "x";', "topic_from 'x' is not"),
            ('token = "x"; echo = true;', "unknown key 'echo'")):
        with Shoal(web(route("/publish/", config, "publish"))) as shoal:
            code, out, err = shoal.cli("test")
            expect(code != 0, "agreed to", config)
            expect_in(out + err, *words)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
