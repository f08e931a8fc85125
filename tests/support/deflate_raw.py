"""permessage-deflate (RFC 7692) as a strict client sees it: it uses what was
agreed on to its limits, and the server may not use more."""
import re
import zlib

from waiting import expect, same
from websocket_raw import (CONTINUATION, WebSocket, frame)

NAME = "permessage-deflate"
TAIL = b"\0\0\xff\xff"
RSV1 = 4
WINDOWS = ("server_max_window_bits", "client_max_window_bits")
TAKEOVERS = ("server_no_context_takeover", "client_no_context_takeover")


def offer(**parameters):
    """An offer: True stands for a parameter without a value, None for one
    that is not there."""
    parts = [NAME]
    for name, value in parameters.items():
        if value is True:
            parts.append(name)
        elif value is not None:
            parts.append(f"{name}={value}")
    return "; ".join(parts)


def parse_agreement(value):
    """The parameters of the server's answer, all of which have to be right by
    themselves: RFC 7692, 7.1."""
    name, *parts = [part.strip() for part in value.split(";")]
    same(name, NAME)
    agreed = {}
    for part in parts:
        key, equals, number = part.partition("=")
        key = key.strip()
        expect(key not in agreed, "twice:", value)
        if key in TAKEOVERS:
            same(equals, "", value)
            agreed[key] = True
        else:
            expect(key in WINDOWS, "an unknown parameter:", value)
            number = number.strip().strip('"')
            expect(number in [str(n) for n in range(8, 16)], value)
            agreed[key] = int(number)
    return agreed


class DeflateSocket(WebSocket):
    """A WebSocket that offers compression; agreed is None when there is
    none."""

    def __init__(self, address, path, *offers, level=6):
        super().__init__(address, path, [f"Sec-WebSocket-Extensions: {text}"
                                         for text in offers],
                         rsv_allowed=RSV1)
        value = self.response.get("sec-websocket-extensions")
        self.agreed = None if value is None else parse_agreement(value)
        self.level, self.packer, self.unpacker = level, None, None
        self.saw_compressed = 0
        # what was offered binds the client, agreed on or not: 7.1.2.2
        match = re.search(r"client_max_window_bits=(\d+)", "".join(offers))
        self.promised = int(match[1]) if match else 15

    def pack(self, data):
        """The payload of a compressed message."""
        bits = min(self.agreed.get("client_max_window_bits", 15),
                   self.promised)
        if self.packer is None or \
                "client_no_context_takeover" in self.agreed:
            # zlib has no window of 8 bits, but blocks without references
            self.packer = zlib.compressobj(
                self.level if bits > 8 else 0, zlib.DEFLATED, -max(bits, 9))
        packed = self.packer.compress(data) + \
            self.packer.flush(zlib.Z_SYNC_FLUSH)
        same(packed[-4:], TAIL)
        return packed[:-4] or b"\0"

    def unpack(self, packed):
        bits = self.agreed.get("server_max_window_bits", 15)
        if self.unpacker is None or \
                "server_no_context_takeover" in self.agreed:
            self.unpacker = zlib.decompressobj(-bits)
        data = self.unpacker.decompress(packed + TAIL)
        same(self.unpacker.unconsumed_tail, b"")
        same(self.unpacker.unused_data, b"")
        return data

    def send_packed(self, opcode, data, piece=None):
        """A compressed message, in one frame or in fragments."""
        packed = self.pack(data)
        piece = piece or len(packed)
        cuts = range(0, len(packed), piece)
        self.send(b"".join(
            frame(opcode if i == 0 else CONTINUATION, packed[i:i + piece],
                  fin=i + piece >= len(packed), rsv=RSV1 if i == 0 else 0)
            for i in cuts))

    def take_packed(self):
        """The next message: (opcode, data), compressed or not."""
        part = self.take_frame()
        expect(part is not None, "the end instead of a message")
        expect(part.opcode in (1, 2), part)
        opcode, packed, parts = part.opcode, part.rsv == RSV1, [part.data]
        while not part.fin:
            part = self.take_frame()
            same((part.opcode, part.rsv), (CONTINUATION, 0))
            parts.append(part.data)
        data = b"".join(parts)
        if packed:
            self.saw_compressed += 1
            data = self.unpack(data)
        return opcode, data

    def echo_packed(self, opcode, data, piece=None):
        self.send_packed(opcode, data, piece)
        seen, answer = self.take_packed()
        expect(seen == opcode and answer == data,
               f"{len(data)} bytes came back as {len(answer)}, {seen}")
