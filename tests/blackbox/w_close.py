#!/usr/bin/env python3
"""The end of a WebSocket: RFC 6455, sections 5.5.1 and 7."""
import os
import select
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import reset  # noqa: E402
from site_under_test import Site  # noqa: E402
from waiting import PATIENCE, SLOW, expect, run_checks, same, until  # noqa: E402
from websocket_raw import (CLOSE, PING, PONG, TEXT, Frame,  # noqa: E402
                           WebSocket, breaks, close_frame, frame, header)

LEGAL = [*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)]
EDGES = (0, 1, 2, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008,
         1009, 1010, 1011, 1012, 1013, 1014, 1015, 1016, 1017, 1099, 1100,
         1999, 2000, 2001, 2999, 3000, 3001, 3333, 3999, 4000, 4001, 4500,
         4998, 4999, 5000, 5001, 9999, 32767, 32768, 65534, 65535)


def check_codes():
    """A legal one comes back as it is, another one as 1002."""
    codes = sorted({*range(5001), *EDGES}) if SLOW else EDGES
    legal = set(LEGAL)
    with Site() as site:
        for code in codes:
            with WebSocket(site.address, "/calm") as ws:
                ws.send(close_frame(code, b"" if code % 2 else b"why"))
                ws.expect_close(code if code in legal else 1002, code)
    print(f"     {len(codes)} cases")


def check_without_code():
    with Site() as site, WebSocket(site.address, "/calm") as ws:
        ws.send(close_frame())
        same(ws.take_frame(), Frame(CLOSE, b""))
        ws.expect_end()


def check_malformed():
    with Site() as site:
        for name, data, code in (
                ("one byte", b"\x03", 1002),
                ("another byte", b"x", 1002),
                ("a reason that is not text", b"\x03\xe8\xff", 1007),
                ("a cut reason", b"\x03\xe8abc\xe2\x82", 1007),
                ("a surrogate as reason", b"\x03\xe8\xed\xa0\x80", 1007),
                ("a bad code and reason", b"\0\0\xff", 1002)):
            breaks(site.address, frame(CLOSE, data), code, "/calm", name)
        breaks(site.address, frame(CLOSE, b"\x03\xe8" + b"x" * 124), 1002)
        breaks(site.address, frame(CLOSE, b"\x03\xe8", fin=False), 1002)


def check_reasons():
    with Site() as site:
        for reason in (b"", b"x", "caf\u00e9".encode(), b"x" * 122,
                       b"x" * 123, "\u20ac".encode() * 41):
            with WebSocket(site.address, "/calm") as ws:
                ws.send(close_frame(3999, reason))
                seen = ws.take_frame()
                same(seen.code(), 3999)
                expect(seen.data[2:] in (b"", reason), seen)
                ws.expect_end()


def check_server_closes_first():
    """The end of the stream comes without the client's doing."""
    with Site() as site, WebSocket(site.address, "/calm") as ws:
        ws.send(close_frame(1000))
        ws.expect_close(1000)
        # and it is both directions: what is sent now meets nobody
        poll = select.poll()
        poll.register(ws.sock, select.POLLHUP)
        ws.try_send(b"x")
        ws.sock.shutdown(socket.SHUT_WR)
        expect(poll.poll(10000 * PATIENCE), "the server holds on to it")


def check_after_close():
    """Nothing of it is answered: data, pings, another close, junk."""
    with Site() as site:
        for name, data in (
                ("data", frame(TEXT, "?")),
                ("ping", frame(PING, "?")),
                ("close", close_frame(1001)),
                ("illegal close", close_frame(5)),
                ("unmasked", frame(TEXT, "?", mask=None)),
                ("not text", frame(TEXT, b"\xff")),
                ("half a header", b"\x81"),
                ("junk", bytes(range(256)) * 10),
                ("all", frame(TEXT, "?") + frame(PING) + close_frame(1001))):
            with WebSocket(site.address, "/calm") as ws:
                ws.send(frame(TEXT, "x") + close_frame(1000) + data)
                ws.expect_echo(TEXT, b"x")
                ws.expect_close(1000, name)


def check_close_and_end_together():
    with Site() as site:
        for code in (1000, None, 4000):
            with WebSocket(site.address, "/calm") as ws:
                ws.send(frame(TEXT, "x") + close_frame(code))
                ws.sock.shutdown(socket.SHUT_WR)
                ws.expect_echo(TEXT, b"x")
                seen = ws.take_frame()
                same(seen.code(), code)
                ws.expect_end()


def check_end_without_close():
    """At a message's boundary, in a frame, in a message: the server goes too,
    what came before is answered, and the handler hears of 1006."""
    with Site() as site:
        for path in ("/serve", "/call"):
            for data in (b"", b"\x81", frame(TEXT, "hello")[:-1],
                         header(TEXT, 100000), frame(TEXT, "x", fin=False)):
                before = site.log_text().count("code=1006")
                with WebSocket(site.address, path) as ws:
                    ws.send(frame(TEXT, "x") + data)
                    ws.sock.shutdown(socket.SHUT_WR)
                    ws.expect_echo(TEXT, b"1 x")
                    ws.rest()
                wait_for_more(site, "code=1006", before)
        with WebSocket(site.address, "/calm") as ws:
            ws.send(frame(TEXT, "still alive"))
            ws.expect_echo(TEXT, b"still alive")


def wait_for_more(site, words, before):
    until(lambda: site.log_text().count(words) > before,
          f"'{words}' once more in the log")


def check_reset():
    with Site() as site:
        for path in ("/serve", "/call"):
            before = site.log_text().count("ended code=1006")
            ws = WebSocket(site.address, path)
            ws.ping()
            reset(ws.sock)
            wait_for_more(site, "ended code=1006", before)


def check_handler_closes():
    """Its code and reason come first; the client's answer ends it."""
    with Site() as site:
        for path in ("/serve", "/call"):
            for code, reason in ((1000, "bye"), (4000, ""), (1001, "x" * 123),
                                 (1013, "caf\u00e9")):
                with WebSocket(site.address, path) as ws:
                    ws.send(frame(TEXT, f"close {code} {reason}"))
                    seen = ws.take_frame()
                    same(seen.code(), code)
                    same(seen.data[2:].decode(), reason)
                    ws.send(close_frame(code))
                    ws.expect_end()
            site.wait_log("ended code=4000 reason= peer=0 clean=1")
            # codes and reasons that may not be sent: nothing happens
            with WebSocket(site.address, path) as ws:
                for text in ("close 1005 x", "close 1006", "close 999",
                             "close 1015", "close 5000",
                             "close 1000 " + "x" * 124):
                    ws.send(frame(TEXT, text))
                ws.ping()


def check_both_close_at_once():
    """The client's close frame crosses the server's."""
    with Site() as site:
        for path in ("/serve", "/call"):
            with WebSocket(site.address, path) as ws:
                ws.send(frame(TEXT, "close 4001 mine") + close_frame(4002))
                ws.expect_close(4001)


def check_client_closes():
    """The handler hears the code, the reason, and who it was."""
    with Site() as site:
        for path in ("/serve", "/call"):
            with WebSocket(site.address, path) as ws:
                ws.send(close_frame(3210, path[1:].encode()))
                ws.expect_close(3210)
            site.wait_log(f"ended code=3210 reason={path[1:]} peer=1 "
                          "clean=1 error=none")
            with WebSocket(site.address, path) as ws:
                ws.send(close_frame())
                ws.rest()
            site.wait_log("ended code=1005 reason= peer=1 clean=1")


def check_peer_that_does_not_answer():
    """It is cut at close_timeout, also when it goes on talking."""
    with Site() as site:
        for path in ("/serve", "/call"):
            with WebSocket(site.address, path) as silent, \
                    WebSocket(site.address, path) as talker:
                silent.send(frame(TEXT, "close 1000 x"))
                talker.send(frame(TEXT, "close 1000 x"))
                same(silent.take_frame().code(), 1000)
                same(talker.take_frame().code(), 1000)
                # until the end comes, and in between at its own pace
                poll = select.poll()
                poll.register(talker.sock, select.POLLIN)
                for _ in range(1000 * PATIENCE):
                    if poll.poll(10):
                        break
                    talker.try_send(frame(TEXT, "and another thing"))
                    talker.try_send(frame(PING))
                talker.expect_end()
                silent.expect_end()
            site.wait_log("clean=0")


def check_data_while_the_server_closes():
    """What the client still says is thrown away, its close frame is not."""
    with Site() as site:
        for path in ("/serve", "/call"):
            with WebSocket(site.address, path) as ws:
                ws.send(frame(TEXT, "close 1000 x") + frame(TEXT, "?") +
                        frame(PING, "?") + frame(PONG) + close_frame(1000))
                ws.expect_close(1000)


def check_abort():
    """No close frame: a reset."""
    with Site() as site:
        for path in ("/serve", "/call"):
            with WebSocket(site.address, path) as ws:
                ws.send(frame(TEXT, "abort"))
                try:
                    raise AssertionError(f"{ws.sock.recv(99)} for a reset")
                except ConnectionResetError:
                    pass


def check_sends_of_handlers():
    """Pings and fragments of a handler are in order with its messages."""
    with Site() as site:
        for path in ("/serve", "/call"):
            with WebSocket(site.address, path) as ws:
                ws.send(frame(TEXT, "ping abc") + frame(TEXT, "parts 3") +
                        frame(TEXT, "ping ") + frame(TEXT, "last"))
                same(ws.take_frame(), Frame(PING, b"abc"))
                same([ws.take_frame()[:3] for _ in range(3)],
                     [(1, b"part", False), (0, b"part", False),
                      (0, b"part", True)])
                same(ws.take_frame(), Frame(PING, b""))
                ws.expect_echo(TEXT, b"1 last")
                ws.send(frame(TEXT, "ping " + "x" * 126))
                ws.send(frame(TEXT, "next"))
                ws.expect_echo(TEXT, b"1 next")
                ws.say_goodbye()


def check_errors_reach_the_handler():
    with Site() as site:
        for path in ("/serve", "/call"):
            for data, code in ((frame(3), 1002), (frame(TEXT, b"\xff"), 1007),
                               (header(TEXT, 1 << 40), 1009)):
                breaks(site.address, data, code, path)
                site.wait_log(f"ended code={code}")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
