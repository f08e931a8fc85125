#!/usr/bin/env python3
"""Tests topics through Redis: several daemons, a real redis-server that comes and
goes, and network namespaces as machines."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
sys.path.insert(0, os.path.dirname(__file__))

import carried  # noqa: E402
from b_history import (Client, Server as History, same_texts,  # noqa: E402
                       texts_of)
from carried import WORKERS, broker, door, hub, wait_away  # noqa: E402
from gate import Gate  # noqa: E402
from redis_server import RedisServer, program  # noqa: E402
from spread import Spread  # noqa: E402
from topics import Clients  # noqa: E402
from waiting import SLOW, expect, run_checks, same, until  # noqa: E402


def wait_connected(*daemons):
    """Until every worker has all that it wants."""
    for daemon in daemons:
        until(lambda d=daemon: broker(d)["up"] == WORKERS,
              "all workers to be subscribed at Redis", 20)


class Redis(carried.Carrier):
    """Gaps are exact."""

    subscribers = 300 if SLOW else 20
    publishers = 20 if SLOW else 6
    reloads = 3 if SLOW else 2
    other_prefix = "other*"     # means itself
    away_words = "broker: cannot reach Redis"
    lost_words = "broker: lost Redis"
    death_words = ("broker: lost Redis at 127.0.0.1",
                   "it has closed the connection", "Connection refused",
                   "broker: connected to Redis at 127.0.0.1")

    def server(self, **settings):
        return RedisServer(**settings)

    def skip_without(self):
        program()

    def wait_connected(self, *daemons, times=1):
        wait_connected(*daemons)

    def restart(self, server, *daemons, times):
        server.end()
        wait_away(*daemons)
        server.start()
        wait_connected(*daemons)

    def wait_gaps(self, clients, gaps):
        clients.do("gaps", gaps)

    def judge_gaps(self, told, gaps):
        same(told, gaps)


REDIS = Redis()


def check_frozen_server():
    """A server that says nothing is given up, and nothing comes twice."""
    with RedisServer() as server, hub(server) as one, \
            Spread(door(one)) as spread, Clients(spread.port) as clients:
        REDIS.run_scene(clients)
        server.freeze(True)
        wait_away(one)
        server.freeze(False)
        wait_connected(one)
        clients.do("gaps", 2 * REDIS.subscribers)
        clients.do("publish", 20)
        clients.do("settle")
        one.wait_log("no answer within broker.timeout")
        clients.finish()


def check_password():
    with RedisServer("--requirepass", "geheim") as server:
        with hub(server, 'password = "wrong";') as one:
            one.wait_log("it does not accept the user or password; see "
                         "broker.user, broker.password")
            same(len(one.workers()), WORKERS)
            expect("(not shown)" in one.good("config"))
            expect('"wrong"' not in one.good("config"))
            secret = one.path("secret")
            with open(secret, "w", encoding="ascii") as file:
                file.write("geheim\n")
            one.write(one.read().replace(
                'password = "wrong";', f'password_file = "{secret}";'))
            one.reload()
            wait_connected(one)
            with Spread(door(one)) as spread, Clients(spread.port) as clients:
                REDIS.run_scene(clients, subscribers=4)
            expect("geheim" not in one.log_text())
            os.unlink(secret)
            code, out, err = one.cli("test")
            same(code, 78, out, err)
            expect("broker.password_file: cannot read" in out + err, out, err)


class Historian(carried.Historian):
    """A daemon with histories in Redis."""

    wait_connected = wait_connected


def wait_text(client, text):
    """Takes events up to this message, whatever gaps are told."""
    while text not in texts_of(client.events):
        client.wait_events(len(client.events) + 1)


def check_history():
    """Who comes again gets what it has missed, from any server; also of the time
    before Redis was killed, if it has kept its data."""
    with RedisServer(keeps=True) as server, Historian(server) as one, \
            Historian(server) as two:
        writer, reader, stays = two.client(), one.client(), one.client()
        reader.subscribe("chat/1", -1)
        stays.subscribe("chat/1", -1)
        for number in range(10):
            writer.publish("chat/1", f"a{number}")
        epoch, offset = same_texts(
            reader, 10, *(f"a{number}" for number in range(10)))[-1][1:3]
        same(offset, 10, reader.events)
        wait_text(stays, "a9")
        reader.sock.close()
        for number in range(5):
            writer.publish("chat/1", f"b{number}")
        wait_text(stays, "b4")
        server.end()
        wait_away(one, two)
        server.start()
        wait_connected(one, two)
        until(lambda: writer.ask("P chat/1 b5") == ["p", "0"],
              "a worker to publish again")
        for daemon in (one, two):
            again = daemon.client()
            again.subscribe("chat/1", -1, (epoch, offset))
            same_texts(again, 6, *(f"b{number}" for number in range(6)))
            again.sock.close()
        # nothing was lost to who stayed, if a gap was told or not
        wait_text(stays, "b5")
        same([text for text in texts_of(stays.events) if text != "gap"],
             [f"a{number}" for number in range(10)] +
             [f"b{number}" for number in range(6)], stays.events)


def check_answer_before_messages():
    """A history that is answered sooner than what it tells comes live: nothing comes
    twice, and to others all comes."""
    texts = [f"a{number}" for number in range(11)]
    message = b"*3\r\n$7\r\nmessage\r\n$12\r\nshoal:chat/1\r\n"
    with RedisServer() as server, Gate(server) as gate, \
            Historian(server) as near, Historian(gate) as far:
        writer, reader, other = near.client(), far.client(), far.client()
        workers = len({reader.pid, other.pid})
        gate.shut()
        reader.subscribe("chat/1", -1)
        other.subscribe("chat/1")
        until(lambda: gate.count_held(b"shoal:chat/1") == workers,
              "the channel to be subscribed")
        for text in texts[:10]:
            writer.publish("chat/1", text)
        until(lambda: gate.count_held(message) == 10 * workers,
              "all to be on the way")
        gate.shut(message)
        same_texts(reader, 10, *texts[:10])
        gate.open()
        writer.publish("chat/1", texts[10])
        same([event[3] for event in same_texts(reader, 11, *texts)],
             10 * [True] + [False])
        same([event[3] for event in same_texts(other, 11, *texts)],
             11 * [False])


def count_subscribed(server, *topics):
    return sum(server.ask("PUBSUB NUMSUB shoal:" + topic).count(b":1\r\n")
               for topic in topics)


def check_gap_before_messages():
    """A connection is lost and comes back, and what is wanted is in effect again one
    after the other: the gap is told before what comes then."""
    topics = ("live1", "live2")
    with RedisServer() as server, Gate(server) as gate, \
            Historian(server) as near, Historian(gate) as far:
        writer, reader = near.client(), far.client()
        for topic in topics:
            reader.subscribe(topic)
        until(lambda: count_subscribed(server, *topics) == 2,
              "both to be in effect")
        gate.hold_asks(b"SUBSCRIBE\r\n$11\r\nshoal:live")
        server.ask("CLIENT KILL TYPE pubsub")
        until(lambda: count_subscribed(server, *topics) == 1,
              "one of them to be in effect again")
        for topic in topics:
            writer.publish(topic, topic)
        until(lambda: gate.count_brought(b"message\r\n$11\r\nshoal:live") == 1,
              "a message to have come")
        gate.hold_asks(None)
        events = texts_of(reader.wait_events(3))
        same(events[:2], ["gap", "gap"], events)
        expect(events[2] in topics, events)


def check_old_epoch_on_the_way():
    """Redis comes back with older data, so a new epoch begins, and its history is told
    while messages of the one before are on the way: they do not come behind."""
    message = b"*3\r\n$7\r\nmessage\r\n$12\r\nshoal:chat/1\r\n"
    with RedisServer() as server, Gate(server) as gate, \
            Historian(server) as near, Historian(gate) as far:
        writer, reader = near.client(), far.client()
        gate.shut()
        reader.subscribe("chat/1", -1)
        until(lambda: gate.count_held(b"shoal:chat/1") == 1,
              "the channel to be subscribed")
        for text in ("a0", "a1", "a2"):
            writer.publish("chat/1", text)
        until(lambda: gate.count_held(message) == 3, "all to be on the way")
        epoch = writer.history("chat/1")[0]
        server.ask("DEL shoal:history:chat/1")
        server.ask(f"HSET shoal:place:chat/1 epoch {epoch + 1} offset 0")
        writer.publish("chat/1", "b0")
        until(lambda: gate.count_held(message) == 4, "it to be on the way")
        gate.shut(message)
        same_texts(reader, 1, "b0")
        gate.open()
        writer.publish("chat/1", "b1")
        wait_text(reader, "b1")
        same([text for text in texts_of(reader.events) if text != "gap"],
             ["b0", "b1"], reader.events)
        expect("gap" in texts_of(reader.events), reader.events)


def check_lost_history():
    """A Redis that comes back empty is a gap."""
    with RedisServer() as server, Historian(server) as one:
        writer, reader = one.client(), one.client()
        reader.subscribe("chat/1", -1)
        for number in range(3):
            writer.publish("chat/1", f"a{number}")
        epoch, offset = reader.wait_events(3)[1][1:3]
        server.end()
        wait_away(one)
        server.start()
        wait_connected(one)
        until(lambda: writer.ask("P chat/1 b") == ["p", "0"],
              "a worker to publish again")
        until(lambda: writer.history("chat/1")[3] == ["b"],
              "the first of a new history", 20)
        again = one.client()
        again.subscribe("chat/1", -1, (epoch, offset))
        same_texts(again, 2, "gap", "b")
        expect(again.events[1][1] != epoch, again.events)


def check_another_type_needs_a_restart():
    """Workers of before and after would not reach each other, and nobody would be
    the home of what those of before keep."""
    with RedisServer() as server, History(workers=2) as one:
        stays = Client(one.address)
        stays.subscribe("chat/1")
        one.write(one.read() + "\n" + server.broker())
        code, _, err = one.cli("reload")
        stays.publish("chat/1", "on")
        same(texts_of(stays.wait_events(1)), ["on"])
        same(code, 1, err)
        expect("needs restart: broker.type" in err, err)


if __name__ == "__main__":
    sys.exit(run_checks({**REDIS.checks(), **globals()}))
