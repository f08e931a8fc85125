#!/usr/bin/env python3
"""Tests topics through NATS: several daemons, a real nats-server that comes and
goes, and network namespaces as machines."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import carried  # noqa: E402
from b_history import same_texts  # noqa: E402
from carried import WORKERS, door, hub  # noqa: E402
from nats_server import NatsServer, skip_without  # noqa: E402
from spread import Spread  # noqa: E402
from topics import Clients  # noqa: E402
from waiting import expect, run_checks, same, until  # noqa: E402


def wait_connected(*daemons, times=1):
    """Until every worker has said so often that it is connected."""
    for daemon in daemons:
        until(lambda d=daemon: d.log_text().count("nats: connected") >=
              times * WORKERS, "all workers to be connected to NATS", 20)


class Nats(carried.Carrier):
    """A gap may be told more than once."""

    reloads = 5
    # nobody says that it has gone: the silence does
    sees_cable = False
    away_words = "nats: cannot connect"
    lost_words = "nats: the connection is lost"
    death_words = (lost_words, "nats: connected again to")

    def server(self, **settings):
        return NatsServer(**settings)

    def skip_without(self):
        skip_without()

    def wait_connected(self, *daemons, times=1):
        wait_connected(*daemons, times=times)

    def restart(self, server, *daemons, times):
        server.end(signal.SIGKILL)
        server.start()
        wait_connected(*daemons, times=times + 1)

    def wait_gaps(self, clients, gaps):
        # the answers come when it is in effect again
        clients.do("subscribe", "plain", f"again/{gaps}")

    def judge_gaps(self, told, gaps):
        expect(told >= gaps, told, gaps)


NATS = Nats()


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
            NATS.run_scene(clients, subscribers=4)
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


class Historian(carried.Historian):
    """A daemon with histories in NATS."""

    wait_connected = wait_connected


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


if __name__ == "__main__":
    sys.exit(run_checks({**NATS.checks(), **globals()}))
