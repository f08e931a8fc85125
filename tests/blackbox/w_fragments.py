#!/usr/bin/env python3
"""Messages in fragments: RFC 6455, section 5.4."""
import itertools
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from site_under_test import Site, route  # noqa: E402
from waiting import SLOW, expect, run_checks, same  # noqa: E402
from websocket_raw import (BINARY, CONTINUATION, PING, PONG, TEXT,  # noqa: E402
                           WebSocket, breaks, close_frame, fragments, frame)

# one letter a frame: T t text, B b binary, C c continuation, capitals with FIN
LETTERS = {"T": (TEXT, True), "t": (TEXT, False), "B": (BINARY, True),
           "b": (BINARY, False), "C": (CONTINUATION, True),
           "c": (CONTINUATION, False)}


def spell(word, data=b"x"):
    return b"".join(frame(LETTERS[letter][0], data, fin=LETTERS[letter][1])
                    for letter in word)


def read_word(word):
    """What RFC 6455 makes of it: messages (opcode, frames), and whether all
    of it is legal."""
    messages, opened, count = [], None, 0
    for letter in word:
        opcode, fin = LETTERS[letter]
        if (opcode == CONTINUATION) != (opened is not None):
            return messages, False
        opened = opened if opcode == CONTINUATION else opcode
        count += 1
        if fin:
            messages.append((opened, count))
            opened, count = None, 0
    return messages, True


def check_all_sequences():
    """All sequences of up to four data frames, with and without payload."""
    count = 0
    with Site() as site:
        for length in range(1, 5 if SLOW else 4):
            for letters in itertools.product(LETTERS, repeat=length):
                word, data = "".join(letters), b"xy"[:count % 3]
                messages, legal = read_word(word)
                with WebSocket(site.address, "/calm") as ws:
                    ws.try_send(spell(word, data))
                    for opcode, frames in messages:
                        ws.expect_echo(opcode, data * frames)
                    if legal:
                        ws.ping()
                    else:
                        ws.expect_close(1002, word)
                count += 1
    print(f"     {count} cases")


def check_first_and_last():
    """In two frames, at every place."""
    data = "h\u00e9ll\u00f6 \u20ac \U0001f41f".encode()
    with Site() as site, WebSocket(site.address, "/free") as ws:
        for at in range(len(data) + 1):
            for opcode in (TEXT, BINARY):
                ws.send(frame(opcode, data[:at], fin=False) +
                        frame(CONTINUATION, data[at:]))
                ws.expect_echo(opcode, data)
                # with a wait between them
                ws.send(frame(opcode, data[:at], fin=False))
                ws.ping()
                ws.send(frame(CONTINUATION, data[at:]))
                ws.expect_echo(opcode, data)
        # in frames of every size
        for size in range(1, len(data) + 2):
            ws.send(fragments(TEXT, data, size))
            ws.expect_echo(TEXT, data)


def check_empty_fragments():
    with Site() as site, WebSocket(site.address, "/free") as ws:
        for data in (b"", b"x"):
            for word in ("tC", "tcC", "bcccccC"):
                opcode = TEXT if word[0] == "t" else BINARY
                frames = [spell(letter, b"") for letter in word]
                frames[1] = spell(word[1], data)
                ws.send(b"".join(frames))
                ws.expect_echo(opcode, data)


def check_control_frames_between():
    """They are answered at once, and the message goes on."""
    with Site() as site, WebSocket(site.address, "/free") as ws:
        ws.send(frame(TEXT, "a", fin=False) + frame(PING, b"1"))
        ws.expect_pong(b"1")
        ws.send(frame(PING, b"2") + frame(PING) + frame(PONG, b"?") +
                frame(CONTINUATION, "b", fin=False))
        ws.expect_pong(b"2")
        ws.expect_pong(b"")
        ws.send(frame(PONG) + frame(CONTINUATION, "c") + frame(PING, b"3"))
        ws.expect_echo(TEXT, b"abc")
        ws.expect_pong(b"3")
        for i in range(100):
            ws.send(frame(BINARY if i == 0 else CONTINUATION, b"%d" % i,
                          fin=i == 99))
            if i < 99:
                ws.ping(b"%d" % i)
        ws.expect_echo(BINARY, b"".join(b"%d" % i for i in range(100)))
        ws.say_goodbye()


def check_close_between():
    """A close frame inside of a message is a close frame."""
    with Site() as site:
        for data in (b"", b"half"):
            with WebSocket(site.address, "/calm") as ws:
                ws.send(frame(TEXT, data, fin=False) + close_frame(1000) +
                        frame(CONTINUATION, "?"))
                ws.expect_close(1000)
        with WebSocket(site.address, "/calm") as ws:
            # not even a character is whole
            ws.send(frame(TEXT, b"\xe2\x82", fin=False) + close_frame(1001))
            ws.expect_close(1001)


def check_rest_of_a_refused_message():
    """What follows a broken rule is not looked at."""
    with Site() as site:
        for bad in (spell("C"), spell("tT"), spell("tB"), spell("bb")):
            breaks(site.address, bad + frame(TEXT, "?") + frame(PING) +
                   close_frame(1000), 1002, "/calm")


def check_many_fragments():
    """65,537 of them, when they are not limited; as many as allowed."""
    with Site() as site:
        with WebSocket(site.address, "/free") as ws:
            data = (b"0123456789abcdef" * 4097)[:65537]
            ws.send(fragments(TEXT, data, 1))
            ws.expect_echo(TEXT, data)
            ws.send(frame(BINARY, fin=False) +
                    frame(CONTINUATION, fin=False) * 65535 +
                    frame(CONTINUATION, b"end"))
            ws.expect_echo(BINARY, b"end")
        with WebSocket(site.address) as ws:
            ws.send(fragments(TEXT, b"x" * 1024, 1))
            ws.expect_echo(TEXT, b"x" * 1024)
            ws.try_send(fragments(TEXT, b"x" * 1025, 1))
            seen = ws.take_frame()
            expect(seen.code() in (1008, 1009), seen)
            ws.expect_end()


def check_limit():
    few = 'fragments = 3; control_rate = "off";'
    with Site(route("/few", websocket=few)) as site:
        for word, good in (("tcC", True), ("tC", True), ("T", True),
                           ("tccC", False), ("bccc", False)):
            with WebSocket(site.address, "/few") as ws:
                ws.send(spell(word))
                if good:
                    ws.expect_echo(TEXT, b"x" * len(word))
                    ws.send(spell(word))     # counts begin anew
                    ws.expect_echo(TEXT, b"x" * len(word))
                else:
                    expect(ws.take_frame().code() in (1008, 1009))
                    ws.expect_end()


def check_large():
    with Site() as site, WebSocket(site.address, "/free") as ws:
        for opcode in (TEXT, BINARY):
            for size, piece in ((65536, 1), (65536, 997), (1 << 20, 4096),
                                (1 << 20, 65535), (4 << 20, 65536),
                                (16 << 20, 4096)):
                data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
                ws.send(fragments(opcode, data, piece))
                ws.expect_echo(opcode, data)
        same(ws.buffer, b"")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
