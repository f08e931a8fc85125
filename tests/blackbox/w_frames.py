#!/usr/bin/env python3
"""Frames of RFC 6455, section 5: forms and sizes, reserved bits and opcodes,
masks, pings and pongs, limits; what breaks a rule ends with its close code."""
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from http_raw import wait_read  # noqa: E402
from site_under_test import Site, route  # noqa: E402
from waiting import SLOW, expect, run_checks, same  # noqa: E402
from websocket_raw import (BINARY, CLOSE, CONTINUATION, MASK,  # noqa: E402
                           PING, PONG, TEXT, WebSocket, breaks, close_frame,
                           frame, header)

SIZES = (0, 1, 2, 124, 125, 126, 127, 128, 253, 254, 4095, 4096, 4097, 65534,
         65535, 65536, 65537, 1 << 20)
LARGE = 16 << 20
CHOPS = (1, 2, 3, 5, 7, 64, 997)


def text_of(size):
    """Text with characters of all lengths, so many bytes."""
    piece = "a\u00e9\u20ac\U0001f41f".encode()
    return piece * (size // 10) + b"x" * (size % 10)


def bytes_of(size):
    return random.Random(size).randbytes(size)


def both(size):
    return (TEXT, text_of(size)), (BINARY, bytes_of(size))


def expect_served(site):
    """Nothing that was done has harmed the server."""
    with WebSocket(site.address) as ws:
        ws.echo(TEXT, b"alive")
    same(site.counter("worker_crashes"), 0)


def check_sizes():
    with Site() as site, WebSocket(site.address, "/free") as ws:
        for size in SIZES:
            for opcode, data in both(size):
                ws.echo(opcode, data)
        for opcode, data in both(LARGE):
            ws.echo(opcode, data)
        ws.say_goodbye()
    print(f"     {2 * len(SIZES) + 2} cases")


def check_chops():
    """Whatever the portions are in which they come."""
    sizes = [size for size in SIZES if SLOW or size <= 65536]
    count = 0
    with Site() as site, WebSocket(site.address, "/free") as ws:
        for size in sizes:
            for opcode, data in both(size):
                whole = frame(opcode, data)
                for chop in CHOPS:
                    if size > 4097 and chop < 64:
                        continue
                    for i in range(0, len(whole), chop):
                        ws.send(whole[i:i + chop])
                    ws.expect_echo(opcode, data)
                    count += 1
    print(f"     {count} cases")


def check_byte_by_byte():
    """Each byte has been read before the next one is sent."""
    with Site() as site, WebSocket(site.address, "/free") as ws:
        for size in range(0, 127, 1 if SLOW else 9):
            for opcode, data in both(size):
                ws.trickle(frame(opcode, data))
                ws.expect_echo(opcode, data)
        for data in (b"", b"x", b"y" * 125):
            ws.trickle(frame(PING, data))
            ws.expect_pong(data)
        ws.trickle(close_frame(1000, b"reason"))
        ws.expect_close(1000)


def check_every_split():
    """The same comes of a sequence of frames wherever it is cut in two."""
    data = (frame(TEXT, "a\u20ac") + frame(PING, b"p") +
            frame(TEXT, "h", fin=False) + frame(PING) +
            frame(CONTINUATION, b"\xc3", fin=False) +
            frame(CONTINUATION, b"\xa9") + frame(BINARY, bytes(130)) +
            frame(BINARY) + frame(TEXT, "end") + close_frame(3000, b"bye"))
    with Site() as site:
        with WebSocket(site.address, "/free") as ws:
            ws.send(data)
            wanted = ws.rest()
        same(wanted, frame(TEXT, "a\u20ac", mask=None) +
             frame(PONG, b"p", mask=None) + frame(PONG, mask=None) +
             frame(TEXT, "h\u00e9", mask=None) +
             frame(BINARY, bytes(130), mask=None) + frame(BINARY, mask=None) +
             frame(TEXT, "end", mask=None) +
             close_frame(3000, wanted[-3:] if wanted.endswith(b"bye") else
                         b"", mask=None))
        for at in range(1, len(data)):
            with WebSocket(site.address, "/free") as ws:
                ws.send(data[:at])
                wait_read(ws.sock)
                ws.send(data[at:])
                same(ws.rest(), wanted, "cut at", at)
        with WebSocket(site.address, "/free") as ws:
            for i in range(len(data)):
                ws.try_send(data[i:i + 1])
            same(ws.rest(), wanted, "byte by byte")
    print(f"     {len(data)} cases")


def check_masks():
    """Every mask is taken off, the one of zeros too."""
    with Site() as site, WebSocket(site.address, "/free") as ws:
        for mask in (bytes(4), b"\xff" * 4, b"\1\0\0\0", b"\0\0\0\1", MASK):
            for size in (0, 1, 3, 4, 5, 7, 8, 9, 125, 126, 1000, 65536):
                data = bytes_of(size)
                ws.send(frame(BINARY, data, mask=mask))
                ws.expect_echo(BINARY, data)


def check_unmasked():
    with Site() as site:
        for opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
            breaks(site.address, frame(opcode, b"", mask=None), 1002)
            breaks(site.address, frame(opcode, b"\x03\xe8hello", mask=None),
                   1002)
        # the first two bytes are enough to know
        breaks(site.address, b"\x81\x05", 1002)
        breaks(site.address, b"\x82\x7f", 1002)
        # a good frame before it is answered
        with WebSocket(site.address, "/calm") as ws:
            ws.send(frame(TEXT, "good") + frame(TEXT, "bad", mask=None) +
                    frame(TEXT, "ignored"))
            ws.expect_echo(TEXT, b"good")
            ws.expect_close(1002)
        expect_served(site)


def check_reserved_bits():
    """Each, and all together, with every opcode."""
    count = 0
    with Site() as site:
        for rsv in range(1, 8):
            for opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG):
                for data in (b"", b"\x03\xe8hello"):
                    breaks(site.address, frame(opcode, data, rsv=rsv), 1002,
                           "/calm")
                    count += 1
            with WebSocket(site.address, "/calm") as ws:
                ws.send(frame(TEXT, "good") + frame(TEXT, "x", rsv=rsv) +
                        frame(PING))
                ws.expect_echo(TEXT, b"good")
                ws.expect_close(1002)
            # in a later fragment
            breaks(site.address, frame(TEXT, "x", fin=False) +
                   frame(CONTINUATION, "y", rsv=rsv), 1002)
            count += 2
        expect_served(site)
    print(f"     {count} cases")


def check_reserved_opcodes():
    count = 0
    with Site() as site:
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            for data in (b"", b"hello", b"x" * 126):
                for fin in (True, False):
                    breaks(site.address, frame(opcode, data, fin=fin), 1002,
                           "/calm")
                    count += 1
            with WebSocket(site.address, "/calm") as ws:
                ws.send(frame(TEXT, "good") + frame(opcode, b"x") +
                        frame(PING))
                ws.expect_echo(TEXT, b"good")
                ws.expect_close(1002)
            breaks(site.address, frame(TEXT, "x", fin=False) +
                   frame(opcode, "y"), 1002)
            # the first byte is enough to know
            breaks(site.address, bytes([0x80 | opcode]), 1002)
            count += 3
        expect_served(site)
    print(f"     {count} cases")


def check_control_frames():
    """At most 125 bytes, and whole."""
    with Site() as site:
        for opcode in (CLOSE, PING, PONG):
            for size in (126, 127, 65535, 65536, 1 << 62):
                breaks(site.address, header(opcode, size), 1002)
            breaks(site.address, frame(opcode, b"x" * 126), 1002)
            breaks(site.address, frame(opcode, b"", fin=False), 1002)
            breaks(site.address, frame(opcode, b"\x03\xe8", fin=False) +
                   frame(CONTINUATION, b"x"), 1002)
            # in a longer form of the length than it takes
            breaks(site.address, header(opcode, 5, width=2), 1002)
            breaks(site.address, header(opcode, 5, width=8), 1002)
        expect_served(site)
    print(f"     {3 * 10} cases")


def check_lengths():
    """Lengths that no message can have, and longer forms than needed, which
    are taken for what they say or refused."""
    with Site() as site:
        for size in (1 << 63, (1 << 64) - 1, 1 << 63 | 5):
            for opcode in (TEXT, BINARY):
                breaks(site.address, header(opcode, size, width=8), 1002)
                breaks(site.address, header(opcode, size, width=8)[:3], 1002)
        for size, width in ((0, 2), (5, 2), (125, 2), (0, 8), (126, 8),
                            (65535, 8)):
            with WebSocket(site.address, "/calm") as ws:
                data = b"x" * size
                ws.send(frame(TEXT, data, width=width))
                first = ws.take_frame()
                if first.opcode == TEXT:
                    same(first.data, data, width)
                else:
                    same(first.code(), 1002)
        expect_served(site)


def check_message_size():
    """The limit itself is allowed; one byte more is known by the header."""
    limit = 'message_size = "1k"; control_rate = "off";'
    with Site(route("/small", websocket=limit), route("/echo")) as site:
        with WebSocket(site.address, "/small") as ws:
            ws.echo(BINARY, bytes(1024))
            ws.send(frame(BINARY, bytes(1000), fin=False))
            ws.ping()
            ws.send(frame(CONTINUATION, bytes(24)))
            ws.expect_echo(BINARY, bytes(1024))
        for size in (1025, 65536, (1 << 63) - 1):
            breaks(site.address, header(BINARY, size), 1009, "/small")
        breaks(site.address, frame(BINARY, bytes(1025)), 1009, "/small")
        breaks(site.address, frame(BINARY, bytes(1024), fin=False) +
               header(CONTINUATION, 1), 1009, "/small")
        breaks(site.address, frame(TEXT, bytes(1000), fin=False) +
               frame(CONTINUATION, bytes(25), fin=False), 1009, "/small")
        # 1 MiB when nothing is said
        with WebSocket(site.address) as ws:
            ws.echo(BINARY, bytes(1 << 20))
        breaks(site.address, header(BINARY, (1 << 20) + 1), 1009)
        expect_served(site)


def check_pings():
    """Each gets its own bytes back, in order; empty ones too."""
    with Site() as site, WebSocket(site.address, "/free") as ws:
        for size in range(126):
            ws.ping(bytes_of(size))
        ws.ping(b"\xff\xfe\0\xc0")       # need not be text
        ws.send(b"".join(frame(PING, b"ping %d" % i) for i in range(10)))
        for i in range(10):
            ws.expect_pong(b"ping %d" % i)
        # amid data, in order
        ws.send(frame(TEXT, "a") + frame(PING, b"1") + frame(TEXT, "b") +
                frame(PING, b"2"))
        ws.expect_echo(TEXT, b"a")
        ws.expect_pong(b"1")
        ws.expect_echo(TEXT, b"b")
        ws.expect_pong(b"2")
        ws.say_goodbye()


def check_pongs():
    """Those that nobody asked for are taken in silence."""
    with Site() as site, WebSocket(site.address, "/free") as ws:
        ws.send(frame(PONG) + frame(PONG, b"x" * 125) + frame(PONG, b"\xff"))
        ws.ping(b"first")
        ws.send(frame(PONG, b"x") + frame(TEXT, "a") + frame(PONG) +
                frame(TEXT, "b"))
        ws.expect_echo(TEXT, b"a")
        ws.expect_echo(TEXT, b"b")
        ws.send(frame(PING, b"second") + frame(PONG, b"second"))
        ws.expect_pong(b"second")
        ws.say_goodbye()


def check_flood():
    """More control frames than control_rate end it; data does not."""
    with Site() as site:
        with WebSocket(site.address) as ws:
            ws.send(b"".join(frame(TEXT, f"{i}") for i in range(2000)))
            for i in range(2000):
                ws.expect_echo(TEXT, b"%d" % i)
        for opcode in (PING, PONG):
            with WebSocket(site.address) as ws:
                ws.try_send(b"".join(frame(opcode, b"%d" % i)
                                     for i in range(500)))
                pongs = 0
                while (seen := ws.take_frame()).opcode == PONG:
                    same(seen.data, b"%d" % pongs)
                    pongs += 1
                same(seen.code(), 1008)
                expect(pongs <= 20 if opcode == PING else pongs == 0, pongs)
                ws.expect_end()
        with WebSocket(site.address, "/free") as ws:
            for i in range(2000):
                ws.send(frame(PING, b"%d" % i))
            for i in range(2000):
                ws.expect_pong(b"%d" % i)
        expect_served(site)


def check_dead_peer():
    """Who does not answer a ping is cut; who does, stays."""
    quick = 'ping = "100ms"; pong_timeout = "200ms";'
    with Site(route("/quick", websocket=quick), route("/echo")) as site:
        with WebSocket(site.address, "/quick") as ws, \
                WebSocket(site.address, "/quick") as silent:
            for _ in range(5):
                seen = ws.take_frame()
                same(seen.opcode, PING)
                ws.send(frame(PONG, seen.data))
            ws.send(frame(TEXT, "here"))
            while (seen := ws.take_frame()).opcode == PING:
                ws.send(frame(PONG, seen.data))
            same(seen.data, b"here")
            same(silent.take_frame().opcode, PING)
            # the end, with or without a close frame
            last = silent.take_frame()
            expect(last is None or last.opcode == CLOSE, last)
            same(silent.rest(), b"")


def check_junk():
    """255 bytes of anything: the connection ends, the server does not."""
    with Site() as site:
        for seed in range(64):
            junk = random.Random(seed).randbytes(255)
            with WebSocket(site.address, "/echo") as ws:
                ws.try_send(junk)
                try:
                    ws.sock.shutdown(1)
                except OSError:
                    pass
                ws.rest()
        expect_served(site)


def check_many_in_one_segment():
    """A thousand messages in one write come back in order."""
    with Site() as site, WebSocket(site.address, "/free") as ws:
        data = [struct.pack("!I", i) * (i % 50) for i in range(1000)]
        ws.send(b"".join(frame(BINARY, item) for item in data))
        for item in data:
            ws.expect_echo(BINARY, item)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
