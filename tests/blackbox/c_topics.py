#!/usr/bin/env python3
"""Topics over four workers: every subscriber gets every message once, and those of
one publisher in their order, whatever others do."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from topics import Clients, Hub, spread  # noqa: E402
from waiting import SANITIZED, SLOW, expect, run_checks, same  # noqa: E402

WORKERS = 4
SUBSCRIBERS = 2000 if SLOW or not SANITIZED else 400
PUBLISHERS = 20
EACH = 100 if SLOW else 10
RING = 65536
NO_WATCHDOG = 'watchdog = "off";'


def check_everybody_gets_all():
    with Hub(workers=WORKERS) as hub, Clients(hub.port()) as clients:
        clients.do("open", "subscriber", SUBSCRIBERS)
        clients.do("subscribe", "subscriber", "room")
        clients.do("open", "publisher", PUBLISHERS)
        clients.do("feed", "publisher", "room")
        clients.do("publish", EACH)
        result = clients.do("settle")
        spread(result, WORKERS)
        same((result["received"], result["acked"]),
             (SUBSCRIBERS * PUBLISHERS * EACH, PUBLISHERS * EACH))
        result = clients.finish()
        same(result["finished"], SUBSCRIBERS + PUBLISHERS, result)
        same(result["received"], SUBSCRIBERS * PUBLISHERS * EACH)


def check_nothing_from_before():
    """Who subscribes gets what is published from then on, and nothing older that
    was on its way to other workers."""
    with Hub(workers=WORKERS) as hub, Clients(hub.port()) as clients:
        clients.do("open", "early", 1)
        clients.do("subscribe", "early", "room")
        clients.do("open", "publisher", 1)
        clients.do("feed", "publisher", "room")
        clients.do("publish", 50)
        clients.do("settle")
        clients.do("open", "late", 40)
        clients.do("subscribe", "late", "room")
        clients.do("publish", 1)
        same(clients.do("settle")["received"], 50 + 1 + 40)
        clients.finish()


def check_wildcards():
    """Each gets what its filters match, what several match once."""
    with Hub(workers=WORKERS) as hub, Clients(hub.port()) as clients:
        clients.do("open", "publisher", 20)
        clients.do("feed", "publisher", "news/%/eu")
        for group, count, filters in (
                ("one", 50, ("news/3/eu",)),
                ("plus", 50, ("news/+/eu",)),
                ("hash", 50, ("news/#",)),
                ("any", 50, ("#",)),
                ("several", 50, ("news/7/eu", "news/+/eu", "news/#", "+/7/#")),
                ("none", 50, ("news", "news/+", "news/+/eu/+", "+"))):
            clients.do("open", group, count)
            for one in filters:
                clients.do("subscribe", group, one)
        clients.do("publish", 20)
        result = clients.do("settle")
        same(result["received"], (50 + 4 * 50 * 20) * 20, result)
        clients.finish()


def check_not_to_sender():
    with Hub(workers=WORKERS) as hub, Clients(hub.port()) as clients:
        clients.do("open", "both", 40)
        clients.do("subscribe", "both", "room")
        clients.do("feed", "both", "room", "n")
        clients.do("publish", 20)
        result = clients.do("settle")
        same(result["received"], 40 * 39 * 20, result)
        clients.finish()


def check_own_messages_come_back():
    with Hub(workers=WORKERS) as hub, Clients(hub.port()) as clients:
        clients.do("open", "both", 40)
        clients.do("subscribe", "both", "#")
        clients.do("feed", "both", "room/%")
        clients.do("publish", 20)
        result = clients.do("settle")
        same(result["received"], 40 * 40 * 20, result)
        clients.finish()


def check_churn():
    """Others subscribe and unsubscribe all the time: who has subscribed
    throughout misses nothing, who has no more gets nothing."""
    with Hub(workers=WORKERS) as hub, Clients(hub.port()) as clients:
        clients.do("open", "restless", 200)
        clients.do("subscribe", "restless", "room/+")
        clients.do("open", "steady", 100)
        clients.do("subscribe", "steady", "room/1")
        clients.do("open", "wild", 100)
        clients.do("subscribe", "wild", "room/#")
        clients.do("open", "publisher", 10)
        clients.do("feed", "publisher", "room/1")
        clients.do("churn", "restless", "room/+", "on")
        clients.do("stream", "on")
        clients.do("progress", 200000 if SLOW else 40000)
        clients.do("stream", "off")
        clients.do("churn", "restless", "room/+", "off")
        result = clients.do("settle")
        expect(result["received"] >= 200 * result["acked"], result)
        clients.finish()


def check_connections_come_and_go():
    """The same with whole connections: their ends and beginnings."""
    with Hub(workers=WORKERS) as hub, Clients(hub.port()) as clients:
        clients.do("open", "steady", 200)
        clients.do("subscribe", "steady", "room/#")
        clients.do("feed", "steady", "room/%")
        clients.do("stream", "on")
        for _ in range(20 if SLOW else 5):
            with Clients(hub.port()) as visitors:
                visitors.do("open", "visitor", 100)
                visitors.do("subscribe", "visitor", "other")
                visitors.do("feed", "visitor", "other")
                visitors.do("publish", 3)
                visitors.do("settle")
                visitors.finish()
            clients.do("progress", 10000)
        clients.do("stream", "off")
        clients.do("settle")
        clients.finish()


def check_one_does_not_read():
    """It is closed when its queue is full; others get all of it."""
    with Hub(route_more='limits = { send_queue = { high = "64k"; '
             'low = "16k"; }; };', workers=WORKERS) as hub, \
            Clients(hub.port(), size=4000) as clients:
        clients.do("open", "subscriber", 20)
        clients.do("open", "stuck", 4, "narrow")
        clients.do("subscribe", "subscriber", "room")
        clients.do("subscribe", "stuck", "room")
        clients.do("open", "publisher", 4)
        clients.do("feed", "publisher", "room")
        clients.do("stall", "stuck")
        clients.do("publish", 500)
        result = clients.do("settle")
        same(result["received"] >= 20 * 4 * 500, True, result)
        clients.do("expect", "stuck")
        clients.do("lost", 4)
        clients.do("publish", 5)
        clients.do("settle")
        result = clients.finish()
        same((result["lost"], result["finished"]), (4, 24), result)
        same(hub.counter("worker_crashes"), 0)


def check_more_than_a_ring_holds():
    """Publishers wait for those who read; whoever is too slow all the same, as a
    worker without a processor may be, is told so."""
    with Hub(workers=WORKERS,
             more=f'topics = {{ ring = "{RING // 1024}k"; }};') as hub, \
            Clients(hub.port(), size=4000, window=32, ahead=100) as clients:
        clients.do("open", "subscriber", 40)
        clients.do("subscribe", "subscriber", "room/+", "r")
        clients.do("open", "publisher", 20)
        clients.do("feed", "publisher", "room/%")
        clients.do("publish", 200 if SLOW else 50)
        clients.do("settle")
        result = clients.finish()
        expect(hub.counter("bus_refused") > 0, hub.status()["counters"])
        print(f"     {hub.counter('bus_refused')} refused for now, "
              f"{result['gaps']} gaps")


def check_stop_in_the_middle():
    with Hub(workers=WORKERS) as hub, Clients(hub.port()) as clients:
        clients.do("open", "both", 200)
        clients.do("subscribe", "both", "room/#")
        clients.do("feed", "both", "room/%")
        clients.do("stream", "on")
        clients.do("progress", 20000)
        same(hub.stop(), 0)
        result = clients.do("lost", 200)
        same((result["missed"], result["doubled"]), (0, 0), result)
        same(result["codes"], {"1001": 200}, result)


def check_a_worker_stands_still():
    """Nobody waits for it for long; its clients are told what they missed."""
    with Hub(workers=WORKERS, workers_more=NO_WATCHDOG,
             more=f'topics = {{ ring = "{RING // 1024}k"; }};') as hub, \
            Clients(hub.port(), size=500) as clients:
        clients.do("open", "subscriber", 200)
        clients.do("subscribe", "subscriber", "room/+", "r")
        subscribers = spread(clients.do("report"), WORKERS)
        clients.do("open", "publisher", 12)
        result = clients.do("feed", "publisher", "room/%")
        spread(result, WORKERS)
        clients.do("publish", 10)
        clients.do("settle")
        still = hub.pid_of(1)
        clients.do("excuse", still)
        os.kill(still, signal.SIGSTOP)
        try:
            clients.do("publish", 200)
            before = clients.do("settle")
            same(before["gaps"], 0, before)
        finally:
            os.kill(still, signal.SIGCONT)
        clients.do("gaps", subscribers[still])
        clients.do("expect", still)
        clients.do("publish", 10)
        clients.do("settle")
        result = clients.finish()
        same(result["lost"], 0, result)
        print(f"     {result['gaps']} gaps told to {subscribers[still]}")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
