"""HTTP/1 as a strict client on a raw socket sees it: what a test sends goes
out as it is, and an answer that breaks RFC 9112 is a failure.
"""
import os
import re
import socket
import struct
import time

from clients import SECONDS, connect
from waiting import expect, same

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*\Z")
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t\x20-\x7e]*)\Z")
END = (ConnectionResetError, BrokenPipeError)


class Answer:
    """A response: status, reason, fields, body, trailers."""

    def __init__(self, status, reason, fields):
        self.status, self.reason, self.fields = status, reason, fields
        self.body, self.trailers, self.pieces = b"", [], []

    def all(self, name):
        """The values of a field, in order."""
        return [v for n, v in self.fields if n == name]

    def get(self, name):
        """The value of a field that may be there once, or None."""
        values = self.all(name)
        expect(len(values) < 2, name, "is there more than once:", values)
        return values[0] if values else None

    def closes(self):
        """Whether it says that the connection ends."""
        return "close" in [word.strip().lower() for value in
                           self.all("connection") for word in value.split(",")]

    def __repr__(self):
        return f"<{self.status} {self.fields} {self.body[:200]!r}>"


def parse_fields(lines):
    fields = []
    for line in lines:
        name, colon, value = line.partition(b":")
        expect(colon and TOKEN.match(name), "a field without a name:", line)
        expect(VALUE.match(value), "a field with control characters:", line)
        fields.append((name.decode().lower(),
                       value.strip(b" \t").decode("latin-1")))
    return fields


class Connection:
    """A connection, with what has come and was not looked at yet."""

    def __init__(self, address, seconds=SECONDS):
        self.sock = connect(address, seconds)
        if self.sock.family == socket.AF_INET:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def try_send(self, data):
        """Sends to a server that may have closed; whether it had not."""
        try:
            self.sock.sendall(data)
            return True
        except END:
            return False

    def fill(self):
        """Reads more; False at the end of the stream."""
        try:
            part = self.sock.recv(1 << 18)
        except END:
            part = b""
        self.buffer += part
        return bool(part)

    def take(self, size):
        """So many bytes."""
        parts = [self.buffer]
        left = size - len(self.buffer)
        while left > 0:
            self.buffer = b""
            expect(self.fill(), f"the stream ends {left} bytes too early")
            parts.append(self.buffer)
            left -= len(self.buffer)
        data = b"".join(parts)
        self.buffer = data[size:]
        return data[:size]

    def take_line(self):
        """A line that ends with CRLF, without it."""
        while b"\n" not in self.buffer:
            expect(self.fill(), "the stream ends in a line:", self.buffer)
        line, _, self.buffer = self.buffer.partition(b"\n")
        expect(line.endswith(b"\r"), "a line ends without CR:", line)
        return line[:-1]

    def take_lines(self):
        """Lines up to an empty one, without that."""
        lines = []
        while line := self.take_line():
            lines.append(line)
        return lines

    def rest(self):
        """Everything up to the end of the stream, which has to come."""
        while self.fill():
            pass
        rest, self.buffer = self.buffer, b""
        return rest

    def expect_end(self, *facts):
        """The server closes, and says nothing before."""
        same(self.rest(), b"", "instead of the end", *facts)

    # --- answers ---

    def take_head(self):
        line = self.take_line()
        match = STATUS_LINE.match(line)
        expect(match, "no status line:", line)
        return Answer(int(match[1]), match[2].decode(),
                      parse_fields(self.take_lines()))

    def take_chunks(self, answer):
        while True:
            line = self.take_line()
            expect(re.match(rb"[0-9a-fA-F]+\Z", line), "chunk size:", line)
            size = int(line, 16)
            if size == 0:
                break
            answer.pieces.append(self.take(size))
            same(self.take(2), b"\r\n")
        answer.trailers = parse_fields(self.take_lines())
        return b"".join(answer.pieces)

    def take_body(self, answer, method):
        length = answer.get("content-length")
        coding = answer.get("transfer-encoding")
        expect(length is None or coding is None, "two framings:", answer)
        if method == "HEAD" or answer.status in (204, 304):
            return b""
        if coding is not None:
            same(coding, "chunked")
            return self.take_chunks(answer)
        if length is not None:
            expect(re.match(r"[0-9]+\Z", length), "length:", length)
            return self.take(int(length))
        expect(answer.closes(), "a body without an end:", answer)
        return self.rest()

    def answer(self, method="GET"):
        """The next response; 100 is one, too."""
        answer = self.take_head()
        if answer.status < 200:
            same(answer.all("content-length"), [])
            same(answer.all("transfer-encoding"), [])
            return answer
        expect(answer.get("date"), "no Date:", answer)
        if answer.status == 204:
            same(answer.all("content-length"), [])
        answer.body = self.take_body(answer, method)
        return answer

    def ask(self, data, method="GET"):
        """Sends and returns the next response."""
        self.send(data)
        return self.answer(method)


def request(path="/", method="GET", fields=(), body=None, version="1.1",
            host="x"):
    """A request; Content-Length is added for a body that is not None."""
    lines = [f"{method} {path} HTTP/{version}"]
    if host is not None:
        lines.append(f"Host: {host}")
    lines += list(fields)
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunked(*chunks, trailers=()):
    """A body in chunks."""
    parts = [b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks]
    return b"".join([*parts, b"0\r\n", *(t.encode() + b"\r\n"
                                         for t in trailers), b"\r\n"])


def fetch(address, data, method="GET"):
    """One request on a connection of its own."""
    with Connection(address) as conn:
        return conn.ask(data, method)


def unread_by_peer(sock):
    """Bytes that a peer on this machine has not read from its socket; asks
    sock_diag(7) for that socket, IPv4."""
    dump_request, error, listening = 20, 2, 10
    here, peer = sock.getsockname(), sock.getpeername()
    question = struct.pack(
        "!BBBxIHH4s12x4s12xIII", socket.AF_INET, socket.IPPROTO_TCP, 0,
        0xffffffff, peer[1], here[1], socket.inet_aton(peer[0]),
        socket.inet_aton(here[0]), 0, 0xffffffff, 0xffffffff)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, 4) as netlink:
        netlink.send(struct.pack("=IHHII", 16 + len(question), dump_request,
                                 1, 1, 0) + question)
        answer = netlink.recv(4096)
    if struct.unpack_from("=H", answer, 4)[0] == error or \
            answer[17] == listening:
        return 0                # it is gone
    return struct.unpack_from("=I", answer, 16 + 56)[0]


def wait_read(sock, seconds=SECONDS):
    """Waits until the server has read all that was sent (IPv4 only)."""
    deadline = time.monotonic() + seconds
    while unread_by_peer(sock) > 0:
        expect(time.monotonic() < deadline, "the server does not read")
        os.sched_yield()
