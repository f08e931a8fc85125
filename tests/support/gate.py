"""A way to a Redis server on which what comes by subscribed connections waits while
the gate is shut: answers by other connections are sooner then. What is asked may wait
too."""
from spread import Spread

SUBSCRIBED = b"$9\r\nsubscribe\r\n"


class Way:
    """What the server sends by one connection."""

    def __init__(self, writer):
        self.writer, self.held, self.is_subscribed = writer, b"", False
        self.brought = b""

    def let_through(self, barrier):
        """All, or only what is before a barrier; None is none."""
        end = len(self.held)
        if barrier is not None and self.is_subscribed:
            end = place_of(barrier, self.held)
        passed, self.held = self.held[:end], self.held[end:]
        self.is_subscribed |= SUBSCRIBED in passed
        self.brought += passed
        if passed:
            self.writer.write(passed)


class Asks:
    """What a client sends by one connection."""

    def __init__(self, writer):
        self.writer, self.sent, self.passed = writer, b"", 0

    def let_through(self, barrier):
        """All, or what is before the second time that a barrier begins."""
        end = len(self.sent)
        if barrier is not None and barrier in self.sent:
            begin = self.sent.index(barrier) + 1
            end = begin + place_of(barrier, self.sent[begin:])
        if end > self.passed:
            self.writer.write(self.sent[self.passed:end])
            self.passed = end


def place_of(barrier, data):
    """Where it begins, or may begin when more comes."""
    found = data.find(barrier)
    if found >= 0:
        return found
    return next(at for at in range(len(data) + 1)
                if barrier.startswith(data[at:]))


class Gate(Spread):
    """A context manager for one that runs."""

    def __init__(self, server):
        super().__init__((server.address, server.port))
        self.server, self.ways, self.barrier = server, [], None
        self.asks, self.ask_barrier = [], None

    def broker(self, more=""):
        """The group `broker' of a configuration, by this way; a shut gate is no
        reason to come anew."""
        return self.server.broker(more).replace(
            f":{self.server.port}/", f":{self.port}/").replace(
                'timeout = "2s"', 'timeout = "60s"')

    def shut(self, barrier=b""):
        """From now on all waits from where these bytes begin."""
        self.loop.call_soon_threadsafe(self.set_barrier, barrier)

    def open(self):
        self.shut(None)

    def hold_asks(self, barrier):
        """What clients send from now on waits, on each connection from the second
        time that these bytes begin; None: no longer."""
        self.loop.call_soon_threadsafe(self.set_ask_barrier, barrier)

    def set_ask_barrier(self, barrier):
        self.ask_barrier = barrier
        for ask in self.asks:
            ask.let_through(barrier)

    def count_held(self, text):
        return sum(way.held.count(text) for way in self.ways)

    def count_brought(self, text):
        return sum(way.brought.count(text) for way in self.ways)

    def set_barrier(self, barrier):
        self.barrier = barrier
        for way in self.ways:
            way.let_through(barrier)

    async def bring(self, reader, writer):
        way = Way(writer)
        self.ways.append(way)
        try:
            while data := await reader.read(65536):
                way.held += data
                way.let_through(self.barrier)
                await writer.drain()
        except OSError:
            pass
        finally:
            self.ways.remove(way)
            writer.close()

    async def send(self, reader, writer):
        ask = Asks(writer)
        self.asks.append(ask)
        try:
            while data := await reader.read(65536):
                ask.sent += data
                ask.let_through(self.ask_barrier)
                await writer.drain()
        except OSError:
            pass
        finally:
            self.asks.remove(ask)
            writer.close()
