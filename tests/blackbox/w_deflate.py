#!/usr/bin/env python3
"""Compressed messages (RFC 7692) under all combinations of parameters: what is
offered, agreed on and obeyed, with messages of many sizes."""
import itertools
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from deflate_raw import DeflateSocket, offer  # noqa: E402
from site_under_test import FREE, Site, route  # noqa: E402
from waiting import SLOW, expect, run_checks, same  # noqa: E402
from websocket_raw import BINARY, PING, TEXT, frame  # noqa: E402

ROUTES = (
    route("/shared", websocket=FREE + 'compression = "shared";'),
    route("/takeover", websocket=FREE + 'compression = "takeover";'),
    route("/off", websocket=FREE),
)
SIZES = (16, 64, 256, 1024, 4096, 8192, 16384, 32768, 65536, 131072)
WORDS = [word.encode() for word in
         "shoal fish water net current tide wave \u00e9l\u00e8ve \u9c7c"
         .split()]
WINDOWS = (None, 8, 9, 10, 12, 15)


def text_of(size):
    """Text that is worth compressing, different for each size."""
    chosen, parts, left = random.Random(size), [], size
    while left > 0:
        word = chosen.choice(WORDS)[:left]
        try:
            word.decode()
        except UnicodeDecodeError:
            word = b"x" * len(word)
        parts.append(word + b" " if len(word) < left else word)
        left -= len(parts[-1])
    return b"".join(parts)


def offers():
    """All combinations of the four parameters."""
    for server_no, client_no, server_bits, client_bits in itertools.product(
            (None, True), (None, True), WINDOWS, (*WINDOWS, True)):
        yield dict(server_no_context_takeover=server_no,
                   client_no_context_takeover=client_no,
                   server_max_window_bits=server_bits,
                   client_max_window_bits=client_bits)


def judge(offered, agreed):
    """An agreement may not go beyond the offer: RFC 7692, 7.1."""
    if offered["server_no_context_takeover"]:
        expect("server_no_context_takeover" in agreed, offered, agreed)
    bits = offered["server_max_window_bits"]
    if bits is not None:
        expect(agreed.get("server_max_window_bits", 99) <= bits, offered,
               agreed)
    bits = offered["client_max_window_bits"]
    if bits is None:
        expect("client_max_window_bits" not in agreed, offered, agreed)
    elif bits is not True:
        expect(agreed.get("client_max_window_bits", 15) <= bits or
               "client_max_window_bits" not in agreed, offered, agreed)


def check_all_parameters():
    """Text and binary, several messages each, so that windows are used."""
    sizes = SIZES if SLOW else (16, 1024, 40000)
    count = refused = 0
    with Site(*ROUTES) as site:
        for path in ("/shared", "/takeover"):
            for offered in offers():
                with DeflateSocket(site.address, path,
                                   offer(**offered)) as ws:
                    count += 1
                    if ws.agreed is None:
                        # only what zlib has not may be refused
                        same(offered["server_max_window_bits"], 8)
                        refused += 1
                        ws.echo(TEXT, b"plain")
                        continue
                    judge(offered, ws.agreed)
                    for size in sizes:
                        text = text_of(size)
                        ws.echo_packed(TEXT, text)
                        ws.echo_packed(BINARY, text)
                        ws.echo_packed(TEXT, text, 1 + len(text) // 50)
                    expect(ws.saw_compressed > 0, "nothing is compressed",
                           offered)
    print(f"     {count} combinations, {refused} of them refused")


def check_sizes():
    """All sizes, in frames of several sizes, at all levels."""
    with Site(*ROUTES) as site:
        for path in ("/shared", "/takeover"):
            for level in (0, 1, 9):
                with DeflateSocket(site.address, path, offer(
                        client_max_window_bits=True), level=level) as ws:
                    for size in (0, 1, 125, 126, 127, *SIZES, 1 << 20):
                        for piece in (None, 256, 997, 32768):
                            ws.echo_packed(TEXT, text_of(size), piece)
                        ws.echo_packed(BINARY,
                                       random.Random(size).randbytes(size))
                    if path == "/takeover":
                        ws.say_goodbye()


def check_many_messages():
    """A thousand of each size up to 1 KiB; compressed and plain in turn."""
    number = 1000 if SLOW else 100
    with Site(*ROUTES) as site:
        for path in ("/shared", "/takeover"):
            with DeflateSocket(site.address, path, offer()) as ws:
                for size in (16, 64, 256, 1024):
                    for i in range(number):
                        data = b"%d " % i + text_of(size)
                        ws.echo_packed(TEXT, data)
                        if i % 10 == 0:
                            ws.send(frame(TEXT, data))
                            same(ws.take_packed(), (TEXT, data))
                        if i % 50 == 0:
                            ws.ping(b"never compressed" * 4)


def check_many_connections():
    """Those that share a compressor do not see each other's text."""
    with Site(*ROUTES, workers=2) as site:
        many = [DeflateSocket(site.address, path, offer())
                for path in ("/shared", "/takeover") * 20]
        for turn in range(10):
            for i, ws in enumerate(many):
                ws.send_packed(TEXT, b"%d of %d " % (turn, i) * 100)
            for i, ws in enumerate(many):
                same(ws.take_packed(), (TEXT, b"%d of %d " % (turn, i) * 100))
        for ws in many:
            ws.sock.close()


def check_takeover_pays():
    """A window that is kept makes the same message shorter. The server's has
    4 KiB, and zlib does not reach back quite so far."""
    with Site(*ROUTES) as site:
        with DeflateSocket(site.address, "/takeover", offer()) as ws:
            same(ws.agreed.get("server_no_context_takeover"), None)
            data, sizes = random.Random(1).randbytes(1500).hex().encode(), []
            for _ in range(2):
                ws.send_packed(TEXT, data)
                seen = ws.take_frame()
                sizes.append(len(seen.data))
                same(ws.unpack(seen.data), data)
            expect(sizes[1] * 4 < sizes[0], sizes)


def check_off():
    """A route that does not say so agrees to nothing, and RSV1 is wrong."""
    with Site(*ROUTES) as site:
        with DeflateSocket(site.address, "/off", offer()) as ws:
            same(ws.agreed, None)
            ws.send(frame(TEXT, "x", rsv=4))
            ws.expect_close(1002)


def check_rsv1_where_it_may_not_be():
    with Site(*ROUTES) as site:
        for path in ("/shared", "/takeover"):
            for data in (frame(PING, "x", rsv=4), frame(8, rsv=4),
                         frame(TEXT, "x", rsv=2), frame(TEXT, "x", rsv=1),
                         frame(TEXT, "x", rsv=6), frame(TEXT, "x", rsv=7),
                         frame(TEXT, "x", fin=False) +
                         frame(0, "x", rsv=4)):
                with DeflateSocket(site.address, path, offer()) as ws:
                    ws.send(data)
                    ws.expect_close(1002)


def check_bad_data():
    """What cannot be unpacked, is no text, or is too much of it."""
    small = 'message_size = "64k"; compression = true;'
    with Site(route("/small", websocket=small)) as site:
        for name, data, code in (
                ("no blocks", b"\xff" * 20, (1002, 1007)),
                ("a reserved block", b"\x06", (1002, 1007)),
                ("not UTF-8", None, (1007,)),
                ("a bomb", b"", (1009,))):
            with DeflateSocket(site.address, "/small", offer()) as ws:
                if name == "not UTF-8":
                    data = ws.pack(b"good \xff")
                if name == "a bomb":
                    data = ws.pack(bytes(10 << 20))
                    expect(len(data) < 65536, len(data))
                ws.try_send(frame(TEXT, data, rsv=4))
                expect(ws.take_frame().code() in code, name)
                ws.expect_end()
        with DeflateSocket(site.address, "/small", offer()) as ws:
            ws.echo_packed(BINARY, bytes(65536))


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
