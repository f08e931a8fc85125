#!/usr/bin/env python3
"""Five reloads while many publish: nobody misses a message, whichever generation
serves who publishes and who has subscribed."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from topics import Clients, Hub  # noqa: E402
from waiting import SANITIZED, SLOW, expect, run_checks, same  # noqa: E402

WORKERS = 4
SUBSCRIBERS = 2000 if SLOW else 200 if SANITIZED else 500
PUBLISHERS = 20
RELOADS = 5
KEEP_OLD = 'reload = { drain_timeout = "10m"; max_old = 10; };'


def check_old_workers_end():
    """Their clients are closed, and come again: nobody else misses anything, and
    what was acknowledged arrives."""
    soon = 'reload = { drain_timeout = "300ms"; };'
    with Hub(workers=WORKERS, more=soon) as hub, \
            Clients(hub.port()) as clients:
        clients.do("reconnect", "on")
        clients.do("open", "both", 100)
        # they would be told of a gap
        clients.do("subscribe", "both", "room", "r")
        clients.do("feed", "both", "room")
        clients.do("stream", "on")
        for number in range(3):
            clients.do("progress", 10000)
            clients.do("confirmed")
            hub.reload()
            clients.do("lost", 100 * (number + 1))
        clients.do("progress", 10000)
        clients.do("stream", "off")
        result = clients.do("settle")
        same((result["lost"], result["codes"], result["gaps"]),
             (300, {"1012": 300}, 0), result)
        clients.finish()


def check_reloads():
    with Hub(workers=WORKERS, more=KEEP_OLD) as hub, \
            Clients(hub.port()) as clients:
        share = SUBSCRIBERS // (RELOADS + 1)
        for number in range(RELOADS + 1):
            # some of every generation, and those there are go on meanwhile
            clients.do("open", f"subscriber{number}", share)
            clients.do("subscribe", f"subscriber{number}", "room")
            clients.do("open", f"publisher{number}",
                       PUBLISHERS // (RELOADS + 1) + 1)
            clients.do("feed", f"publisher{number}", "room")
            clients.do("stream", "on")
            clients.do("progress", 10 * SUBSCRIBERS)
            if number < RELOADS:
                hub.reload()
            clients.do("progress", 5 * SUBSCRIBERS)
        clients.do("stream", "off")
        result = clients.do("settle")
        same(result["lost"], 0, result)
        workers = len(result["workers"])
        expect(workers > WORKERS, result)
        result = clients.finish()
        print(f"     {result['acked']} published, {result['received']} "
              f"delivered by {workers} workers")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
