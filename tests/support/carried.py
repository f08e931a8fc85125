"""Checks of topics that a broker carries, written once: what is not alike for all
brokers, a Carrier says."""
import signal

from b_history import Client, Server as History
from machines import Machines
from spread import Spread
from topics import Clients, Hub
from waiting import SLOW, expect, same, until

WORKERS = 2


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


def wait_away(*daemons, seconds=20):
    """Until no worker is connected."""
    for daemon in daemons:
        until(lambda d=daemon: broker(d)["up"] == 0,
              "all workers to have lost the broker", seconds)


class Historian(History):
    """A daemon with histories in a broker."""

    def __init__(self, server):
        super().__init__(workers=WORKERS)
        self.write(self.read().replace(
            "modules = (", server.broker() + "\nmodules = (", 1))

    def __enter__(self):
        super().__enter__()
        self.wait_connected()
        return self

    def wait_connected(self):
        """Until every worker has all that it wants."""
        raise NotImplementedError

    def client(self):
        return Client(self.address)


class Carrier:
    """A kind of broker, and the checks that all of them pass."""

    # of the scene of every check
    subscribers, publishers = 20, 4
    # while clients go on; as many old generations as reload.max_old lets live
    reloads = 2
    # a pulled cable is noticed in a time that a short run has
    sees_cable = True
    # of another service on the same server
    other_prefix = "other"
    # of the log: it was never there; it was and has gone; all of a few deaths
    away_words, lost_words, death_words = "", "", ()

    def server(self, **settings):
        """The server of the broker, a context manager."""
        raise NotImplementedError

    def skip_without(self):
        """Skips a check where there is no server."""
        raise NotImplementedError

    def wait_connected(self, *daemons, times=1):
        """Until every worker has all that it wants, for this time."""
        raise NotImplementedError

    def restart(self, server, *daemons, times):
        """Kills the server and starts it again, for the time before this one."""
        raise NotImplementedError

    def wait_gaps(self, clients, gaps):
        """Until subscriptions are in effect again, and what was missed is told."""
        raise NotImplementedError

    def judge_gaps(self, told, gaps):
        """As many were told as there were, or more if that is allowed."""
        raise NotImplementedError

    def run_scene(self, clients, subscribers=None, messages=50):
        """Some subscribe in several ways, some publish, all get all, once."""
        subscribers = subscribers or self.subscribers
        for group in ("plain", "wild", "many"):
            clients.do("open", group, subscribers)
        clients.do("open", "publisher", self.publishers)
        clients.do("subscribe", "plain", "t/a", "r")
        clients.do("subscribe", "wild", "t/#", "r")
        for pattern in ("t/+", "t/a", "+/a", "#"):
            clients.do("subscribe", "many", pattern)
        clients.do("feed", "publisher", "t/a")
        clients.do("publish", messages)
        result = clients.do("settle")
        same((result["received"], result["gaps"]),
             (3 * subscribers * self.publishers * messages, 0), result)
        return result

    def check_two_daemons(self):
        with self.server() as server, hub(server) as one, \
                hub(server) as two, Spread(door(one), door(two)) as spread, \
                Clients(spread.port) as clients:
            self.wait_connected(one, two)
            result = self.run_scene(clients)
            # both daemons, and one with all of its workers: of two workers the
            # quicker one may take all connections
            expect(len(result["workers"]) > WORKERS, result)
            clients.finish()
            figures = [broker(daemon) for daemon in (one, two)]
            for key in ("dropped", "strange", "reconnects"):
                same([figure[key] for figure in figures], [0, 0], figures)
            expect(sum(f["published"] for f in figures) >=
                   self.publishers * 50, figures)
            expect(f"broker {server.url}, {WORKERS} workers connected" in
                   one.good("status"), one.good("status"))

    def check_other_prefix(self):
        """Two services on one server do not hear each other."""
        with self.server() as server, hub(server) as one, \
                hub(server, f'prefix = "{self.other_prefix}";') as two, \
                Spread(door(one)) as spread, Spread(door(two)) as apart, \
                Clients(spread.port) as clients, \
                Clients(apart.port) as strangers:
            self.run_scene(clients, subscribers=4)
            with Clients(apart.port) as others:
                self.run_scene(others, subscribers=4)
                others.finish()
            strangers.do("open", "all", 4)
            strangers.do("subscribe", "all", "#")
            clients.do("publish", 50)
            clients.do("settle")
            # what comes behind is theirs, and nothing was before it
            strangers.do("feed", "all", "t/a")
            strangers.do("publish", 10)
            same(strangers.do("settle")["received"], 4 * 4 * 10)
            strangers.finish()
            clients.finish()

    def check_server_dies(self):
        """Those who have subscribed are told of a gap, and then all goes on."""
        with self.server() as server, hub(server) as one, \
                hub(server) as two, Spread(door(one), door(two)) as spread, \
                Clients(spread.port) as clients:
            self.run_scene(clients)
            pids = [worker["pid"] for worker in one.workers()]
            told, gaps = 0, 2 * self.subscribers
            for times in range(1, 4):
                self.restart(server, one, two, times=times)
                self.wait_gaps(clients, told + gaps)
                clients.do("publish", 20)
                before, told = told, clients.do("settle")["gaps"]
                self.judge_gaps(told - before, gaps)
            same([worker["pid"] for worker in one.workers()], pids)
            same(one.counter("worker_crashes"), 0)
            same(broker(one)["reconnects"], 3 * WORKERS)
            for words in self.death_words:
                expect(words in one.log_text(), words)
            clients.finish()

    def check_reload(self):
        """Old clients go on through reloads, while others publish."""
        with self.server() as server, hub(server) as one, \
                hub(server) as two, Spread(door(one), door(two)) as spread, \
                Clients(spread.port, seconds=60) as clients:
            self.run_scene(clients)
            clients.do("stream", "on")
            for _ in range(self.reloads):
                one.reload()
                two.reload()
                clients.do("progress", 200)
            clients.do("stream", "off")
            result = clients.do("settle")
            same((result["lost"], result["gaps"]), (0, 0), result)
            clients.finish()

    def check_no_server(self):
        """The service starts and stops without one, and joins it when it
        comes."""
        with self.server() as server:
            port = server.port
            server.end()
            with hub(server) as one, Spread(door(one)) as spread:
                one.wait_log(self.away_words)
                with Clients(spread.port) as clients:
                    server.start()
                    same(server.port, port)
                    self.wait_connected(one)
                    self.run_scene(clients, subscribers=4)
                server.end(signal.SIGKILL)
                one.wait_log(self.lost_words)
                same(one.stop(), 0)

    def check_machines(self):
        """Two machines that see each other by the broker alone; a cable is
        pulled."""
        self.skip_without()
        with Machines(2) as net, \
                self.server(address=net.middle.address,
                            prefix=net.middle.prefix) as server:
            daemons = [hub(server) for _ in range(2)]
            try:
                for daemon, machine in zip(daemons, net.others):
                    daemon.spawn(prefix=machine.prefix).wait_ready()
                self.wait_connected(*daemons)
                with Spread(*map(door, daemons)) as spread, \
                        Clients(spread.port, seconds=60) as clients:
                    self.run_scene(clients)
                    if self.sees_cable or SLOW:
                        self.pull_cable(net, daemons[1], clients)
                    clients.finish()
            finally:
                for daemon in daemons:
                    daemon.clean_up()

    def pull_cable(self, net, daemon, clients):
        """Of the second machine, for a while; half of all are there."""
        net.cut(1)
        wait_away(daemon, seconds=60)
        daemon.wait_log(self.lost_words)
        net.mend(1)
        self.wait_connected(daemon, times=2)
        self.wait_gaps(clients, self.subscribers)
        clients.do("publish", 20)
        result = clients.do("settle")
        expect(result["gaps"] >= self.subscribers, result)

    def checks(self):
        """By name, for run_checks()."""
        return {name: getattr(self, name) for name in dir(self)
                if name.startswith("check_")}
