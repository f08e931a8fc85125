#!/usr/bin/env python3
"""Tests topics through Redis: several daemons, a real redis-server that comes and
goes, and network namespaces as machines."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
sys.path.insert(0, os.path.dirname(__file__))

from b_history import (Client, Server as History, same_texts,  # noqa: E402
                       texts_of)
from gate import Gate  # noqa: E402
from machines import Machines  # noqa: E402
from redis_server import RedisServer, program  # noqa: E402
from spread import Spread  # noqa: E402
from topics import Clients, Hub  # noqa: E402
from waiting import SLOW, expect, run_checks, same, until  # noqa: E402

WORKERS = 2
SUBSCRIBERS = 300 if SLOW else 20
PUBLISHERS = 20 if SLOW else 6


def hub(server, more="", **settings):
    """A daemon with a broker, which listens on a socket of the file system."""
    daemon = Hub(more=server.broker(more), workers=WORKERS, **settings)
    daemon.write(daemon.read().replace(
        "127.0.0.1:0", "unix:" + daemon.path("http.sock")))
    return daemon


def door(daemon):
    return daemon.path("http.sock")


def broker(daemon):
    """What `status --json' says of the broker."""
    return daemon.status()["broker"]


def wait_connected(*daemons):
    """Until every worker has all that it wants."""
    for daemon in daemons:
        until(lambda d=daemon: broker(d)["up"] == WORKERS,
              "all workers to be subscribed at Redis", 20)


def wait_away(*daemons, seconds=20):
    """Until no worker is."""
    for daemon in daemons:
        until(lambda d=daemon: broker(d)["up"] == 0,
              "all workers to have lost Redis", seconds)


def run_scene(clients, subscribers=SUBSCRIBERS, publishers=PUBLISHERS,
              messages=50):
    """Some subscribe in several ways, some publish, all get all, once."""
    for group in ("plain", "wild", "many"):
        clients.do("open", group, subscribers)
    clients.do("open", "publisher", publishers)
    clients.do("subscribe", "plain", "t/a", "r")
    clients.do("subscribe", "wild", "t/#", "r")
    for pattern in ("t/+", "t/a", "+/a", "#"):
        clients.do("subscribe", "many", pattern)
    clients.do("feed", "publisher", "t/a")
    clients.do("publish", messages)
    result = clients.do("settle")
    same((result["received"], result["gaps"]),
         (3 * subscribers * publishers * messages, 0), result)
    return result


def check_two_daemons():
    with RedisServer() as server, hub(server) as one, hub(server) as two, \
            Spread(door(one), door(two)) as spread, \
            Clients(spread.port) as clients:
        wait_connected(one, two)
        result = run_scene(clients)
        expect(len(result["workers"]) > 2, result)
        clients.finish()
        figures = [broker(daemon) for daemon in (one, two)]
        for key in ("dropped", "strange", "reconnects"):
            same([figure[key] for figure in figures], [0, 0], figures)
        expect(sum(f["published"] for f in figures) >= PUBLISHERS * 50,
               figures)
        expect(f"broker {server.url}, {WORKERS} workers connected" in
               one.good("status"), one.good("status"))


def check_other_prefix():
    """Two services on one server do not hear each other."""
    with RedisServer() as server, hub(server) as one, \
            hub(server, 'prefix = "other*";') as two, \
            Spread(door(one)) as spread, Spread(door(two)) as apart, \
            Clients(spread.port) as clients, \
            Clients(apart.port) as strangers:
        run_scene(clients, subscribers=4)
        run_scene(strangers, subscribers=4)
        clients.finish()
        strangers.finish()


def check_server_dies():
    """Those who have subscribed are told of a gap, and then all goes on."""
    with RedisServer() as server, hub(server) as one, hub(server) as two, \
            Spread(door(one), door(two)) as spread, \
            Clients(spread.port) as clients:
        run_scene(clients)
        for times in range(1, 4):
            server.end()
            wait_away(one, two)
            server.start()
            wait_connected(one, two)
            clients.do("gaps", times * 2 * SUBSCRIBERS)
            clients.do("publish", 20)
            result = clients.do("settle")
            same(result["gaps"], times * 2 * SUBSCRIBERS, result)
        same(one.counter("worker_crashes"), 0)
        same(broker(one)["reconnects"], 3 * WORKERS)
        for words in ("broker: lost Redis at 127.0.0.1",
                      "it has closed the connection", "Connection refused",
                      "broker: connected to Redis at 127.0.0.1"):
            expect(words in one.log_text(), words)
        clients.finish()


def check_frozen_server():
    """A server that says nothing is given up, and nothing comes twice."""
    with RedisServer() as server, hub(server) as one, \
            Spread(door(one)) as spread, Clients(spread.port) as clients:
        run_scene(clients)
        server.freeze(True)
        wait_away(one)
        server.freeze(False)
        wait_connected(one)
        clients.do("gaps", 2 * SUBSCRIBERS)
        clients.do("publish", 20)
        clients.do("settle")
        one.wait_log("no answer within broker.timeout")
        clients.finish()


def check_reload():
    """Old clients go on through reloads, while others publish."""
    with RedisServer() as server, hub(server) as one, hub(server) as two, \
            Spread(door(one), door(two)) as spread, \
            Clients(spread.port, seconds=60) as clients:
        run_scene(clients)
        clients.do("stream", "on")
        # as many old generations as reload.max_old lets live
        for _ in range(3 if SLOW else 2):
            one.reload()
            two.reload()
            clients.do("progress", 200)
        clients.do("stream", "off")
        result = clients.do("settle")
        same((result["lost"], result["gaps"]), (0, 0), result)
        clients.finish()


def check_no_server():
    """The service starts and stops without one, and joins it when it comes."""
    with RedisServer() as server:
        server.end()
        with hub(server) as one, Spread(door(one)) as spread:
            one.wait_log("broker: cannot reach Redis")
            with Clients(spread.port) as clients:
                server.start()
                wait_connected(one)
                run_scene(clients, subscribers=4)
            server.end()
            one.wait_log("broker: lost Redis")
            same(one.stop(), 0)


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
                run_scene(clients, subscribers=4)
            expect("geheim" not in one.log_text())
            os.unlink(secret)
            code, out, err = one.cli("test")
            same(code, 78, out, err)
            expect("broker.password_file: cannot read" in out + err, out, err)


class Historian(History):
    """A daemon with histories in Redis."""

    def __init__(self, server):
        super().__init__(workers=WORKERS)
        self.write(self.read().replace(
            "modules = (", server.broker() + "\nmodules = (", 1))

    def __enter__(self):
        super().__enter__()
        wait_connected(self)
        return self

    def client(self):
        return Client(self.address)


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


def check_machines():
    """Two machines that see each other by Redis alone; a cable is pulled."""
    program()
    with Machines(2) as net, \
            RedisServer(address=net.middle.address,
                        prefix=net.middle.prefix) as server:
        daemons = [hub(server) for _ in range(2)]
        try:
            for daemon, machine in zip(daemons, net.others):
                daemon.spawn(prefix=machine.prefix).wait_ready()
            wait_connected(*daemons)
            with Spread(*map(door, daemons)) as spread, \
                    Clients(spread.port, seconds=60) as clients:
                run_scene(clients)
                net.cut(1)
                wait_away(daemons[1], seconds=60)
                net.mend(1)
                wait_connected(*daemons)
                clients.do("gaps", SUBSCRIBERS)
                clients.do("publish", 20)
                clients.do("settle")
                clients.finish()
        finally:
            for daemon in daemons:
                daemon.clean_up()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
