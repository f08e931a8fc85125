#!/usr/bin/env python3
"""Tests the load generator's HTTP and WebSocket against servers that are
right, wrong or rude."""
import os
import struct
import sys

from check_load import FEW, HELD, IMPATIENT, FAST, LOAD, run_cases

BODY = b"some words"
WANTED = ["-b", BODY.decode()]
WELCOME = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
           b"connection: upgrade\r\n"
           b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


def read_head(reader):
    """What comes up to an empty line; None at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = reader.readline()
        if not line:
            return None
        head += line
    return head


# --- HTTP ---


def http(compose):
    """A server that answers each request with what compose(number) gives."""
    def behave(conn):
        number = 0
        with conn.makefile("rb") as reader:
            while (head := read_head(reader)) is not None:
                assert head.startswith(b"GET /some/path HTTP/1.1\r\nHost: 127")
                answer = compose(number)
                if answer is None:
                    return
                conn.sendall(answer)
                number += 1
    return behave


def answer(status=b"200 OK", length=len(BODY), body=BODY, more=b""):
    return (b"HTTP/1.1 %s\r\n%scontent-length:  %d\r\n\r\n%s"
            % (status, more, length, body))


def http_right(number):
    return answer()


def http_varied(number):
    """Heads differ, as by their Date."""
    return answer(more=b"X-Number: %d\r\n" % (number // 3))


def http_in_pieces(conn):
    with conn.makefile("rb") as reader:
        while read_head(reader) is not None:
            for byte in answer():
                conn.sendall(bytes([byte]))


def http_gathered(conn):
    """Answers what has come by one piece, but for the last few bytes."""
    while data := conn.recv(65536):
        answers = data.count(b"\r\n\r\n") * answer()
        conn.sendall(answers[:-20])
        conn.sendall(answers[-20:])


HTTP = ["http", "-p", "/some/path", *WANTED]
HTTP_CASES = [
    ([*HTTP, *FAST], http(http_right), 0, "messages"),
    ([*HTTP, *FAST, "-d", "16"], http(http_right), 0, "messages"),
    ([*HTTP, *FAST, "-d", "7"], http(http_varied), 0, "messages"),
    ([*HTTP, *FAST], http_in_pieces, 0, "messages"),
    ([*HTTP, *FAST, "-d", "8"], http_gathered, 0, "messages"),
    ([*HTTP, *FAST], http(lambda n: answer(b"204 OK")), 1, "mismatched"),
    ([*HTTP, *FAST], http(lambda n: answer(b"200 OK" if n % 5 else b"503 No")),
     1, "mismatched"),
    ([*HTTP, *FAST], http(lambda n: answer(body=BODY[::-1])), 1, "mismatched"),
    ([*HTTP, *FAST], http(lambda n: answer(length=9)), 1, "mismatched"),
    ([*HTTP, *FAST], http(lambda n: answer() if n < 3 else
                          answer(body=b"some wordz")), 1, "mismatched"),
    ([*HTTP, *FAST], http(lambda n: answer() + answer()), 1, "mismatched"),
    ([*HTTP, *FAST], http(lambda n: b"HTTP/1.1 200 OK\r\n\r\n" + BODY), 1,
     "mismatched"),
    ([*HTTP, *FAST], http(lambda n: b"x" * 20000), 1, "mismatched"),
    ([*HTTP, *FAST], http(lambda n: answer() if n < 3 else None), 1, "closed"),
    ([*HTTP, *FAST, *IMPATIENT], http(lambda n: answer(body=BODY[:-1])), 1,
     "unanswered"),
    (["connect-http", *HTTP[1:], *FEW], http(http_right), 0, "answered"),
    (["connect-http", *HTTP[1:], *FEW], http_in_pieces, 0, "answered"),
    (["connect-http", *HTTP[1:], *FEW], http(lambda n: answer(body=b"some wordz")),
     1, "mismatched"),
    (["connect-http", *HTTP[1:], *FEW], http(lambda n: answer() + b"x"), 1,
     "mismatched"),
    (["idle-http", *HTTP[1:], *HELD], http(http_right), 0, "answered"),
]

# --- WebSocket ---


def read_message(reader):
    """Opcode and content of a frame, which has to be a masked one."""
    head = reader.read(2)
    if len(head) < 2:
        return None
    assert head[0] & 0xf0 == 0x80 and head[1] & 0x80, head
    size = head[1] & 0x7f
    if size >= 126:
        more = reader.read(2 if size == 126 else 8)
        size = int.from_bytes(more, "big")
        assert size >= (126 if len(more) == 2 else 65536)
    mask = reader.read(4)
    content = reader.read(size)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    clear = int.from_bytes(content, "big") ^ key
    return head[0] & 0xf, clear.to_bytes(size, "big")


def frame(opcode, content, first=0x80, mask=0):
    size = len(content)
    if size < 126:
        return bytes([first | opcode, mask | size]) + content
    if size < 65536:
        return struct.pack("!BBH", first | opcode, mask | 126, size) + content
    return struct.pack("!BBQ", first | opcode, mask | 127, size) + content


def ws(compose=frame, welcome=WELCOME, pieces=None):
    """A server that answers each message with what compose() makes of it."""
    def behave(conn):
        with conn.makefile("rb") as reader:
            head = read_head(reader)
            assert head.startswith(b"GET /some/path HTTP/1.1\r\n")
            for byte in welcome if pieces else b"":
                conn.sendall(bytes([byte]))
            if not pieces:
                conn.sendall(welcome)
            while (message := read_message(reader)) is not None:
                data = compose(*message)
                for at in range(0, len(data), pieces or 1 << 30):
                    conn.sendall(data[at:at + (pieces or 1 << 30)])
    return behave


def text_is_text(opcode, content):
    assert opcode == 1 and content.decode("ascii").isprintable()
    return frame(opcode, content)


def binary_is_binary(opcode, content):
    return frame(opcode, content) if opcode == 2 else b"not binary"


def change_type(opcode, content):
    return frame(3 - opcode, content)


def flip(opcode, content):
    return frame(opcode, content[:-1] + bytes([content[-1] ^ 1]))


def shorten(opcode, content):
    return frame(opcode, content[:-1])


def refuse(conn):
    with conn.makefile("rb") as reader:
        read_head(reader)
    conn.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")


WS = ["ws", "-p", "/some/path"]
WS_CASES = [
    ([*WS, *FAST], ws(text_is_text), 0, "messages"),
    ([*WS, *FAST, "-d", "16", "-s", "1"], ws(text_is_text), 0, "messages"),
    ([*WS, *FAST, "-s", "125"], ws(text_is_text), 0, "messages"),
    ([*WS, *FAST, "-s", "126"], ws(text_is_text), 0, "messages"),
    ([*WS, *FAST, "-s", "65535"], ws(text_is_text), 0, "messages"),
    ([*WS, *FAST, "-s", "65536", "-d", "2"], ws(text_is_text), 0, "messages"),
    ([*WS, *FAST, "-s", "1000000"], ws(text_is_text), 0, "messages"),
    ([*WS, *FAST, "--binary"], ws(binary_is_binary), 0, "messages"),
    ([*WS, *FAST], ws(pieces=3), 0, "messages"),
    ([*WS, *FAST], ws(change_type), 1, "mismatched"),
    ([*WS, *FAST], ws(flip), 1, "mismatched"),
    ([*WS, *FAST], ws(shorten), 1, "mismatched"),
    ([*WS, *FAST], ws(lambda o, c: frame(o, c, mask=0x80)), 1, "mismatched"),
    ([*WS, *FAST], ws(lambda o, c: frame(o, c, first=0xc0)), 1, "mismatched"),
    ([*WS, *FAST], ws(lambda o, c: frame(o, c) + frame(9, b"")), 1,
     "mismatched"),
    ([*WS, *FAST], ws(lambda o, c: 2 * frame(o, c)), 1, "mismatched"),
    ([*WS, *FAST, *IMPATIENT], ws(lambda o, c: b""), 1, "unanswered"),
    ([*WS, *FAST], ws(lambda o, c: frame(8, b"")), 1, "mismatched"),
    ([*WS, *FAST], ws(welcome=WELCOME.replace(b"s3p", b"t3p")), 1, "unopened"),
    ([*WS, *FAST], ws(welcome=WELCOME.replace(b"101", b"200")), 1, "unopened"),
    ([*WS, *FAST, *IMPATIENT], ws(welcome=WELCOME[:-2]), 1, "unopened"),
    ([*WS, *FAST], refuse, 1, "unopened"),
    (["connect-ws", *WS[1:], *FEW], ws(), 0, "answered"),
    (["connect-ws", *WS[1:], *FEW], ws(pieces=1), 0, "answered"),
    (["connect-ws", *WS[1:], *FEW], ws(flip), 1, "mismatched"),
    (["connect-ws", *WS[1:], *FEW], refuse, 1, "mismatched"),
    (["idle-ws", *WS[1:], *HELD], ws(), 0, "answered"),
    (["idle-ws", *WS[1:], *HELD], ws(lambda o, c: frame(o, c) + frame(9, b"")),
     1, "mismatched"),
    (["idle-ws", *WS[1:], *HELD, *IMPATIENT], ws(welcome=WELCOME[:-2]), 1,
     "unanswered"),
]


def main():
    if not os.access(LOAD, os.X_OK):
        print("no", LOAD)
        return 77
    return run_cases(HTTP_CASES + WS_CASES)


if __name__ == "__main__":
    sys.exit(main())
