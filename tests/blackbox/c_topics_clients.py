#!/usr/bin/env python3
"""Tests the topics' test client against hubs that are right or wrong: what it is
to find it has to find."""
import asyncio
import logging
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from topics import FAULTS, Clients, judge  # noqa: E402
from waiting import expect, run_checks, same  # noqa: E402

WELCOME = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
           b"Connection: Upgrade\r\n"
           b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


def frame(opcode, content):
    size = len(content)
    if size < 126:
        return bytes([0x80 | opcode, size]) + content
    return bytes([0x80 | opcode, 126, size >> 8, size & 0xff]) + content


async def read_frame(reader):
    """Opcode and content; the client's masks are zeroes."""
    head = await reader.readexactly(2)
    size = head[1] & 0x7f
    if size == 126:
        size = int.from_bytes(await reader.readexactly(2), "big")
    same(await reader.readexactly(4), bytes(4))
    return head[0] & 0xf, await reader.readexactly(size)


def matches(topic_filter, topic):
    """As the client matches, written another way."""
    wanted, found = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted.pop()
        if len(found) < len(wanted):
            return False
        found = found[:len(wanted)]
    return len(wanted) == len(found) and all(
        one in ("+", other) for one, other in zip(wanted, found))


class Member:
    def __init__(self, number, writer):
        self.number, self.writer = number, writer
        self.filters, self.got, self.kept = set(), 0, []

    def say(self, text):
        self.writer.write(frame(1, text.encode()))


class FakeHub:
    """A hub in one process; fault(hub, member, content) spoils deliveries."""

    def __init__(self, fault=None):
        self.fault = fault or (lambda hub, member, content: [content])
        self.members, self.count = {}, 0
        self.port, self.loop = None, asyncio.new_event_loop()
        self.keeps_unsubscribed = self.sends_back = False
        ready = threading.Event()
        threading.Thread(target=self.run, args=(ready,), daemon=True).start()
        ready.wait(10)

    def run(self, ready):
        async def begin():
            server = await asyncio.start_server(
                self.serve, "127.0.0.1", 0, backlog=256)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(begin())
        self.loop.run_forever()

    async def serve(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(WELCOME)
        member = Member(self.count, writer)
        self.count += 1
        self.members[member.number] = member
        member.say(f"w {1000 + member.number % 3}")
        try:
            while True:
                opcode, content = await read_frame(reader)
                if opcode == 8:
                    writer.write(frame(8, content[:2]))
                    break
                self.obey(member, content.decode())
        except (OSError, asyncio.IncompleteReadError):
            pass
        del self.members[member.number]
        writer.close()

    def obey(self, member, text):
        head, _, rest = text.partition(" ")
        if head[0] == "S":
            member.filters.add(rest)
            member.say(f"s 0 {rest}")
        elif head[0] == "U":
            if not self.keeps_unsubscribed:
                member.filters.discard(rest)
            member.say(f"u 0 {rest}")
        else:
            topic, _, content = rest.partition("\n")
            for other in list(self.members.values()):
                if (other is not member or "n" not in head or
                        self.sends_back) and \
                        any(matches(f, topic) for f in other.filters):
                    for part in self.fault(self, other, content):
                        other.say(part)
                    other.got += 1
            member.say("p 0")

    def cut(self, number):
        """Aborts one connection."""
        self.loop.call_soon_threadsafe(
            self.members[number].writer.transport.abort)


def spoil(number, at, make):
    """A fault in one message of one subscriber."""
    return lambda hub, member, content: (
        make(member, content) if (member.number, member.got) == (number, at)
        else [content])


def run_scene(clients, messages=20):
    """Thirty subscribe in three ways, four publish; the last report."""
    clients.do("open", "plain", 10)
    clients.do("open", "wild", 10)
    clients.do("open", "any", 10)
    for number in range(4):
        clients.do("subscribe", "plain", f"t/{30 + number}")
    clients.do("subscribe", "wild", "t/+")
    clients.do("subscribe", "any", "#")
    clients.do("open", "publisher", 4)
    clients.do("feed", "publisher", "t/%")
    clients.do("publish", messages)
    return clients.try_to("settle")


def check_right():
    hub = FakeHub()
    with Clients(hub.port, size=200) as clients:
        result = run_scene(clients)
        same((result["done"], result["received"], result["acked"]),
             (True, 30 * 4 * 20, 4 * 20))
        same(sum(result["workers"].values()), 34)
        same(clients.finish()["finished"], 34)


def find(field, fault, **faults):
    """Exactly one sort of fault is found."""
    hub = FakeHub(fault)
    for name, value in faults.items():
        setattr(hub, name, value)
    with Clients(hub.port, seconds=2) as clients:
        result = run_scene(clients)
        expect(result[field] > 0, field, result)
        others = [key for key in FAULTS if key != field and result[key]]
        same(others, [], result)
        try:
            judge(result)
        except AssertionError:
            return
        expect(not result["done"], "nobody would have noticed", result)


def check_lost_in_between():
    find("missed", spoil(13, 7, lambda member, content: []))


def check_lost_at_the_end():
    find("outstanding", spoil(13, 79, lambda member, content: []))


def check_doubled():
    find("doubled", spoil(3, 11, lambda member, content: 2 * [content]))


def check_late_double():
    """One that comes again much later."""
    def make(hub, member, content):
        member.kept.append(content)
        return [content] if member.got != 60 else [content, member.kept[8]]
    find("doubled", make)


def check_swapped():
    def make(hub, member, content):
        if member.number != 21 or member.got not in (40, 41, 42, 43):
            return [content]
        member.kept.append(content)
        return member.kept[::-1] if member.got == 43 else []
    hub = FakeHub(make)
    with Clients(hub.port, seconds=2, window=8) as clients:
        result = run_scene(clients)
        # some are passed over, and come too late
        expect(result["missed"] > 0 and result["doubled"] > 0, result)


def check_changed():
    find("strange", spoil(5, 5, lambda member, content: [
        content, content[:-1] + "!"]))


def check_one_of_another_run():
    find("strange", spoil(5, 5, lambda member, content: [
        content, content.replace("m ", "m 7", 1)]))


def check_unsubscribed():
    for keeps in (False, True):
        hub = FakeHub()
        with Clients(hub.port) as clients:
            clients.do("open", "some", 5)
            clients.do("subscribe", "some", "t")
            clients.do("open", "publisher", 1)
            clients.do("feed", "publisher", "t")
            clients.do("publish", 3)
            same(clients.do("settle")["received"], 15)
            hub.keeps_unsubscribed = keeps
            clients.do("unsubscribe", "some", "t")
            clients.do("publish", 3)
            clients.do("settle")
            # what is behind the answers has come before these
            result = clients.do("subscribe", "some", "other")
            same(result["unwanted"], 15 if keeps else 0, result)


def check_churn():
    hub = FakeHub()
    with Clients(hub.port) as clients:
        clients.do("open", "restless", 5)
        clients.do("subscribe", "restless", "#")
        clients.do("open", "some", 5)
        clients.do("subscribe", "some", "#")
        clients.do("open", "publisher", 2)
        clients.do("feed", "publisher", "t/%")
        clients.do("churn", "restless", "#", "on")
        clients.do("stream", "on")
        clients.do("progress", 1000)
        clients.do("stream", "off")
        clients.do("churn", "restless", "#", "off")
        result = clients.do("settle")
        expect(result["received"] > 5 * result["acked"], result)
        clients.finish()


def check_not_to_sender():
    for back in (False, True):
        hub = FakeHub()
        hub.sends_back = back
        with Clients(hub.port) as clients:
            clients.do("open", "both", 6)
            clients.do("subscribe", "both", "t")
            clients.do("feed", "both", "t", "n")
            clients.do("publish", 4)
            result = clients.do("settle")
            same(result["unwanted"], 24 if back else 0, result)


def check_cut_off():
    """Who is cut off comes again; what it published counts as far as it was
    acknowledged."""
    hub = FakeHub()
    with Clients(hub.port) as clients:
        clients.do("open", "some", 10)
        clients.do("subscribe", "some", "t")
        clients.do("feed", "some", "t")
        clients.do("reconnect", "on")
        clients.do("stream", "on")
        for number in (2, 7):
            clients.do("progress", 500)
            hub.cut(number)
        clients.do("lost", 2)
        clients.do("progress", 500)
        clients.do("stream", "off")
        result = clients.do("settle")
        same((result["lost"], result["reconnected"], result["feeds"]),
             (2, 2, 12), result)
        clients.finish()


def check_gap():
    """A gap that is told is none that counts; but what comes behind does."""
    def lose(told):
        def make(hub, member, content):
            if member.number != 4 or not 10 <= member.got < 15:
                return [content]
            return []
        def make_told(hub, member, content):
            if (member.number, member.got) == (4, 15):
                member.say("g #")
            return make(hub, member, content)
        return make_told if told else make

    for told in (False, True):
        hub = FakeHub(lose(told))
        with Clients(hub.port) as clients:
            clients.do("open", "some", 6)
            clients.do("subscribe", "some", "#")
            clients.do("open", "publisher", 1)
            clients.do("feed", "publisher", "t")
            clients.do("publish", 30)
            result = clients.do("settle")
            same((result["missed"], result["gaps"]),
                 (0, 1) if told else (5, 0), result)


def check_stalled():
    """Who does not read keeps nobody waiting, and gets all of it later."""
    hub = FakeHub()
    with Clients(hub.port) as clients:
        clients.do("open", "slow", 2)
        clients.do("open", "some", 4)
        clients.do("subscribe", "slow", "t")
        clients.do("subscribe", "some", "t")
        clients.do("feed", "some", "t")
        clients.do("stall", "slow")
        clients.do("publish", 50)
        same(clients.do("settle")["received"], 4 * 4 * 50)
        clients.do("expect", "slow")
        same(clients.do("settle")["received"], 6 * 4 * 50)
        clients.finish()


if __name__ == "__main__":
    logging.disable()       # of sockets that the client has closed
    sys.exit(run_checks(globals()))
