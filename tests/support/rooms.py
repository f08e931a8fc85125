"""Rooms of the handler `room', and members of them."""
import json

from shoal import Shoal
from waiting import expect, same, until
from websocket_raw import TEXT, WebSocket, close_frame, frame


def route(path="/room/", config="", handler="room", more=""):
    """A route as the configuration file has it."""
    return (f'{{ path = "{path}"; handler = "{handler}"; '
            f'config = {{ {config} }}; {more} }}')


def web(*routes, more=""):
    """A listener with routes."""
    return ('{ address = "127.0.0.1:0"; protocol = "http"; ' + more +
            'routes = (\n    ' + ",\n    ".join(routes) + "\n  ); }")


class Rooms(Shoal):
    """A daemon with routes; it runs as soon as it is entered."""

    def __init__(self, *routes, **settings):
        super().__init__(web(*(routes or [route()])), **settings)
        self.address = None

    def __enter__(self):
        self.run()
        self.address = self.port()
        return self

    def join(self, path="/room/lobby", more=()):
        return Member(self.address, path, more)

    def join_worker(self, worker, path="/room/lobby", tries=200):
        """A member of a room with JSON that is on a certain worker; other is
        what it may not be on."""
        for _ in range(tries):
            member = self.join(path)
            if (member.worker() == worker["incarnation"] & 0xffffff):
                return member
            member.sock.close()
        raise AssertionError("no connection comes to this worker")


class Member(WebSocket):
    """One that has come in, with JSON or without."""

    def __init__(self, address, path, more=()):
        super().__init__(address, path, more)
        self.id = None

    def say(self, text, opcode=TEXT):
        self.send(frame(opcode, text))
        return self

    def hear(self, *texts, opcode=TEXT):
        """These are the next messages."""
        for text in texts:
            data = text if isinstance(text, bytes) else text.encode()
            same(self.take_message(), (opcode, data))
        return self

    def object(self):
        """The next object."""
        opcode, data = self.take_message()
        same(opcode, TEXT)
        return json.loads(data)

    def object_with(self, key):
        """The next object that has this; others are passed over."""
        return until(lambda: next((got for got in [self.object()]
                                   if key in got), None), key)

    def welcome(self, topic="lobby", name="", publish=True):
        """Is the first to come, and is in then."""
        got = self.object()
        self.id = got["welcome"]["id"]
        same(got, {"topic": topic, "welcome":
                   {"id": self.id, "name": name, "publish": publish}})
        return self

    def hear_data(self, *texts, **others):
        """These are the data of the next objects, which have these members,
        too; the last of them."""
        got = None
        for text in texts:
            got = self.object()
            same(got.get("data"), text, got)
            for key, value in others.items():
                same(got.get(key), value, key, got)
        return got

    def worker(self):
        """The low bits of the incarnation of its worker: a part of every
        number of a connection."""
        if self.id is None:
            self.id = self.object()["welcome"]["id"]
        return int(self.id) >> 40

    def expect_dismissal(self, code):
        """The server closes, and is answered."""
        self.expect_close_frame(code)
        self.send(close_frame(code))
        self.expect_end()

    def expect_silence(self):
        """Nothing has come up to now."""
        self.ping()


def expect_in(text, *words):
    for word in words:
        expect(word in text, f"no '{word}' in: {text}")
