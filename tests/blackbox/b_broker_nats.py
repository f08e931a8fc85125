#!/usr/bin/env python3
"""Tests topics through NATS: several daemons, a real nats-server that comes and
goes, and network namespaces as machines."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from b_history import Client, Server as History, same_texts  # noqa: E402
from machines import Machines  # noqa: E402
from nats_server import NatsServer, skip_without  # noqa: E402
from spread import Spread  # noqa: E402
from topics import Clients, Hub  # noqa: E402
from waiting import SLOW, expect, run_checks, same, until  # noqa: E402


def hub(server, more="", **settings):
    """A daemon with a broker, which listens on a socket of the file system."""
    daemon = Hub(more=server.broker(more), workers=2, **settings)
    daemon.write(daemon.read().replace(
        "127.0.0.1:0", "unix:" + daemon.path("http.sock")))
    return daemon


def door(daemon):
    return daemon.path("http.sock")


def wait_connected(*daemons, times=1, workers=2):
    """Until every worker has said so often that it is connected."""
    for daemon in daemons:
        until(lambda d=daemon: d.log_text().count("nats: connected") >=
              times * workers, "all workers to be connected to NATS", 20)


def run_scene(clients, subscribers=20, publishers=4, messages=50):
    """Some subscribe in several ways, some publish, all get all, once."""
    clients.do("open", "plain", subscribers)
    clients.do("open", "wild", subscribers)
    clients.do("open", "many", subscribers)
    clients.do("open", "publisher", publishers)
    clients.do("subscribe", "plain", "t/a")
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
    with NatsServer() as server, hub(server) as one, hub(server) as two, \
            Spread(door(one), door(two)) as spread, \
            Clients(spread.port) as clients:
        result = run_scene(clients)
        same(len(result["workers"]), 4, result)
        clients.finish()


def check_other_prefix():
    """Two services on one server do not hear each other."""
    with NatsServer() as server, hub(server) as one, \
            hub(server, 'prefix = "other";') as two, \
            Spread(door(one)) as spread, Spread(door(two)) as apart, \
            Clients(spread.port) as clients, \
            Clients(apart.port) as strangers:
        strangers.do("open", "all", 4)
        strangers.do("subscribe", "all", "#")
        run_scene(clients, subscribers=4)
        # what comes behind is theirs, and nothing was before it
        strangers.do("feed", "all", "t/a")
        strangers.do("publish", 10)
        same(strangers.do("settle")["received"], 4 * 4 * 10)
        strangers.finish()
        clients.finish()


def check_server_dies():
    """Those who have subscribed are told of a gap, and then all goes on."""
    with NatsServer() as server, hub(server) as one, hub(server) as two, \
            Spread(door(one), door(two)) as spread, \
            Clients(spread.port) as clients:
        run_scene(clients)
        gaps, pids = 0, [w["pid"] for w in one.workers()]
        for times in (2, 3, 4):
            server.end(signal.SIGKILL)
            server.start()
            wait_connected(one, two, times=times)
            # the answers come when it is in effect again
            clients.do("subscribe", "plain", f"again/{times}")
            clients.do("publish", 20)
            result = clients.do("settle")
            expect(result["gaps"] >= gaps + 20, result)
            gaps = result["gaps"]
        same([w["pid"] for w in one.workers()], pids)
        clients.finish()


def check_reload():
    """Old clients go on through five reloads, while others publish."""
    with NatsServer() as server, hub(server) as one, hub(server) as two, \
            Spread(door(one), door(two)) as spread, \
            Clients(spread.port, seconds=60) as clients:
        run_scene(clients)
        clients.do("stream", "on")
        for _ in range(5):
            one.reload()
            two.reload()
            clients.do("progress", 200)
        clients.do("stream", "off")
        result = clients.do("settle")
        same((result["lost"], result["gaps"]), (0, 0), result)
        clients.finish()


def check_no_server():
    """The service starts and stops without one, and joins it when it comes."""
    server = NatsServer()
    with server:
        port = server.port
        server.end()
        with hub(server) as one, Spread(door(one)) as spread:
            one.wait_log("nats: cannot connect")
            with Clients(spread.port) as clients:
                server.start()
                same(server.port, port)
                wait_connected(one)
                run_scene(clients, subscribers=4)
            server.end(signal.SIGKILL)
            one.wait_log("nats: the connection is lost")
            same(one.stop(), 0)


def check_password():
    with NatsServer("--user", "me", "--pass", "geheim") as server:
        with hub(server, 'user = "me"; password = "wrong";') as one:
            one.wait_log("Authorization Violation; see broker.user")
        # also when there was no server at first: what is wrong now
        port, url = server.port, server.url
        server.end()
        with hub(server, 'user = "me"; password = "wrong";') as one:
            one.wait_log(f"nats: cannot connect to {url}: no server answers")
            server.start()
            same(server.port, port)
            one.wait_log("Authorization Violation; see broker.user")
        daemon = hub(server, 'user = "me";')
        secret = daemon.path("secret")
        with open(secret, "w", encoding="ascii") as file:
            file.write("geheim\n")
        daemon.write(daemon.read().replace(
            'user = "me";', f'user = "me"; password_file = "{secret}";'))
        with daemon as one, Spread(door(one)) as spread, \
                Clients(spread.port) as clients:
            run_scene(clients, subscribers=4)
            expect("geheim" not in one.log_text())


def check_threads():
    """Threads of libnats are in workers only, and take no signals."""
    with NatsServer() as server, hub(server) as one:
        wait_connected(one)
        same(len(os.listdir(f"/proc/{one.master}/task")), 1)
        for worker in one.workers():
            tasks = os.listdir(f"/proc/{worker['pid']}/task")
            expect(len(tasks) > 1, tasks)
            for task in tasks:
                with open(f"/proc/{worker['pid']}/task/{task}/status",
                          encoding="ascii") as status:
                    mask = [line.split()[1] for line in status
                            if line.startswith("SigBlk")][0]
                blocked = int(mask, 16)
                for signo in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT,
                              signal.SIGUSR1, signal.SIGPIPE):
                    expect(blocked >> (signo - 1) & 1, signo, task, mask)


class Historian(History):
    """A daemon with histories in NATS."""

    def __init__(self, server):
        super().__init__(workers=2)
        self.write(self.read().replace(
            "modules = (", server.broker() + "\nmodules = (", 1))

    def __enter__(self):
        super().__enter__()
        wait_connected(self)
        return self

    def client(self):
        return Client(self.address)


def check_history():
    """Who comes again gets what it has missed, from any server; also of the time
    before NATS was killed."""
    with NatsServer(streams=True) as server, Historian(server) as one, \
            Historian(server) as two:
        writer, reader, stays = two.client(), one.client(), one.client()
        # those of before the subscription has reached NATS are not live ones
        reader.subscribe("chat/1", -1)
        stays.subscribe("chat/1", -1)
        for number in range(10):
            writer.publish("chat/1", f"a{number}")
        epoch, offset = same_texts(
            reader, 10, *(f"a{number}" for number in range(10)))[-1][1:3]
        stays.wait_events(10)
        reader.sock.close()
        for number in range(5):
            writer.publish("chat/1", f"b{number}")
        stays.wait_events(15)
        server.end(signal.SIGKILL)
        server.start()
        wait_connected(one, two, times=2)
        until(lambda: writer.ask("P chat/1 b5") == ["p", "0"],
              "a worker to publish again")
        for daemon in (one, two):
            again = daemon.client()
            again.subscribe("chat/1", -1, (epoch, offset))
            same_texts(again, 6, *(f"b{number}" for number in range(6)))
            again.sock.close()


def check_machines():
    """Two machines that see each other by NATS alone; a cable is pulled, in the
    long form."""
    skip_without()
    with Machines(2) as net, \
            NatsServer(address=net.middle.address,
                       prefix=net.middle.prefix) as server:
        daemons = [hub(server) for _ in range(2)]
        try:
            for daemon, machine in zip(daemons, net.others):
                daemon.spawn(prefix=machine.prefix).wait_ready()
            with Spread(*map(door, daemons)) as spread, \
                    Clients(spread.port, seconds=60) as clients:
                run_scene(clients)
                if not SLOW:
                    clients.finish()
                    return
                # nobody says that it has gone: the silence does
                net.cut(1)
                daemons[1].wait_log("nats: the connection is lost", 60)
                net.mend(1)
                wait_connected(daemons[1], times=2)
                clients.do("subscribe", "plain", "again")
                clients.do("publish", 20)
                result = clients.do("settle")
                expect(result["gaps"] >= 10, result)
                clients.finish()
        finally:
            for daemon in daemons:
                daemon.clean_up()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
