"""WebSocket as a strict client on a raw socket sees it: what a test sends goes
out as it is, right or wrong, and a frame of the server that breaks RFC 6455 is
a failure.
"""
import base64
import hashlib
import random
import struct
from typing import NamedTuple

from clients import SECONDS
from http_raw import Connection, wait_read
from waiting import expect, same

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
UPGRADE = ("Upgrade: websocket", "Connection: Upgrade",
           f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13")
MASK = b"\x37\xfa\x21\x3d"


def accept_of(key):
    digest = hashlib.sha1((key + GUID).encode()).digest()
    return base64.b64encode(digest).decode()


def handshake(path="/echo", more=(), host="x"):
    """The request of a good handshake, and more fields."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *UPGRADE, *more]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def masked(data, mask):
    """The data with the mask on, or off."""
    if not data:
        return b""
    pad = (mask * (len(data) // 4 + 1))[:len(data)]
    return (int.from_bytes(data, "little") ^
            int.from_bytes(pad, "little")).to_bytes(len(data), "little")


def header(opcode, size, fin=True, rsv=0, mask=MASK, width=None):
    """The header of a frame; mask None leaves it out, width (0, 2 or 8)
    asks for another form of the length than the shortest."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    bit = 0 if mask is None else 0x80
    if width is None:
        width = 0 if size < 126 else 2 if size < 65536 else 8
    head = {0: lambda: struct.pack("!BB", first, bit | size),
            2: lambda: struct.pack("!BBH", first, bit | 126, size),
            8: lambda: struct.pack("!BBQ", first, bit | 127, size)}[width]()
    return head + (mask or b"")


def frame(opcode, data=b"", fin=True, rsv=0, mask=MASK, width=None):
    """A frame, masked like a client's."""
    if isinstance(data, str):
        data = data.encode()
    return header(opcode, len(data), fin, rsv, mask, width) + \
        (data if mask is None else masked(data, mask))


def close_frame(code=None, reason=b"", **how):
    """A close frame."""
    data = b"" if code is None else struct.pack("!H", code)
    return frame(CLOSE, data + reason, **how)


def fragments(opcode, data, size):
    """A message in frames of that many bytes, each with a mask of its own."""
    cuts = range(0, max(len(data), 1), size)
    random_bytes = random.Random(len(data)).randbytes
    return b"".join(
        frame(opcode if i == 0 else CONTINUATION, data[i:i + size],
              fin=i + size >= len(data), mask=random_bytes(4)) for i in cuts)


class Frame(NamedTuple):
    """A frame of the server."""
    opcode: int
    data: bytes
    fin: bool = True
    rsv: int = 0

    def code(self):
        """The code of a close frame, None without."""
        same(self.opcode, CLOSE, "is no close frame:", self)
        return struct.unpack("!H", self.data[:2])[0] if self.data else None


class WebSocket(Connection):
    """A WebSocket that is open, if the server keeps the rules."""

    def __init__(self, address, path="/echo", more=(), behind=b"",
                 rsv_allowed=0, seconds=SECONDS):
        super().__init__(address, seconds)
        self.rsv_allowed = rsv_allowed
        self.send(handshake(path, more) + behind)
        self.response = self.take_head()
        same(self.response.status, 101, self.response)
        same(self.response.get("sec-websocket-accept"), accept_of(KEY))

    def take_frame(self):
        """The next frame, or None at the end of the stream."""
        if not self.buffer and not self.fill():
            return None
        first, second = self.take(2)
        opcode, size = first & 15, second & 127
        fin, rsv = bool(first & 128), first >> 4 & 7
        expect(second & 128 == 0, "the server masks")
        expect(rsv & ~self.rsv_allowed == 0, f"reserved bits {rsv}")
        expect(opcode in (0, 1, 2, 8, 9, 10), f"opcode {opcode}")
        if opcode >= 8:
            expect(fin and size <= 125, "control frame in a wrong form")
            expect(rsv == 0, "a control frame with reserved bits")
        if size == 126:
            size, = struct.unpack("!H", self.take(2))
            expect(size > 125, "a length in a form that is too long")
        elif size == 127:
            size, = struct.unpack("!Q", self.take(8))
            expect(size > 65535, "a length in a form that is too long")
        return Frame(opcode, self.take(size), fin, rsv)

    def take_message(self):
        """The next message: (opcode, data); control frames are failures."""
        part = self.take_frame()
        expect(part is not None, "the end instead of a message")
        expect(part.opcode in (TEXT, BINARY), part)
        opcode, parts = part.opcode, [part.data]
        while not part.fin:
            part = self.take_frame()
            same(part.opcode, CONTINUATION)
            parts.append(part.data)
        return opcode, b"".join(parts)

    def expect_echo(self, opcode, data):
        seen, answer = self.take_message()
        expect(seen == opcode and answer == data,
               f"echo of {len(data)} bytes has {len(answer)}, opcode {seen}")

    def echo(self, opcode, data):
        """A message in one frame comes back."""
        self.send(frame(opcode, data))
        self.expect_echo(opcode, data)

    def expect_pong(self, data):
        same(self.take_frame(), Frame(PONG, data))

    def ping(self, data=b"there?"):
        """All that was sent before has been taken in without complaint."""
        self.send(frame(PING, data))
        self.expect_pong(data)

    def expect_close(self, code, *facts):
        """Nothing but a close frame comes, then the end, although it is not
        answered."""
        self.expect_close_frame(code, *facts)
        self.expect_end(*facts)

    def expect_close_frame(self, code, *facts):
        seen = self.take_frame()
        expect(seen is not None, "the end instead of a close frame", *facts)
        same(seen.code(), code, *facts)
        return seen

    def say_goodbye(self, code=1000):
        """Closes in good order."""
        self.send(close_frame(code))
        self.expect_close(code)

    def trickle(self, data):
        """Sends byte by byte; each has been read when the next one goes."""
        for i in range(len(data)):
            self.send(data[i:i + 1])
            wait_read(self.sock)


def breaks(address, data, code, path="/echo", name="", **how):
    """What the server makes of bytes that it has to refuse."""
    with WebSocket(address, path, **how) as ws:
        ws.try_send(data)
        ws.expect_close(code, "for", name or data[:40])
