#!/usr/bin/env python3
"""Topics with a history: what was published before comes to who asks for it, in one
order, on whichever worker; also over reloads. When a home dies, a gap is told."""
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import modules  # noqa: E402
from shoal import Shoal, kill_worker  # noqa: E402
from waiting import SRCDIR, expect, run_checks, same, until  # noqa: E402
from websocket_raw import TEXT, WebSocket  # noqa: E402

WORKERS = 4
RULES = """topics = { history = (
    { filter = "one"; count = 1; },
    { filter = "chat/#"; count = 1000; bytes = "1M"; age = "1h"; },
    { filter = "small"; bytes = 300; } ); };"""
SHORT = 'topics = { history = ( { filter = "#"; count = 100; } ); };'
KEEP_OLD = 'reload = { drain_timeout = "10m"; max_old = 10; }; '
# Nobody reads while others publish, however long that takes.
CALM = (KEEP_OLD + 'limits = { send_queue = { high = "256M"; '
        'stall_timeout = "off"; }; }; ')
BACKOFF = 'backoff = { first = "10ms"; max = "100ms"; };'
MASK = (1 << 64) - 1


def home_of(topic, slots=WORKERS):
    """The slot of a topic, see sh_topic_hash()."""
    value = 0xcbf29ce484222325
    for byte in topic.encode():
        value = (value ^ byte) * 0x100000001b3 & MASK
    value ^= value >> 33
    value = value * 0xff51afd7ed558ccd & MASK
    value ^= value >> 33
    return (value or 1) % slots


class Server(Shoal):
    """A daemon with histories; runs when it is entered."""

    def __init__(self, workers=WORKERS, calm=CALM, more=RULES):
        super().__init__()
        with open(os.path.join(SRCDIR, "tests", "support", "historian.c"),
                  encoding="utf-8") as source:
            module = modules.compile_text(
                self.path("historian.so"), source.read())
        self.configure(
            '{ address = "127.0.0.1:0"; protocol = "http"; routes = ('
            ' { path = "/"; handler = "historian.serve";'
            ' websocket = { ping = "off"; }; } ); }',
            modules=modules.entry(module, "historian"), workers=workers,
            workers_more=BACKOFF, more=calm + more)

    def __enter__(self):
        self.run()
        self.address = ("127.0.0.1", self.port())
        return self

    def on_every_worker(self):
        """A client on each worker, by process id."""
        clients = {}
        wanted = {worker["pid"] for worker in self.workers()}

        def is_there():
            client = Client(self.address)
            if client.pid in wanted and client.pid not in clients:
                clients[client.pid] = client
            else:
                client.sock.close()
            return len(clients) == len(wanted)

        until(is_there, "a client on every worker", 20)
        return clients


class Client(WebSocket):
    """A WebSocket of the module; keeps what comes between answers."""

    def __init__(self, address):
        super().__init__(address, "/")
        self.events = []
        self.pid = int(self.next_text().split()[1])

    def next_text(self):
        message = self.take_message()
        expect(message is not None, "the connection has ended")
        return message[1].decode()

    def ask(self, text):
        """Gives a command; returns the words of its answer."""
        self.send_text(text)
        while True:
            answer = self.next_text()
            if answer[0] not in "mg":
                return answer.split()
            self.take_event(answer)

    def send_text(self, text):
        from websocket_raw import frame
        self.send(frame(TEXT, text.encode()))

    def take_event(self, text):
        if text[0] == "g":
            self.events.append(("gap",))
        else:
            _, _, epoch, offset, replayed, data = text.split(" ", 5)
            self.events.append(
                (data, int(epoch), int(offset), replayed == "1"))

    def wait_events(self, count):
        """Takes events until there are so many."""
        while len(self.events) < count:
            text = self.next_text()
            expect(text[0] in "mg", text)
            self.take_event(text)
        return self.events

    def publish(self, topic, text):
        same(self.ask(f"P {topic} {text}"), ["p", "0"])

    def subscribe(self, topic, replay=0, behind=None):
        epoch, offset = behind or (0, 0)
        same(self.ask(f"S {topic} {replay} {int(behind is not None)} "
                      f"{epoch} {offset}"), ["s", "0"])

    def history(self, topic, epoch=0, offset=0, most=0):
        """Epoch, offset, whether there is a gap, and the texts."""
        words = self.ask(f"H {topic} {epoch} {offset} {most}")
        same(words[:2], ["h", "0"])
        return int(words[2]), int(words[3]), words[4] == "1", words[5:]


def texts_of(events):
    return [event[0] for event in events]


def same_texts(client, count, *wanted):
    """So many events come, with these texts; else tells of each what it was."""
    events = client.wait_events(count)
    same(texts_of(events), list(wanted), events)
    return events


def check_bounds_and_last_value():
    with Server() as server:
        clients = list(server.on_every_worker().values())
        for number in range(8):
            clients[number % WORKERS].publish("one", f"v{number}")
            clients[number % WORKERS].publish("small", f"s{number:036}")
        until(lambda: clients[0].history("one")[1] == 8, "all to be out")
        until(lambda: clients[0].history("small")[1] == 8, "all to be out")
        for client in clients:
            epoch, offset, gap, texts = client.history("one")
            same((offset, gap, len(texts)), (8, False, 1))
            # 300 bytes are two of 37 and 64 each
            same(len(client.history("small")[3]), 2)
            same(client.history("one", epoch, 3)[2], True)
            same(client.history("one", epoch, 7)[2], False)
            same(client.ask("H none 0 0 0")[1], "-2")
            client.subscribe("one", replay=1)
            same(client.wait_events(1)[0][2:], (8, True))


def check_one_order_on_every_worker():
    with Server() as server:
        clients = list(server.on_every_worker().values())
        for client in clients:
            client.subscribe("chat/1")
        for number in range(50):
            for client in clients:
                client.send_text(f"P chat/1 {client.pid}:{number}")
        for client in clients:
            answers = 0
            while len(client.events) < 200 or answers < 50:
                text = client.next_text()
                if text[0] in "mg":
                    client.take_event(text)
                else:
                    same(text, "p 0")
                    answers += 1
        same([event[2] for event in clients[0].events],
             list(range(1, 201)))
        for client in clients:
            same(client.events, clients[0].events)


def check_resume():
    with Server() as server:
        clients = list(server.on_every_worker().values())
        writer, reader = clients[0], clients[1]
        reader.subscribe("chat/2")
        for number in range(10):
            writer.publish("chat/2", f"a{number}")
        epoch, offset = reader.wait_events(10)[-1][1:3]
        same(offset, 10)
        reader.sock.close()
        for number in range(10):
            writer.publish("chat/2", f"b{number}")
        for client in clients[2:]:
            client.subscribe("chat/2", -1, (epoch, offset))
            same(texts_of(client.wait_events(10)),
                 [f"b{number}" for number in range(10)])
            expect(all(event[3] for event in client.events))
        late = Client(server.address)
        late.subscribe("chat/2", 3)
        same(texts_of(late.wait_events(3)), ["b7", "b8", "b9"])
        late.sock.close()
        late = Client(server.address)
        late.subscribe("chat/2", 3, (epoch + 1, 4))
        same(texts_of(late.wait_events(4)), ["gap", "b7", "b8", "b9"])


def check_a_reload_hands_over():
    """Also when the old workers have nothing else to do."""
    with Server() as server:
        client = Client(server.address)
        for topic in range(8):
            for number in range(20):
                client.publish(f"chat/{topic}", f"{number}")
        until(lambda: all(client.history(f"chat/{topic}")[1] == 20
                          for topic in range(8)), "all to be out")
        before = [client.history(f"chat/{topic}") for topic in range(8)]
        client.sock.close()
        server.reload()
        client = Client(server.address)
        same([client.history(f"chat/{topic}") for topic in range(8)], before)
        client.publish("chat/0", "more")
        until(lambda: client.history("chat/0")[:2] == (before[0][0], 21),
              "it to go on in the same epoch")


def check_much_is_handed_over_and_replayed():
    """More than a ring, and than a send queue, holds."""
    count, size = 300, 60000
    with Server(calm=KEEP_OLD, more="topics = { history = ("
                ' { filter = "#"; bytes = "64M"; } ); };') as server:
        client = Client(server.address)
        for number in range(count):
            client.publish("t", f"{number}:" + "x" * size)
        until(lambda: client.history("t", most=1)[1] == count, "all to be out")
        client.sock.close()
        server.reload()
        client = Client(server.address)
        client.subscribe("t", -1)
        same([text.partition(":")[0] for text in
              texts_of(client.wait_events(count))],
             [str(number) for number in range(count)])


class Publisher(threading.Thread):
    """Publishes without an end, until it is told to stop."""

    def __init__(self, client, name):
        super().__init__(daemon=True)
        self.client, self.label = client, name
        self.count = 0
        self.ended = threading.Event()

    def run(self):
        while not self.ended.is_set():
            self.client.publish("chat/9", f"{self.label}:{self.count}")
            self.count += 1

    def stop(self):
        self.ended.set()
        self.join()


def collect(client, publishers):
    """Waits until the last message of all of them has come."""
    wanted = sum(publisher.count for publisher in publishers)
    client.wait_events(wanted)
    same(len(client.events), wanted)
    offsets = [event[2] for event in client.events if event[0] != "gap"]
    return offsets


def check_reloads_while_many_publish():
    """However far behind a worker is when the home moves: the history is short."""
    with Server(more=SHORT) as server:
        reader = Client(server.address)
        reader.subscribe("chat/9")
        publishers = []
        for generation in range(6):
            for _ in range(3):
                publisher = Publisher(
                    Client(server.address), f"p{len(publishers)}")
                publishers.append(publisher)
                publisher.start()
            counts = [p.count for p in publishers]
            until(lambda: all(p.count > c + 20 for p, c in
                              zip(publishers, counts)), "all to publish")
            if generation < 5:
                server.reload()
        for publisher in publishers:
            publisher.stop()
        offsets = collect(reader, publishers)
        same(offsets, list(range(1, len(offsets) + 1)))
        same(len({event[1] for event in reader.events}), 1)
        for publisher in publishers:
            own = [text for text in texts_of(reader.events)
                   if text.startswith(publisher.label + ":")]
            same(own, [f"{publisher.label}:{number}"
                       for number in range(publisher.count)])
        late = Client(server.address)
        late.subscribe("chat/9", 100)
        same(texts_of(late.wait_events(100)),
             texts_of(reader.events[-100:]))
        print(f"     {len(offsets)} messages over 5 reloads")


def check_who_stood_still_over_a_reload_misses_nothing():
    """What the old home published is read before what the new one has, though
    the history keeps little of both."""
    with Server(more=SHORT) as server:
        clients = server.on_every_worker()
        home = server.pid_of(home_of("chat/9"))
        reader = next(client for pid, client in clients.items() if pid != home)
        writer = clients[home]
        reader.subscribe("chat/9")
        os.kill(reader.pid, signal.SIGSTOP)
        try:
            for number in range(400):
                writer.publish("chat/9", f"a{number}")
            server.reload()
            late = Client(server.address)
            for number in range(400):
                late.publish("chat/9", f"b{number}")
            until(lambda: late.history("chat/9")[1] == 800, "all to be out")
        finally:
            os.kill(reader.pid, signal.SIGCONT)
        reader.wait_events(800)
        same(texts_of(reader.events).count("gap"), 0)
        same([event[2] for event in reader.events], list(range(1, 801)))


def check_the_home_dies():
    with Server() as server:
        clients = server.on_every_worker()
        home = server.pid_of(home_of("chat/9"))
        lost = clients.pop(home)
        others = list(clients.values())
        for client in others:
            client.subscribe("chat/9")
        publishers = []

        def is_one_elsewhere():
            publishers.append(
                Publisher(Client(server.address), f"p{len(publishers)}"))
            return len(publishers) >= 6 and any(
                p.client.pid != home for p in publishers)

        until(is_one_elsewhere, "a publisher that is not at the home")
        survivors = [p for p in publishers if p.client.pid != home]
        for publisher in survivors:
            publisher.start()
        until(lambda: all(p.count > 20 for p in survivors), "all to publish")
        kill_worker(home)
        counts = [p.count for p in survivors]
        until(lambda: all(p.count > c + 20 for p, c in
                          zip(survivors, counts)), "it to go on", 20)
        for publisher in survivors:
            publisher.stop()
        wanted = sum(p.count for p in survivors)
        for client in others:
            while len([e for e in client.events if e[0] != "gap"]) < wanted:
                client.wait_events(len(client.events) + 1)
            same(texts_of(client.events).count("gap"), 1)
            epochs = [e[1] for e in client.events if e[0] != "gap"]
            same(len(set(epochs)), 2)
            same(epochs, sorted(epochs))
            for publisher in survivors:
                own = [text for text in texts_of(client.events)
                       if text.startswith(publisher.label + ":")]
                same(own, [f"{publisher.label}:{number}"
                           for number in range(publisher.count)])
        epoch = others[0].events[0][1]
        same(others[0].history("chat/9", epoch, 1)[2], True)
        lost.sock.close()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
