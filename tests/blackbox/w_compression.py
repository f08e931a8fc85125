#!/usr/bin/env python3
"""What compression costs and refuses: a client of its own with every window,
malformed offers, messages too small to compress, bombs, and memory."""
import asyncio
import itertools
import os
import random
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import SECONDS  # noqa: E402
from deflate_raw import RSV1, DeflateSocket, offer  # noqa: E402
from http_raw import fetch  # noqa: E402
from site_under_test import FREE, Site, route  # noqa: E402
from waiting import (SANITIZED, SLOW, Skip, expect,  # noqa: E402
                     private_bytes, run_checks, same)
from websocket_raw import (BINARY, CONTINUATION, TEXT, WebSocket,  # noqa: E402
                           frame, handshake, header)

ROUTES = (
    route("/shared", websocket=FREE + 'compression = "shared";'),
    route("/takeover", websocket=FREE + 'compression = "takeover";'),
    route("/limited", websocket='compression = "shared"; ping = "off";'),
    route("/limited-takeover",
          websocket='compression = "takeover"; ping = "off";'),
    route("/all", websocket=FREE + 'compression = "shared"; '
          'compression_min_size = 1;'),
    route("/large", websocket=FREE + 'compression = "shared"; '
          'compression_min_size = "64k";'),
)
NAME = "permessage-deflate"
MIB = 1 << 20


def words(seed, size):
    """Text that a window makes shorter."""
    chosen = random.Random(seed)
    many = [chosen.randbytes(chosen.randrange(2, 9)).hex() for _ in range(300)]
    text = ""
    while len(text) < size:
        text += chosen.choice(many) + " "
    return text[:size]


# --- a client that checks for itself what the server answers ------------------

def import_websockets():
    try:
        import websockets
        from websockets.extensions import permessage_deflate
    except ImportError as error:
        raise Skip("python3-websockets is not installed") from error
    return websockets, permessage_deflate


async def talk(port, path, parameters):
    websockets, extension = import_websockets()
    factory = extension.ClientPerMessageDeflateFactory(**parameters)
    async with websockets.connect(
            f"ws://127.0.0.1:{port}{path}", max_size=None, ping_interval=None,
            compression=None, extensions=[factory]) as ws:
        same([e.name for e in ws.extensions], [NAME], parameters)
        for data in (words(1, 40000), words(1, 300), "", "x" * 100000,
                     words(2, 3000).encode(), words(2, 3000).encode()):
            await ws.send(data)
            expect(await ws.recv() == data, parameters)
        half = words(3, 20000)
        await ws.send([half[:7], half[7:9000], half[9000:]])
        expect(await ws.recv() == half, parameters)


def check_python_with_every_window():
    """Its zlib has just the window that was agreed on, so it fails when the
    server reaches back farther."""
    import_websockets()
    bits = range(9, 16) if SLOW else (9, 12, 15)

    async def talk_all(port):
        count = 0
        for path, server_no, client_no, server, client in itertools.product(
                ("/shared", "/takeover"), (False, True), (False, True),
                bits, bits):
            await asyncio.wait_for(talk(port, path, {
                "server_no_context_takeover": server_no,
                "client_no_context_takeover": client_no,
                "server_max_window_bits": server,
                "client_max_window_bits": client}), SECONDS)
            count += 1
        print(f"     {count} combinations")

    with Site(*ROUTES) as site:
        asyncio.run(talk_all(site.address))


# --- the handshake -------------------------------------------------------------

def shake(site, path, *fields):
    return fetch(site.address, handshake(
        path, [f"Sec-WebSocket-Extensions: {field}" for field in fields]))


def check_malformed_offers():
    """RFC 6455, 9.1: wherever they stand, and without compression too."""
    with Site(*ROUTES, route("/plain")) as site:
        for field in (";", f"{NAME};", f"{NAME}; =1", f"{NAME}; a=",
                      f"{NAME} {NAME}", f"{NAME}, x y", f'{NAME}; a="b',
                      f'{NAME}; a=""', f'{NAME}; a="b c"', f'{NAME}; a="b"c',
                      f"{NAME}; a=b=c", "=", f"{NAME}/1", '"x"'):
            for path in ("/shared", "/takeover", "/plain"):
                same(shake(site, path, field).status, 400, field)
                same(shake(site, path, NAME, field).status, 400, field)


def check_declined_offers():
    """RFC 7692, 7.1: not an error, and the next offer is looked at."""
    with Site(*ROUTES) as site:
        for parameters in ("unknown", "server_max_window_bits",
                           "server_max_window_bits=8",
                           "server_max_window_bits=16",
                           "server_max_window_bits=08",
                           "server_no_context_takeover=1",
                           "client_no_context_takeover=x",
                           "client_max_window_bits=7",
                           "client_max_window_bits=x",
                           "client_max_window_bits; client_max_window_bits",
                           "server_no_context_takeover; "
                           "server_no_context_takeover"):
            for path in ("/shared", "/takeover"):
                bad = f"{NAME}; {parameters}"
                with WebSocket(site.address, path, [
                        f"Sec-WebSocket-Extensions: {bad}"]) as ws:
                    same(ws.response.all("sec-websocket-extensions"), [])
                    ws.echo(TEXT, b"x" * 1000)
                    ws.send(frame(TEXT, b"\0", rsv=RSV1))
                    ws.expect_close(1002)
                good = offer(server_max_window_bits=10)
                for offers in ((bad, good), (f"{bad}, {good}",),
                               (f"mux, {bad}; a=b", f"x; y=z,{good}")):
                    with DeflateSocket(site.address, path, *offers) as ws:
                        same(ws.agreed["server_max_window_bits"], 10)
                        ws.echo_packed(TEXT, words(1, 5000).encode())


# --- what is sent compressed ----------------------------------------------------

def check_what_is_compressed():
    """Not what is small or does not shrink; nothing of that breaks a window
    that is kept."""
    noise = random.Random(1).randbytes(2000)
    with Site(*ROUTES) as site:
        for path, smallest in (("/shared", 256), ("/takeover", 256),
                               ("/all", 2), ("/large", 65536)):
            with DeflateSocket(site.address, path, offer()) as ws:
                for data in (b"x" * 255, b"x" * 256, noise, b"y" * 100,
                             words(1, 2000).encode(), b"", noise,
                             words(1, 2000).encode(), b"z" * 16, b"a",
                             b"b" * 65535, b"b" * 65536):
                    shrinks = data != noise and len(data) > 15 and \
                        len(data) >= smallest
                    before = ws.saw_compressed
                    ws.send_packed(BINARY, data)
                    same(ws.take_packed(), (BINARY, data))
                    same(ws.saw_compressed - before, int(shrinks),
                         path, len(data), "compressed")


# --- what is refused ------------------------------------------------------------

def bomb(size):
    """So many zeros, a multiple of a MiB, deflated: a block, many times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return block * (size // MIB) + b"\0"


def check_bomb():
    """A GiB in a MiB: it ends at the limit, and takes no more memory."""
    data = bomb(1 << 30)
    expect(len(data) < 1.1 * MIB, len(data))
    with Site(*ROUTES) as site:
        pid = site.pid_of(0)
        for path in ("/limited", "/limited-takeover"):
            for piece in (len(data), 5000):
                with DeflateSocket(site.address, path, offer()) as ws:
                    ws.echo_packed(BINARY, bytes(MIB))
                    before = private_bytes(pid)
                    ws.try_send(header(BINARY, piece, rsv=RSV1,
                                       fin=piece == len(data)))
                    ws.try_send(frame(BINARY, data[:piece])[-piece:])
                    for at in range(piece, len(data), piece):
                        if not ws.try_send(frame(CONTINUATION,
                                                 data[at:at + piece],
                                                 fin=False)):
                            break
                    ws.expect_close_frame(1009)
                    grown = private_bytes(pid) - before
                    expect(grown < 8 * MIB or SANITIZED, path, grown)
        # and the server goes on
        with DeflateSocket(site.address, "/limited", offer()) as ws:
            ws.echo_packed(BINARY, bytes(MIB))


def check_announced_too_long():
    """Nothing of a compressed message is waited for that cannot fit."""
    with Site(*ROUTES) as site:
        for size in (2 * MIB, 1 << 40):
            with DeflateSocket(site.address, "/limited", offer()) as ws:
                ws.send(header(BINARY, size, rsv=RSV1))
                ws.expect_close(1009)


def check_fail_fast():
    """What is wrong is refused while the frame still comes."""
    with Site(*ROUTES) as site:
        for path in ("/shared", "/takeover"):
            for data in (b"\xff", b"\x00\x05\x00\xfa\xffab\xffcd"):
                with DeflateSocket(site.address, path, offer()) as ws:
                    ws.send(header(TEXT, 1000, rsv=RSV1) +
                            frame(TEXT, data)[-len(data):])
                    ws.expect_close(1007)
            # one that is cut off, and one that refers to what there is not
            for data in (b"\xf2\x48\xcd\xc9", b"\xf2\x00\x11\x00\x00"):
                with DeflateSocket(site.address, path, offer()) as ws:
                    ws.send(frame(TEXT, data, rsv=RSV1))
                    ws.expect_close(1007)


# --- memory ---------------------------------------------------------------------

def cost(site, path, count, text):
    """Bytes of the worker for each connection after an echo."""
    pid = site.pid_of(0)
    many = []
    try:
        before = private_bytes(pid)
        for _ in range(count):
            ws = DeflateSocket(site.address, path,
                               offer(client_max_window_bits=True))
            ws.echo_packed(TEXT, text)
            many.append(ws)
        return (private_bytes(pid) - before) / count
    finally:
        for ws in many:
            ws.sock.close()


def check_memory():
    """As shoal_ws(3) says: some 51,000 bytes with takeover, none without."""
    if SANITIZED:
        raise Skip("sanitizers use memory of their own")
    text = words(1, 20000).encode()
    for path, most in (("/shared", 8000), ("/takeover", 64000)):
        with Site(*ROUTES) as site:
            cost(site, path, 20, text)
            each = cost(site, path, 200, text)
        print(f"     {path}: {each:.0f} bytes for a connection")
        expect(each < most, path, each)


def check_many_amid_a_message():
    """Those that are do not mix, and each has its own message."""
    with Site(*ROUTES) as site:
        many = [DeflateSocket(site.address, "/shared", offer())
                for _ in range(50)]
        texts = [words(i, 3000).encode() for i in range(50)]
        for part in range(4):
            for ws, text in zip(many, texts):
                data = ws.pack(text) if part == 0 else ws.rest_of_it
                size = len(data) // (4 - part)
                ws.send(frame(TEXT if part == 0 else CONTINUATION,
                              data[:size], fin=part == 3,
                              rsv=RSV1 if part == 0 else 0))
                ws.rest_of_it = data[size:]
        for ws, text in zip(many, texts):
            same(ws.take_packed(), (TEXT, text))
            ws.say_goodbye()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
