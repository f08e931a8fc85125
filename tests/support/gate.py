"""A way to a Redis server on which what comes by subscribed connections waits while
the gate is shut: answers by other connections are sooner then."""
from spread import Spread

SUBSCRIBED = b"$9\r\nsubscribe\r\n"


class Way:
    """What the server sends by one connection."""

    def __init__(self, writer):
        self.writer, self.held, self.is_subscribed = writer, b"", False

    def let_through(self, barrier):
        """All, or only what is before a barrier; None is none."""
        end = len(self.held)
        if barrier is not None and self.is_subscribed:
            end = place_of(barrier, self.held)
        passed, self.held = self.held[:end], self.held[end:]
        self.is_subscribed |= SUBSCRIBED in passed
        if passed:
            self.writer.write(passed)


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

    def count_held(self, text):
        return sum(way.held.count(text) for way in self.ways)

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
