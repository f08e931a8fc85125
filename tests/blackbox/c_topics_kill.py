#!/usr/bin/env python3
"""Workers are killed while many publish: nobody else misses a message of a
publisher whose own connection has survived, nor one that was acknowledged."""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from shoal import kill_worker  # noqa: E402
from topics import Clients, Hub, spread  # noqa: E402
from waiting import (SANITIZED, SLOW, expect, run_checks,  # noqa: E402
                     same, until)

WORKERS = 4
SUBSCRIBERS = 2000 if SLOW else 200 if SANITIZED else 500
PUBLISHERS = 20
KILLS = 12 if SLOW else 3
BACKOFF = 'backoff = { first = "10ms"; max = "100ms"; };'


def kill(hub, slot):
    """Kills the worker of a slot; waits for the next one."""
    old = hub.pid_of(slot)
    kill_worker(old)
    until(lambda: hub.pid_of(slot) not in (None, old),
          f"a new worker in slot {slot}", 20)


def run_kills(**hub_options):
    with Hub(workers=WORKERS, workers_more=BACKOFF, **hub_options) as hub, \
            Clients(hub.port()) as clients:
        clients.do("open", "subscriber", SUBSCRIBERS // 2)
        clients.do("subscribe", "subscriber", "room/general")
        clients.do("open", "wild", SUBSCRIBERS // 2)
        clients.do("subscribe", "wild", "room/+")
        clients.do("open", "publisher", PUBLISHERS)
        clients.do("subscribe", "publisher", "room/#")
        clients.do("feed", "publisher", "room/general", "n")
        clients.do("reconnect", "on")
        clients.do("stream", "on")
        clients.do("progress", 10 * SUBSCRIBERS)
        lost = 0
        for number in range(KILLS):
            slot = number % WORKERS
            lost += spread(clients.do("report"), WORKERS)[hub.pid_of(slot)]
            kill(hub, slot)
            # only those of the killed one, and all of them come again
            clients.do("lost", lost)
            clients.do("open", "more", 1)
            clients.do("progress", 10 * SUBSCRIBERS)
        clients.do("stream", "off")
        result = clients.do("settle")
        same((result["lost"], result["reconnected"]), (lost, lost), result)
        result = clients.finish()
        print(f"     {result['acked']} published, {result['received']} "
              f"delivered, {lost} connections lost by {KILLS} kills")
        same(hub.counter("worker_crashes"), KILLS)


def check_kills():
    run_kills()


def check_kills_of_homes():
    """Likewise for a topic with a history, whose home is killed too."""
    run_kills(more='topics = { history = '
                   '( { filter = "#"; count = 20; } ); };')


def check_nobody_had_read_it_yet():
    """What was acknowledged is there to be read when its worker is dead and
    the next one has its place."""
    with Hub(workers=WORKERS, workers_more=BACKOFF + 'watchdog = "off";') \
            as hub, \
            Clients(hub.port(), window=64, ahead=1000) as clients:
        clients.do("open", "subscriber", 100)
        clients.do("subscribe", "subscriber", "#")
        clients.do("open", "publisher", 40)
        spread(clients.do("report"), WORKERS)
        others = [hub.pid_of(slot) for slot in range(1, WORKERS)]
        first = hub.pid_of(0)
        clients.do("feed", first, "room")
        clients.do("reconnect", "on")
        try:
            for pid in others:
                os.kill(pid, signal.SIGSTOP)
            clients.do("publish", 5)
            result = clients.do("acked")
            expect(result["outstanding"] > 0, result)
            kill(hub, 0)
        finally:
            for pid in others:
                os.kill(pid, signal.SIGCONT)
        result = clients.do("settle")
        expect(result["acked"] * 50 < result["received"], result)
        clients.do("publish", 5)
        clients.do("settle")
        clients.finish()


def check_kill_right_behind_the_acknowledgement():
    """What was acknowledged arrives, also when its worker is killed at once."""
    with Hub(workers=WORKERS, workers_more=BACKOFF) as hub, \
            Clients(hub.port(), window=64) as clients:
        clients.do("open", "subscriber", 100)
        clients.do("subscribe", "subscriber", "#")
        clients.do("reconnect", "on")
        for number in range(10 if SLOW else 3):
            clients.do("open", f"publisher{number}", 8)
            clients.do("feed", f"publisher{number}", "room/%")
            clients.do("publish", 64)
            clients.do("progress", 100)
            kill(hub, number % WORKERS)
            clients.do("settle")
        clients.finish()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
