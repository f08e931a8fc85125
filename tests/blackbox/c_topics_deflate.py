#!/usr/bin/env python3
"""A message for many is compressed once for all that agreed on the same, and each
of them gets what it can read: beside others without compression, and between the
answers that are its own."""
import itertools
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from deflate_raw import DeflateSocket, offer  # noqa: E402
from topics import Hub  # noqa: E402
from waiting import expect, run_checks, same  # noqa: E402
from websocket_raw import TEXT, frame  # noqa: E402

EVEN_SMALL = 'compression_min_size = 1; ping = "off";'
ROUTES = (
    ("/shared", f'websocket = {{ compression = "shared"; {EVEN_SMALL} }};'),
    ("/takeover", 'websocket = { compression = "takeover"; '
     f'{EVEN_SMALL} }};'),
    ("/large", 'websocket = { compression = "shared"; ping = "off"; '
     'compression_min_size = "4k"; };'),
)
OFFERS = (
    offer(),
    offer(server_max_window_bits=9),
    offer(server_max_window_bits=12, client_max_window_bits=True),
    offer(server_no_context_takeover=True),
    offer(server_no_context_takeover=True, server_max_window_bits=10),
)
LONG = b"other/" + 200 * b"a"
SIZES = (1, 20, 300, 5000, 100, 70000, 3, 5000)


def words(seed, size):
    """Text that a window makes shorter."""
    chosen = random.Random(seed)
    many = [chosen.randbytes(4).hex() for _ in range(50)]
    text = ""
    while len(text) < size:
        text += chosen.choice(many) + " "
    return text[:size].encode()


class Subscriber:
    """What it is told is told once, in order, and readable."""

    def __init__(self, port, path, text):
        self.name = f"{path}: {text}"
        self.socket = DeflateSocket(port, path, *([text] if text else []))
        expect(self.socket.agreed is None or path != "/hub", self.name)
        opcode, self.worker = self.hear()
        same(self.say(b"S room"), b"s 0 room", self.name)

    def hear(self):
        return self.socket.take_packed()

    def say(self, text):
        """What is answered, compressed both ways if it can be."""
        if self.socket.agreed is None:
            self.socket.send(frame(TEXT, text))
        else:
            self.socket.send_packed(TEXT, text)
        opcode, answer = self.hear()
        same(opcode, TEXT)
        return answer

    def expect_message(self, text):
        opcode, data = self.hear()
        same(opcode, TEXT, self.name)
        expect(data == text, self.name, len(data), "of", len(text),
               data[:40], text[:40])


def open_all(port):
    """Some of each sort; and some that offer nothing, or get nothing."""
    sorts = [*itertools.product(("/shared", "/takeover", "/large"), OFFERS),
             ("/hub", ""), ("/hub", offer()), ("/shared", "")]
    return [Subscriber(port, path, text) for path, text in 2 * sorts]


def publish(subscriber, text):
    """Publishes by one of them; its answer may come before or behind."""
    first = subscriber.say(b"P room\n" + text)
    _, second = subscriber.hear()
    same(sorted([first, second]), sorted([b"p 0", text]), subscriber.name)


def check_all_sorts():
    with Hub(routes=ROUTES, workers=2) as hub:
        subscribers = open_all(hub.port())
        same(len({one.worker for one in subscribers}), 2)
        for number, one in enumerate(subscribers):
            text = words(number, SIZES[number % len(SIZES)])
            publish(one, text)
            for other in subscribers:
                if other is not one:
                    other.expect_message(text)
            # own answers may refer to what was said before
            same(one.say(b"S " + LONG), b"s 0 " + LONG, one.name)
            same(one.say(b"U " + LONG), b"u 0 " + LONG, one.name)
        for one in subscribers:
            if one.socket.agreed is not None:
                expect(one.socket.saw_compressed > 0, one.name)
        same(hub.counter("worker_crashes"), 0)


def check_several_at_once():
    """Those that go out by one write are messages of their own."""
    with Hub(routes=ROUTES, workers=2) as hub:
        subscribers = open_all(hub.port())
        publisher = subscribers.pop()
        texts = [words(n, SIZES[n % len(SIZES)]) for n in range(40)]
        publisher.socket.send(b"".join(
            frame(TEXT, b"P room\n" + text)
            for text in texts))
        for one in subscribers:
            for text in texts:
                one.expect_message(text)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
