#!/usr/bin/env python3
"""Text is UTF-8 (RFC 6455, section 8.1; RFC 3629): the boundaries of all
lengths, what Markus Kuhn's stress test tells apart, and that a text which can
not become right any more is refused at the byte that tells."""
import codecs
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from site_under_test import Site  # noqa: E402
from waiting import expect, run_checks, same  # noqa: E402
from websocket_raw import (BINARY, CONTINUATION, TEXT,  # noqa: E402
                           WebSocket, breaks, fragments, frame, header,
                           masked, MASK)


def hexed(text):
    return bytes.fromhex(text)


def raw(code, length):
    """A code in so many bytes, whether that is allowed or not."""
    lead = {2: 0xc0, 3: 0xe0, 4: 0xf0, 5: 0xf8, 6: 0xfc}[length]
    data = [lead | code >> 6 * (length - 1)]
    for i in reversed(range(length - 1)):
        data.append(0x80 | code >> 6 * i & 0x3f)
    return bytes(data)


def truncated(length, code):
    return raw(code, length)[:-1]


# the last and first codes of each length
LAST = {2: 0x7ff, 3: 0xffff, 4: 0x1fffff, 5: 0x3ffffff, 6: 0x7fffffff}
FIRST = {2: 0x80, 3: 0x800, 4: 0x10000, 5: 0x200000, 6: 0x4000000}

GOOD = (
    ("1 Greek", "\u03ba\u1f79\u03c3\u03bc\u03b5".encode()),
    ("2.1.1 first of one byte", b"\0"),
    ("2.1.2 first of two bytes", raw(FIRST[2], 2)),
    ("2.1.3 first of three bytes", raw(FIRST[3], 3)),
    ("2.1.4 first of four bytes", raw(FIRST[4], 4)),
    ("2.2.1 last of one byte", b"\x7f"),
    ("2.2.2 last of two bytes", raw(LAST[2], 2)),
    ("2.2.3 last of three bytes", raw(LAST[3], 3)),
    ("2.3.1 before the surrogates", raw(0xd7ff, 3)),
    ("2.3.2 behind the surrogates", raw(0xe000, 3)),
    ("2.3.3 replacement", raw(0xfffd, 3)),
    ("2.3.4 the last of all", raw(0x10ffff, 4)),
    *((f"5.3 no character U+{plane:X}FFF{last:X}",
       chr(plane << 16 | 0xfff0 | last).encode())
      for plane in range(17) for last in (0xe, 0xf)),
    *((f"5.3.3 no character U+{code:X}", chr(code).encode())
      for code in range(0xfdd0, 0xfdf0)),
    ("byte order mark", b"\xef\xbb\xbftext"),
    ("all of ASCII", bytes(range(128))),
    ("each length", "a\u00e9\u20ac\U0001f41f".encode() * 10),
    ("first and last of each leading byte", b"".join(
        chr(code).encode() for lead in range(0x80, 0x110000, 0x40)
        for code in (lead, lead + 0x3f) if not 0xd800 <= code < 0xe000)),
)

SURROGATES = (0xd800, 0xdb7f, 0xdb80, 0xdbff, 0xdc00, 0xdf80, 0xdfff)
PAIRS = ((0xd800, 0xdc00), (0xd800, 0xdfff), (0xdb7f, 0xdc00),
         (0xdb7f, 0xdfff), (0xdb80, 0xdc00), (0xdb80, 0xdfff),
         (0xdbff, 0xdc00), (0xdbff, 0xdfff))
CUT = [truncated(n, 0) for n in range(2, 7)] + \
      [truncated(n, LAST[n]) for n in range(2, 7)]

BAD = (
    ("2.1.5 first of five bytes", raw(FIRST[5], 5)),
    ("2.1.6 first of six bytes", raw(FIRST[6], 6)),
    ("2.2.4 last of four bytes", raw(LAST[4], 4)),
    ("2.2.5 last of five bytes", raw(LAST[5], 5)),
    ("2.2.6 last of six bytes", raw(LAST[6], 6)),
    ("2.3.5 behind the last of all", raw(0x110000, 4)),
    ("3.1.1 first continuation byte", b"\x80"),
    ("3.1.2 last continuation byte", b"\xbf"),
    *((f"3.1 {n} continuation bytes", (b"\x80\xbf" * 4)[:n])
      for n in range(2, 8)),
    ("3.1.9 all continuation bytes", bytes(range(0x80, 0xc0))),
    *((f"3.2 lonely {lead:x} before a space", bytes([lead, 0x20]))
      for lead in range(0xc0, 0xfe)),
    *((f"3.2 lonely {lead:x} at the end", bytes([lead]))
      for lead in range(0xc0, 0xfe)),
    *((f"3.3 last byte missing of {cut.hex()}", cut) for cut in CUT),
    *((f"3.3 something else instead in {cut.hex()}", cut + b"a")
      for cut in CUT),
    ("3.4 cut ones in a row", b"".join(CUT)),
    ("3.5.1 fe", b"\xfe"),
    ("3.5.2 ff", b"\xff"),
    ("3.5.3 fe fe ff ff", b"\xfe\xfe\xff\xff"),
    *((f"4.1 slash in {n} bytes", raw(0x2f, n)) for n in range(2, 7)),
    *((f"4.2 one too long, {n} bytes", raw((0x7f, 0x7ff, 0xffff, 0x1fffff,
                                           0x3ffffff)[n - 2], n))
      for n in range(2, 7)),
    *((f"4.3 NUL in {n} bytes", raw(0, n)) for n in range(2, 7)),
    *((f"5.1 surrogate {code:x}", raw(code, 3)) for code in SURROGATES),
    *((f"5.2 pair {a:x} {b:x}", raw(a, 3) + raw(b, 3)) for a, b in PAIRS),
    ("behind good text", "\u03ba\u1f79\u03c3\u03bc\u03b5".encode() +
     hexed("eda080") + b"edited"),
    ("beyond all planes, behind good text",
     "\u03ba\u1f79\u03c3\u03bc\u03b5".encode() + hexed("f4908080") +
     b"edited"),
    ("at the end of much good text", "\u20ac".encode() * 3000 + b"\xff"),
    ("in the middle of much good text",
     b"a" * 4096 + b"\xc0" + b"a" * 4096),
)


def telling_byte(data):
    """How many bytes it takes to know that it is wrong; None when only its
    end tells. Python's decoder complains as soon as it can, but for the
    surrogates."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    for n in range(len(data)):
        if n > 0 and data[n - 1] == 0xed and 0xa0 <= data[n] <= 0xbf:
            return n + 1
        try:
            decoder.decode(data[n:n + 1])
        except UnicodeDecodeError:
            return n + 1
    return None


def is_valid(data):
    try:
        data.decode()
        return True
    except UnicodeDecodeError:
        return False


def check_table():
    """The table is what it says it is."""
    for name, data in GOOD:
        expect(is_valid(data), name)
        same(telling_byte(data), None, name)
    for name, data in BAD:
        expect(not is_valid(data), name)
    same([telling_byte(hexed(text)) for text in (
        "80", "c0", "c1af", "c2", "c220", "e0", "e080", "e09f", "e0a0",
        "eda0", "ed9f", "f08f", "f0908f20", "f48f", "f490", "f5", "61ff")],
         [1, 1, 1, None, 2, None, 2, 2, None, 2, None, 2, 4, None, 2, 1, 2])


def check_good():
    """Whole, and cut at every place; as a control, it is echoed."""
    count = 0
    with Site() as site, WebSocket(site.address, "/free") as ws:
        for _, data in GOOD:
            ws.echo(TEXT, data)
            ws.send(fragments(TEXT, data, 1))
            ws.expect_echo(TEXT, data)
            for at in range(min(len(data) + 1, 64)):
                ws.send(frame(TEXT, data[:at], fin=False) +
                        frame(CONTINUATION, data[at:]))
                ws.expect_echo(TEXT, data)
                count += 1
            count += 2
        ws.say_goodbye()
    print(f"     {count} cases")


def check_bad():
    """Whole, as fragments of one byte, and behind a good message."""
    with Site() as site:
        for name, data in BAD:
            breaks(site.address, frame(TEXT, data), 1007, "/calm", name)
            breaks(site.address, fragments(TEXT, data, 1), 1007, "/free",
                   name)
            with WebSocket(site.address, "/calm") as ws:
                ws.send(frame(TEXT, "good") + frame(TEXT, data) +
                        frame(TEXT, "ignored"))
                ws.expect_echo(TEXT, b"good")
                ws.expect_close(1007, name)
            # as binary it is nobody's business
        with WebSocket(site.address, "/calm") as ws:
            for name, data in BAD:
                ws.echo(BINARY, data)
    print(f"     {4 * len(BAD)} cases")


def check_fails_inside_of_a_frame():
    """The byte that tells is the last one that is sent; a thousand more were
    announced."""
    count = 0
    with Site() as site:
        for name, data in BAD:
            n = telling_byte(data)
            if n is None:
                continue
            for lead in (b"", b"good \xe2\x82\xac "):
                part = lead + data[:n]
                with WebSocket(site.address, "/calm") as ws:
                    ws.send(header(TEXT, len(part) + 1000) +
                            masked(part, MASK))
                    ws.expect_close(1007, name)
                count += 1
    print(f"     {count} cases")


def check_fails_in_a_later_fragment():
    """Not before the byte that tells, and at once with it."""
    count = 0
    with Site() as site:
        for name, data in BAD:
            n = telling_byte(data)
            if len(data) > 100:
                continue
            hopeful = data if n is None else data[:n - 1]
            with WebSocket(site.address, "/free") as ws:
                ws.send(frame(TEXT, hopeful, fin=False))
                ws.ping()
                if n is None:
                    ws.send(frame(CONTINUATION, b""))
                else:
                    ws.send(header(CONTINUATION, 500, fin=False) +
                            masked(data[n - 1:n], MASK))
                ws.expect_close(1007, name)
            count += 1
    print(f"     {count} cases")


def check_every_place_in_a_character():
    """A character is cut in all ways: between frames, and between reads."""
    with Site() as site, WebSocket(site.address, "/free") as ws:
        for text in ("\u00e9", "\u20ac", "\U0001f41f", "\U0010ffff",
                     "\ud7ff", "\ue000"):
            data = text.encode()
            for cuts in range(1 << (len(data) - 1)):
                parts, begin = [], 0
                for i in range(1, len(data)):
                    if cuts >> (i - 1) & 1:
                        parts.append(data[begin:i])
                        begin = i
                parts.append(data[begin:])
                ws.send(b"".join(
                    frame(TEXT if i == 0 else CONTINUATION, part,
                          fin=i == len(parts) - 1)
                    for i, part in enumerate(parts)))
                ws.expect_echo(TEXT, data)
            ws.trickle(frame(TEXT, data))
            ws.expect_echo(TEXT, data)


def check_control_frames_are_no_text():
    """A ping amid a character does not end it."""
    with Site() as site, WebSocket(site.address, "/free") as ws:
        ws.send(frame(TEXT, b"\xf0\x9f", fin=False))
        ws.ping(b"\xff\xfe")
        ws.send(frame(CONTINUATION, b"\x90\x9f"))
        ws.expect_echo(TEXT, "\U0001f41f".encode())


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
