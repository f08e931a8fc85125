#!/usr/bin/env python3
"""Tests what one worker knows of and does to connections of the others: messages
and ends by number, members and counts."""
import os
import signal
import sys
import threading
from urllib.parse import quote

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import modules  # noqa: E402
import nats_server  # noqa: E402
from http_raw import Connection, request  # noqa: E402
from redis_server import RedisServer  # noqa: E402
from shoal import Shoal, environment  # noqa: E402
from site_under_test import listener, route  # noqa: E402
from waiting import (SRCDIR, expect, run_checks, same, until,  # noqa: E402
                     wait_gone)
from websocket_raw import BINARY, TEXT, WebSocket  # noqa: E402

WORKERS = 4
QUIET = 'ping = "off"; close_timeout = "1h";'


class Who(Shoal):
    """Runs as soon as it is entered."""

    def __init__(self, **settings):
        super().__init__()
        with open(os.path.join(SRCDIR, "tests", "support",
                               "presence_under_test.c"),
                  encoding="utf-8") as source:
            module = modules.compile_text(self.path("who.so"), source.read())
        self.http = self.tcp = None
        self.configure(
            listener(route("/", "who.answer"),
                     route("/join", "who.join", QUIET)),
            '{ name = "tcp"; address = "127.0.0.2:0"; '
            'handler = "who.serve"; }',
            modules=modules.entry(module, "who"), workers=WORKERS, **settings)

    def __enter__(self):
        return self.serve()

    def serve(self, env=None):
        if self.http is not None:
            return self
        self.run(env=env)
        self.http, self.tcp = self.port(0), ("127.0.0.2", self.port(1))
        return self

    def pids(self):
        return {w["pid"] for w in self.status()["workers"]
                if w["state"] == "ready"}

    def join(self, topic=None, name=None):
        """A WebSocket with its number and its worker's process."""
        words = [f"{key}={quote(value, safe='')}" for key, value in
                 (("topic", topic), ("name", name)) if value is not None]
        return Told(WebSocket(self.http, "/join?" + "&".join(words)))

    def asker(self):
        """A connection for requests, and the process that answers them."""
        conn = Asker(self.http)
        conn.pid = int(conn.ask_for("/pid").split()[0])
        return conn


class Told:
    """A connection that has been told its number."""

    def __init__(self, conn):
        self.conn = conn
        first = (conn.take_message()[1] if isinstance(conn, WebSocket)
                 else conn.take_line())
        self.id, self.pid = map(int, first.split())


class Asker(Connection):
    pid = None

    def ask_for(self, path, **params):
        query = "&".join(f"{key}={quote(str(value), safe='')}"
                         for key, value in params.items())
        return self.ask(request(f"{path}?{query}")).body.decode()

    def members(self, topic, timeout=30000):
        """Count, completeness, {name: id}."""
        words = self.ask_for("/members", topic=topic, timeout=timeout).split()
        return (int(words[0]), words[1],
                {word.partition(":")[0]: int(word.partition(":")[2])
                 for word in words[2:]})

    def count(self, topic, timeout=30000):
        return int(self.ask_for("/count", topic=topic,
                                timeout=timeout).split()[1])


def one_per_worker(pids, make):
    """Connections so that every worker has one: {pid: connection}."""
    found, spare = {}, []

    def all_there():
        conn = make()
        if conn.pid in pids:
            found.setdefault(conn.pid, conn)
        spare.append(conn)
        return set(found) == pids
    until(all_there, "a connection to each worker")
    return found


def check_send_and_close_from_every_worker_to_every_worker():
    with Who() as shoal:
        pids = shoal.pids()
        askers = one_per_worker(pids, shoal.asker)
        joined = one_per_worker(pids, shoal.join)
        for here, asker in askers.items():
            for there, told in joined.items():
                text = f"{here} to {there}"
                same(asker.ask_for("/send", id=told.id, text=text),
                     f"{here} 0")
                same(told.conn.take_message(), (TEXT, text.encode()))
        asker, told = askers[min(pids)], joined[max(pids)]
        asker.ask_for("/send", id=told.id, text="bytes", binary=1)
        same(told.conn.take_message(), (BINARY, b"bytes"))
        for told in joined.values():
            same(asker.ask_for("/close", id=told.id, code=4001, text="enough"),
                 f"{asker.pid} 0")
            seen = told.conn.expect_close_frame(4001)
            same(seen.data[2:], b"enough")
            # it is closing, if not gone
            same(asker.ask_for("/close", id=told.id, code=4001)[:5],
                 asker.ask_for("/send", id=told.id, text="late")[:5]
                 if told.pid == asker.pid else f"{asker.pid} 0"[:5])


def check_tcp_connections_too():
    with Who() as shoal:
        pids = shoal.pids()
        askers = one_per_worker(pids, shoal.asker)
        told = one_per_worker(pids, lambda: Told(Connection(shoal.tcp)))
        for here, asker in askers.items():
            for there, conn in told.items():
                text = f"{here} to {there}"
                asker.ask_for("/send", id=conn.id, text=text + "\n",
                              binary=1)
                same(conn.conn.take(len(text) + 1).decode(), text + "\n")
        for conn in told.values():
            same(askers[min(pids)].ask_for("/close", id=conn.id),
                 f"{min(pids)} 0")
            conn.conn.expect_end()


def check_what_is_refused():
    with Who(more='topics = { ring = "64k"; };') as shoal:
        askers = one_per_worker(shoal.pids(), shoal.asker)
        told = shoal.join()
        nobody = "Transport endpoint is not connected"
        for asker in askers.values():
            same(asker.ask_for("/send", id=77, text="x"), nobody)
            same(asker.ask_for("/send", id=(1 << 64) - 5, text="x"), nobody)
            same(asker.ask_for("/send", id=0, text="x"), nobody)
            same(asker.ask_for("/close", id=77), nobody)
            # which worker it is on makes no difference
            same(asker.ask_for("/close", id=told.id, code=1006),
                 "Invalid argument")
            same(asker.ask_for("/long", id=told.id, len=17000),
                 "Message too long")
            same(asker.ask_for("/long", id=told.id, len=16000),
                 f"{asker.pid} 0")
            same(told.conn.take_message(), (TEXT, b"x" * 16000))
        # an HTTP connection is not written to by its number
        worker = told.id >> 40
        for i in range(50):
            number = worker << 40 | i
            if number != told.id:
                askers[told.pid].ask_for("/send", id=number, text="no")
        told.conn.ping()


def check_members_of_all_workers():
    with Who() as shoal:
        pids = shoal.pids()
        askers = one_per_worker(pids, shoal.asker)
        named = [shoal.join("room/1", f"n{i}") for i in range(8)]
        for asker in askers.values():
            count, whole, _ = asker.members("room/1")
            same(whole, "all")
            same((count, asker.count("room/1")), (len(named), len(named)))
        asker = askers[min(pids)]
        guest = shoal.join("room/1")
        others = [shoal.join("room/2", f"name-{i}") for i in range(20)]
        wild = shoal.join("room/+", "all-rooms")
        for asker in askers.values():
            same(asker.count("room/1"), 10)
            count, whole, names = asker.members("room/2")
            same((count, whole), (21, "all"))
            same(names, {**{f"name-{i}": told.id
                            for i, told in enumerate(others)},
                         "all-rooms": wild.id})
            same(asker.members("nobody"), (0, "all", {}))
            same(asker.ask_for("/members", topic="a/+"),
                 "Invalid argument\n")
        for told in (guest, wild):
            told.conn.say_goodbye()
        until(lambda: askers[max(pids)].count("room/1") == 8,
              "that those who have gone do not count")


def check_long_lists_come_in_parts():
    with Who(more='topics = { ring = "64k"; };') as shoal:
        asker = shoal.asker()
        told = [shoal.join("t", f"{i:03}" + "n" * 252) for i in range(200)]
        expect(len({one.pid for one in told}) > 1)
        count, whole, names = asker.members("t")
        same((count, whole), (200, "all"))
        same(names, {f"{i:03}" + "n" * 252: one.id
                     for i, one in enumerate(told)})


def check_those_of_an_old_generation_count():
    with Who() as shoal:
        old = one_per_worker(shoal.pids(), lambda: shoal.join("t", "old"))
        before = shoal.asker().count("t")
        shoal.good("reload")
        asker = shoal.asker()
        expect(asker.pid not in old)
        new = shoal.join("t", "new")
        count, whole, names = asker.members("t")
        same((count, whole), (before + 1, "all"))
        same(names["new"], new.id)
        for told in old.values():
            asker.ask_for("/send", id=told.id, text="still there?")
            same(told.conn.take_message(), (TEXT, b"still there?"))
        asker.ask_for("/publish", topic="t", text="to all")
        for told in (new, *old.values()):
            same(told.conn.take_message(), (TEXT, b"to all"))


def check_reloads_while_it_is_asked():
    """A worker that has just come is asked too, and answers."""
    with Who(more='reload = { max_old = 8; };') as shoal:
        told = [shoal.join("t") for _ in range(8)]
        seen, stop = [], threading.Event()

        def ask_once(asker):
            # an old worker may end a connection before its first request
            asker.try_send(request("/members?topic=t&timeout=30000"))
            if asker.buffer or asker.fill():
                seen.append(asker.answer().body.decode().split()[:2])

        def ask_all_the_time():
            try:
                while not stop.is_set():
                    with Connection(shoal.http) as asker:
                        ask_once(asker)
            except Exception as error:
                seen.append(error)
                raise
        thread = threading.Thread(target=ask_all_the_time)
        thread.start()
        for _ in range(3):
            shoal.good("reload")
        stop.set()
        thread.join()
        expect(len(seen) > 3, seen)
        for one in seen:
            same(one, ["8", "all"], seen)
        same(len(told), 8)


def check_a_worker_that_dies_is_not_waited_for():
    with Who() as shoal:
        joined = one_per_worker(shoal.pids(), lambda: shoal.join("t"))
        asker = shoal.asker()
        before = asker.count("t")
        victim = next(pid for pid in joined if pid != asker.pid)
        os.kill(victim, signal.SIGSTOP)
        count, whole, _ = asker.members("t", timeout=300)
        expect(count < before, count, before)
        same(whole, "some")
        asker.send(request("/members?topic=t&timeout=10000000"))
        os.kill(victim, signal.SIGKILL)
        words = asker.answer().body.decode().split()
        same(words[:2], [str(count), "all"])
        expect(wait_gone(victim))
        # neither is its connection, nor what is sent to it
        same(asker.ask_for("/send", id=joined[victim].id, text="x"),
             "Transport endpoint is not connected")
        shoal.wait_ready()
        same(shoal.asker().members("t")[:2], (count, "all"))


def check_a_worker_that_starts_for_long_is_not_waited_for():
    shoal = Who()
    barrier = shoal.path("barrier")
    with shoal.serve(env=environment(WHO_BARRIER=barrier)):
        joined = one_per_worker(shoal.pids(), lambda: shoal.join("t"))
        asker = shoal.asker()
        before = asker.count("t")
        with open(barrier, "x", encoding="utf-8"):
            pass
        victim = next(pid for pid in joined if pid != asker.pid)
        os.kill(victim, signal.SIGKILL)
        until(lambda: any(w["state"] == "starting"
                          for w in shoal.status()["workers"]),
              "a worker that starts")
        # the victim may have had more than one
        count, whole, _ = asker.members("t", timeout=10000000)
        expect(count < before, count, before)
        same(whole, "all")
        os.unlink(barrier)
        shoal.wait_ready()


def members_over_two_servers(broker):
    """Both see all; connections are reached on the same server only."""
    with Who(more=broker.broker()) as one, Who(more=broker.broker()) as two:
        here, there = one.asker(), two.asker()
        told = [server.join("t", f"{name}-{i}") for i in range(6)
                for name, server in (("one", one), ("two", two))]
        names = {f"{name}-{i}" for i in range(6) for name in ("one", "two")}
        for asker in (here, there):
            # how many processes there are comes to be known with the time
            until(lambda asker=asker: asker.members("t", timeout=2000)[:2] ==
                  (12, "all"), "all members")
            same(set(asker.members("t")[2]), names)
            same(asker.count("t"), 12)
        first = told[0]
        same(here.ask_for("/send", id=first.id, text="you"), f"{here.pid} 0")
        same(first.conn.take_message(), (TEXT, b"you"))


def check_members_through_redis():
    with RedisServer() as broker:
        members_over_two_servers(broker)


def check_members_through_nats():
    nats_server.skip_without()
    with nats_server.NatsServer() as broker:
        members_over_two_servers(broker)


def check_a_worker_that_stands_still_loses_and_goes_on():
    """100 ms, then nobody waits for it; it learns what it has missed."""
    with Who(more='topics = { ring = "64k"; };',
             workers_more='watchdog = "off";') as shoal:
        joined = one_per_worker(shoal.pids(), lambda: shoal.join("t"))
        asker = shoal.asker()
        victim = next(pid for pid in joined if pid != asker.pid)
        os.kill(victim, signal.SIGSTOP)
        text = "x" * 4000
        for _ in range(100):
            same(asker.ask_for("/publish", topic="t", text=text),
                 f"{asker.pid} 0")
            # so that nobody else is behind, however busy this machine is
            for pid, told in joined.items():
                if pid != victim:
                    same(told.conn.take_message(), (TEXT, text.encode()))
        os.kill(victim, signal.SIGCONT)
        until(lambda: shoal.status()["counters"]["bus_lapped"] == 1,
              "that it knows")
        asker.ask_for("/publish", topic="t", text="again")
        while joined[victim].conn.take_message()[1] != b"again":
            pass
        counters = shoal.status()["counters"]
        expect(counters["bus_written"] >= 101, counters)
        expect(counters["bus_read"] >= 101, counters)
        expect(counters["bus_refused"] > 0, counters)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
