"""Topics of one worker as clients see them: over TCP and WebSocket, in both
styles; wildcards, rendered messages, gaps, a reload."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import modules  # noqa: E402
from clients import connect  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import SRCDIR, expect, run_checks, same, until  # noqa: E402
from websocket_raw import CLOSE, TEXT, WebSocket, close_frame, frame  # noqa: E402

QUEUE = ("limits = { send_queue = { high = \"64k\"; low = \"16k\"; "
         "when_full = \"%s\"; }; };")


class Topics(Shoal):
    """A daemon of one worker with a listener for each sort of connection."""

    def __init__(self, when_full="close"):
        super().__init__()
        path = os.path.join(SRCDIR, "tests", "support", "topics_by_command.c")
        with open(path, encoding="utf-8") as source:
            self.module = modules.compile_text(
                self.path("topics.so"), source.read())
        routes = ", ".join(
            f'{{ path = "/{style}"; handler = "topics.{style}"; '
            'websocket = { ping = "off"; }; }' for style in ("call", "serve"))
        self.configure(
            listener("127.0.0.1:0", "topics.call"),
            listener("127.0.0.2:0", "topics.serve"),
            '{ address = "127.0.0.3:0"; protocol = "http"; '
            f'routes = ( {routes} ); }}',
            modules=modules.entry(self.module, "topics"),
            more=QUEUE % when_full)

    def __enter__(self):
        self.run()
        return self

    def at(self, index):
        return (f"127.0.0.{index + 1}", self.port(index))


class Lines:
    """A client of TCP: a line is a command, an answer or a message."""

    def __init__(self, shoal, style):
        self.sock = connect(shoal.at(0 if style == "call" else 1))
        self.file = self.sock.makefile("rb")

    def say(self, text):
        self.sock.sendall(text.encode() + b"\n")

    def hear(self):
        return self.file.readline().decode().rstrip("\n")

    def close(self):
        self.file.close()
        self.sock.close()


class Frames:
    """A client of WebSocket: a message is a command, an answer or a message."""

    def __init__(self, shoal, style):
        self.ws = WebSocket(shoal.at(2), "/" + style)

    def say(self, text):
        self.ws.send(frame(TEXT, text.encode()))

    def hear(self):
        opcode, data = self.ws.take_message()
        same(opcode, TEXT)
        return data.decode().rstrip("\n")

    def close(self):
        self.ws.send(close_frame(1000))
        self.ws.expect_close(1000)


SORTS = [(kind, style) for kind in (Lines, Frames)
         for style in ("call", "serve")]


def do(client, text, result=0):
    """A command whose answer comes next."""
    client.say(text)
    same(client.hear(), f"ok {result}", text)


def each_sort(shoal):
    return [kind(shoal, style) for kind, style in SORTS]


def check_everybody_gets_it():
    with Topics() as shoal:
        clients = each_sort(shoal)
        for client in clients:
            do(client, "subscribe news/+")
            do(client, "subscribe news/+", -17)
            do(client, "subscribe news/#")
        for number, client in enumerate(clients):
            client.say(f"publish news/1 {number}")
            heard = sorted([client.hear(), client.hear()])
            same(heard, [f"news/1={number} from one", "ok 0"])
            for other in clients:
                if other is not client:
                    same(other.hear(), f"news/1={number} from one")
        for client in clients:
            do(client, "count news/2", 4)
        # once for each of the two sorts of connections
        do(clients[0], "rendered", 2 * len(clients))
        for left, client in enumerate(clients):
            do(client, "unsubscribe news/+")
            do(client, "unsubscribe news/+", -2)
            do(client, "count news/1", len(clients) - left)
            client.close()
            until(lambda: shoal.counter("subscriptions") ==
                  len(clients) - left - 1 + len(clients) - left - 1 + 1,
                  "the subscriptions of one that has gone are")


def check_not_to_sender():
    with Topics() as shoal:
        clients = each_sort(shoal)
        for client in clients:
            do(client, "subscribe t")
        for client in clients:
            client.say("others t x")
        for client in clients:
            client.say("count t")
            heard = [client.hear() for _ in range(len(clients) + 1)]
            same(sorted(heard), ["ok 0", f"ok {len(clients)}"] +
                 ["t=x from one"] * (len(clients) - 1))


def check_plain():
    with Topics() as shoal:
        line, ws = Lines(shoal, "serve"), Frames(shoal, "serve")
        do(line, "plain t")
        do(ws, "plain t")
        other = Lines(shoal, "call")
        do(other, "publish t bytes")
        same(ws.hear(), "bytes")
        same(line.file.read(5), b"bytes")


def check_refusals():
    with Topics() as shoal:
        for client in each_sort(shoal):
            for bad in ("a//b", "a/#/b", "$own", "a+", "/"):
                do(client, f"subscribe {bad}", -22)
                do(client, f"publish {bad} x", -22)
            do(client, "publish a/+ x", -22)
        same(shoal.counter("published"), 0)


def check_program_answers():
    """A subscriber of the program's, whose function waits."""
    with Topics() as shoal:
        client = Frames(shoal, "call")
        do(client, "subscribe answer")
        for number in range(20):
            do(client, f"publish ask {number}")
        for number in range(20):
            same(client.hear(), f"answer={number} from none")


def check_status():
    with Topics() as shoal:
        client = Lines(shoal, "call")
        do(client, "subscribe t")
        do(client, "publish u x")
        client.say("publish t x")
        client.hear(), client.hear()
        for name, value in (("published", 2), ("delivered", 1),
                            ("subscriptions", 2), ("gaps", 0)):
            shoal.wait_counter(name, value)
        text = shoal.good("status")
        expect(re.search("^topics: 2 subscriptions, 2 messages published, "
                         "1 delivered, 0 gaps$", text, re.M), text)


def hear_until(client, last):
    """What comes before a message, that is no filling."""
    heard = []
    while (text := client.hear()) != last:
        if "xxx" not in text:
            heard.append(text)
    return heard


def check_gap():
    """One that does not read misses messages, and is told."""
    with Topics("drop_new") as shoal:
        for kind, style in SORTS:
            slow, fast = kind(shoal, style), Frames(shoal, "call")
            do(slow, "subscribe t")
            gaps = shoal.counter("gaps")
            # more than the kernel takes
            do(fast, "flood 300 60000 t")
            until(lambda before=gaps: shoal.counter("gaps") > before,
                  "there is a gap")
            while slow.hear() != "gap t":
                continue
            do(fast, "publish t behind")
            while slow.hear() != "t=behind from one":
                continue
            slow.close()
            fast.close()
            until(lambda: shoal.counter("subscriptions") == 1, "they are gone")


def hear_close(client):
    """The code of the close frame behind all else."""
    while True:
        part = client.ws.take_frame()
        expect(part is not None, "the end without a close frame")
        if part.opcode == CLOSE:
            return part.code()


def check_brittle():
    """A gap closes a WebSocket that wants that."""
    with Topics("drop_new") as shoal:
        slow, fast = Frames(shoal, "serve"), Frames(shoal, "call")
        do(slow, "brittle t")
        do(fast, "flood 300 60000 t")
        same(hear_close(slow), 1013)
        same(shoal.counter("gaps"), 1)


def check_pause():
    """Publishers wait for one that does not read, and nothing is lost."""
    with Topics("pause") as shoal:
        slow, fast = Frames(shoal, "serve"), Frames(shoal, "serve")
        do(slow, "plain t")
        fast.say("flood 300 60000 t")
        shoal.wait_counter("queues_full", 1)
        other = Lines(shoal, "call")
        do(other, "publish t x", -11)
        do(other, "publish u x")
        for _ in range(300):
            same(len(slow.hear()), 60000)
        same(fast.hear(), "ok 0")
        do(other, "publish t x")
        same(slow.hear(), "x")
        same(shoal.counter("gaps"), 0)


def check_slow_is_closed():
    with Topics("close") as shoal:
        slow, fast = Frames(shoal, "serve"), Frames(shoal, "serve")
        do(slow, "plain t")
        do(fast, "flood 300 60000 t")
        same(hear_close(slow), 1013)


def check_drain():
    """The clients of a worker that drains go on, and the program's subscriber
    does not keep it alive."""
    with Topics() as shoal:
        old = shoal.pid_of()
        first, second = Frames(shoal, "call"), Lines(shoal, "serve")
        do(first, "subscribe t")
        shoal.reload()
        until(lambda: shoal.pid_of() != old, "a new worker serves")
        do(second, "publish t still")
        same(first.hear(), "t=still from one")
        do(second, "publish ask it")
        second.close()
        first.close()
        until(lambda: len(shoal.workers("draining")) == 0, "the old one ends")
        client = Lines(shoal, "call")
        do(client, "count t")


run_checks(globals())
