#!/usr/bin/env python3
"""Subscribers that do not read get what limits.send_queue says, cost bounded
memory, and nobody else misses anything."""
import os
import select
import selectors
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from shoal import Shoal, listener  # noqa: E402
from topics import Clients, Hub  # noqa: E402
from waiting import (SANITIZED, expect, private_bytes,  # noqa: E402
                     run_checks, same, until)
from websocket_raw import (CLOSE, TEXT, WebSocket,  # noqa: E402
                           close_frame, frame)

TOPICS, SIZE = 5, 4096
COUNT = 1000            # 4 MB: more than kernel and queue hold
HIGH = 128 << 10
SMALL = 128 << 10       # what a client's kernel takes unread
WAITING = 50            # published while publishers wait
CROWD, BIG, MANY = 300, 16384, 200
SLACK = 8 << 20         # the worker itself, and what its allocator keeps


def route(when_full, more="", high="128k"):
    return ('limits = { send_queue = { '
            f'high = "{high}"; low = "32k"; when_full = "{when_full}"; {more}'
            '}; };')


def content(number, size):
    return b"m %07d " % number + b"x" * (size - 10)


def number_of(data):
    expect(data[:2] == b"m " and len(data) in (SIZE, BIG), data[:40])
    return int(data[2:9])


class Peer(WebSocket):
    """One that subscribes and publishes."""

    def __init__(self, port, small=False):
        super().__init__(port, "/hub")
        self.numbers, self.code, self.gaps = [], None, 0
        self.take_message()     # its worker
        if small:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)

    def subscribe(self, flags=""):
        self.send(frame(TEXT, f"S{flags} t/#"))
        same(self.take_message()[1], b"s 0 t/#")

    def send_publish(self, number, size=SIZE):
        self.send(frame(TEXT, b"P t/%d\n" % (number % TOPICS) +
                        content(number, size)))

    def publish(self, number, size=SIZE):
        self.send_publish(number, size)
        same(self.take_message()[1], b"p 0")

    def note(self):
        """Notes what comes next; False at the end."""
        part = self.take_frame()
        if part is None or part.opcode == CLOSE:
            self.code = part.code() if part else None
            return False
        if part.data[:2] == b"g ":
            self.gaps += 1
        else:
            self.numbers.append(number_of(part.data))
        return True

    def note_until(self, last):
        """Reads to a message."""
        while not self.numbers or self.numbers[-1] != last:
            expect(self.note(), "the end, behind", self.numbers[-1:])

    def has_bytes(self):
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(self.buffer) or bool(poll.poll(0))


class Scene:
    """A publisher, one who reads and one who does not; a context manager."""

    def __init__(self, when_full, more="", flags=""):
        self.hub = Hub(route_more=route(when_full, more))
        self.when_full, self.flags = when_full, flags

    def __enter__(self):
        hub = self.hub.__enter__()
        self.pid = hub.pid_of(0)
        self.publisher = Peer(hub.port())
        self.reader, self.stuck = Peer(hub.port()), Peer(hub.port(), True)
        self.reader.subscribe()
        self.stuck.subscribe(self.flags)
        self.publish(0, 1)
        self.stuck.note_until(0)
        self.before = private_bytes(self.pid)
        return self

    def __exit__(self, *failure):
        for peer in (self.publisher, self.reader, self.stuck):
            peer.sock.close()
        return self.hub.__exit__(*failure)

    def publish(self, first, end):
        """The one who reads misses nothing."""
        for number in range(first, end):
            self.publisher.publish(number)
            self.reader.note_until(number)

    def judge(self, ahead=8):
        """What one who reads has, and what it has cost; so many messages may be
        on their way when the queue is found to be full."""
        same(self.reader.numbers, list(range(len(self.reader.numbers))))
        grown = private_bytes(self.pid) - self.before
        queued = self.hub.counter("queued_bytes")
        print(f"     {self.when_full}: {COUNT * SIZE >> 10} KB published, "
              f"{queued >> 10} KB queued, {grown >> 10} KB more memory")
        expect(queued <= HIGH + ahead * SIZE, queued)
        expect(SANITIZED or grown <= 4 * HIGH + (1 << 20), grown)


def ascends(numbers):
    return all(a < b for a, b in zip(numbers, numbers[1:]))


def check_close():
    for code in (1013, 1008):
        with Scene("close", f"close_code = {code};") as scene:
            scene.publish(1, COUNT)
            scene.judge()
            same(scene.hub.counter("slow_closed"), 1)
            while scene.stuck.note():
                pass
            # all up to the decision, then the close frame, then nothing
            same(scene.stuck.code, code)
            same(scene.stuck.numbers,
                 list(range(len(scene.stuck.numbers))))
            expect(len(scene.stuck.numbers) * SIZE >= HIGH,
                   len(scene.stuck.numbers))
            scene.stuck.send(close_frame(code))
            scene.stuck.expect_end()


def check_drop_new():
    with Scene("drop_new") as scene:
        scene.publish(1, COUNT)
        # the kernel may take what is queued a little later
        scene.judge()
        dropped = scene.hub.counter("messages_dropped")
        expect(dropped > 0, dropped)
        while len(scene.stuck.numbers) < COUNT - dropped:
            expect(scene.stuck.note(), "the end")
        # there may have been room for some in between
        numbers = scene.stuck.numbers
        kept = HIGH // SIZE
        same(numbers[:kept], list(range(kept)))
        expect(ascends(numbers), numbers)
        scene.hub.wait_counter("queues_full", 0)
        scene.publish(COUNT, COUNT + 1)
        scene.stuck.note_until(COUNT)
        same(scene.hub.counter("messages_dropped"), dropped)


def check_drop_old():
    with Scene("drop_old", flags="r") as scene:
        scene.publish(1, COUNT)
        scene.judge()
        scene.stuck.note_until(COUNT - 1)
        numbers = scene.stuck.numbers
        expect(ascends(numbers), numbers)
        # the newest are all there: as many as the queue holds
        kept = HIGH // SIZE // 2
        same(numbers[-kept:], list(range(COUNT - kept, COUNT)))
        # what told it of gaps may have been among them
        expect(scene.hub.counter("messages_dropped") >= COUNT - len(numbers),
               len(numbers))
        same(scene.hub.counter("slow_closed"), 0)


def check_conflate():
    with Scene("conflate") as scene:
        scene.publish(1, COUNT)
        scene.judge()
        scene.stuck.note_until(COUNT - 1)
        numbers = scene.stuck.numbers
        expect(ascends(numbers), numbers)
        # the last of each topic is there, and each once since it was full
        same(numbers[-TOPICS:], list(range(COUNT - TOPICS, COUNT)))
        same(COUNT - len(numbers), scene.hub.counter("messages_dropped"))
        expect(len(numbers) < COUNT // 2, len(numbers))


def check_pause():
    with Scene("pause") as scene:
        answered = 1
        while True:
            expect(answered < COUNT, "nobody is full")
            scene.publisher.send_publish(answered)
            until(lambda: scene.publisher.has_bytes() or
                  scene.hub.counter("queues_full") != 0, "an answer")
            if not scene.publisher.has_bytes():
                break
            same(scene.publisher.take_message()[1], b"p 0")
            scene.reader.note_until(answered)
            answered += 1
        # those who publish on wait
        count = answered + 1 + WAITING
        for number in range(answered + 1, count):
            scene.publisher.send_publish(number)
        # who waits may go on together
        scene.judge(8 + WAITING)
        expect(answered < count, answered)
        # until it reads: it misses nothing, and nobody does
        def all_have_come():
            for peer in (scene.reader, scene.stuck):
                while peer.has_bytes():
                    expect(peer.note(), "the end")
            # the order of several topics is not promised
            return len(scene.reader.numbers) >= count and \
                len(scene.stuck.numbers) >= count

        until(all_have_come, "all messages", 60)
        for peer in (scene.reader, scene.stuck):
            same(sorted(peer.numbers), list(range(count)))
            for topic in range(TOPICS):
                expect(ascends([number for number in peer.numbers
                                if number % TOPICS == topic]), peer.numbers)
        for _ in range(count - answered):
            same(scene.publisher.take_message()[1], b"p 0")
        same(scene.hub.counter("messages_dropped"), 0)


def check_stall():
    """Who takes nothing is cut; who is slow is not."""
    with Scene("drop_new", 'stall_timeout = "1s"; ') as scene:
        number = 1
        while scene.hub.counter("messages_dropped") == 0:
            scene.publish(number, number + 10)
            number += 10
        scene.hub.wait_counter("stalled", 1)
        scene.publish(number, number + 1)
        same(scene.hub.counter("slow_closed"), 0)
        while scene.stuck.fill():
            pass


def check_crowd():
    """As fast as one can publish, which is more than 1 MB/s."""
    for when_full in ("close", "drop_new", "drop_old", "conflate"):
        with Hub(route_more=route(when_full, high="1M"),
                 more='limits = { worker_queue = "16M"; };') as hub, \
                Clients(hub.port()) as clients:
            pid = hub.pid_of(0)
            clients.do("open", "stuck", CROWD, "narrow")
            clients.do("subscribe", "stuck", "t/#")
            clients.do("stall", "stuck")
            publisher, reader = Peer(hub.port()), Peer(hub.port())
            reader.subscribe()
            before, worst = private_bytes(pid), 0
            for number in range(MANY):
                publisher.publish(number, BIG)
                reader.note_until(number)
                if number % 10 == 0:
                    worst = max(worst, private_bytes(pid) - before)
            print(f"     {CROWD} that do not read, {when_full}: "
                  f"{MANY * BIG >> 10} KB to each, at most "
                  f"{worst >> 10} KB more memory")
            expect(SANITIZED or worst <= (16 << 20) + SLACK, worst)
            same(reader.numbers, list(range(MANY)))
            expect(when_full == "conflate" or
                   hub.counter("queued_bytes") > CROWD << 19,
                   hub.counter("queued_bytes"))
            for peer in (publisher, reader):
                peer.sock.close()


def check_worker_queue():
    """What handlers queue themselves is bounded, too."""
    queue = 'limits = { send_queue = { high = "1M"; low = "16k"; }; };'
    cap, each = 16 << 20, 700 << 10
    with Shoal() as shoal:
        shoal.configure(listener(more=queue),
                        more='limits = { worker_queue = "16M"; };')
        shoal.run()
        pid = shoal.pid_of(0)
        before = private_bytes(pid)
        socks, selector = [], selectors.DefaultSelector()
        for _ in range(CROWD):
            sock = socket.create_connection(("127.0.0.1", shoal.port()))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
            sock.setblocking(False)
            selector.register(sock, selectors.EVENT_WRITE)
            socks.append(sock)
        sent, idle = dict.fromkeys(socks, 0), 0
        block = b"x" * 65536
        while idle < 5:
            ready = [key.fileobj for key, _ in selector.select(0.2)]
            idle = 0 if ready else idle + 1
            for sock in ready:
                sent[sock] += sock.send(block)
                if sent[sock] >= each:
                    selector.unregister(sock)
        grown = private_bytes(pid) - before
        queued = shoal.counter("queued_bytes")
        print(f"     {sum(sent.values()) >> 20} MB to be echoed, "
              f"{queued >> 10} KB queued, {grown >> 10} KB more memory")
        # that of one turn, and a short read of each, may be answered beyond
        bound = cap + 131072 + CROWD * (16384 + 16384)
        expect(queued <= bound, queued)
        expect(SANITIZED or grown <= bound + SLACK, grown)
        expect(queued >= cap // 2, queued)
        selector.close()
        for sock in socks:
            sock.close()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
