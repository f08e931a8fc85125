#!/usr/bin/env python3
"""Workers are killed under load: only what they had accepted is lost."""
import os
import re
import sys
import time
from datetime import datetime, timedelta, timezone

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import Load, exchange  # noqa: E402
from shoal import Shoal, kill_worker  # noqa: E402
from waiting import (PATIENCE, SANITIZED, SLOW, Skip,  # noqa: E402
                     expect, run_checks, same, until)

RATE = 500 if SANITIZED else 2500
LOST_PER_KILL = 64
MILLISECOND = timedelta(milliseconds=1)


def kill_and_wait(shoal, slot):
    """Kills the worker of a slot; milliseconds until another serves it."""
    old = shoal.pid_of(slot)
    begun = datetime.now(timezone.utc)
    kill_worker(old)
    until(lambda: shoal.pid_of(slot) not in (None, old),
          f"a new worker in slot {slot}")
    # the log knows to the millisecond; asking takes longer than replacing
    ready = re.search(
        rf"^(\S+) debug \S+ slot {slot}: worker {shoal.pid_of(slot)} is "
        r"ready", shoal.log_text(), re.MULTILINE)
    took_ms = (datetime.fromisoformat(ready[1]) - begun) / MILLISECOND
    print(f"     slot {slot}: a new worker after {took_ms:.0f} ms")
    return took_ms


def judge(shoal, result, kills):
    """What the load generator saw must be what the kills explain."""
    lost = result["reset"] + result["unanswered"]
    print(f"     {result['answered']} answered, {lost} lost by {kills} "
          f"kills, worst gap {result['worst_gap_ms']:.1f} ms")
    same((result["refused"], result["mismatched"]), (0, 0), result)
    expect(lost <= kills * LOST_PER_KILL, result)
    status = shoal.status()
    same(status["counters"]["worker_crashes"], kills)
    same(status["workers_ready"], 4)
    expect(status["counters"]["accepted"] >= result["answered"],
           "counters went back", status["counters"], result)


def check_three_quick_kills():
    with Shoal(workers=4) as shoal:
        shoal.run()
        with Load("connect", shoal.port(), "-r", RATE, "-t", 600) as load:
            shoal.wait_counter("accepted", RATE // 2)
            for slot in (0, 1, 2):
                expect(kill_and_wait(shoal, slot) < 1000 * PATIENCE)
            accepted = shoal.counter("accepted")
            shoal.wait_counter("accepted", accepted + RATE)
            result = load.finish()
        judge(shoal, result, 3)


def check_kills_far_apart():
    if not SLOW:
        raise Skip("takes a minute; SHOAL_SLOW=1 runs it")
    with Shoal(workers=4) as shoal:
        shoal.run()
        with Load("connect", shoal.port(), "-r", RATE, "-t", 600) as load:
            for slot in (3, 0, 3):
                time.sleep(20)      # the pace is part of the promise
                kill_and_wait(shoal, slot)
            accepted = shoal.counter("accepted")
            shoal.wait_counter("accepted", accepted + RATE)
            result = load.finish()
        judge(shoal, result, 3)


def check_back_off():
    """A slot that dies again and again waits; the others go on."""
    backoff = 'backoff = { first = "2s"; max = "10s"; };'
    with Shoal(workers=3, workers_more=backoff) as shoal:
        shoal.run()
        port = shoal.port()
        before = [w["pid"] for w in shoal.workers()]
        for _ in range(3):
            kill_and_wait(shoal, 1)
        fourth = shoal.pid_of(1)
        kill_worker(fourth)
        shoal.wait_log("the next one starts in 2000 ms")
        status = shoal.status()
        same((status["workers_ready"], status["code"]), (2, 150))
        after = [w["pid"] for w in shoal.workers()]
        same(after, [before[0], before[2]])
        # its queue waits: all are answered, some of them later
        for _ in range(12):
            same(exchange(port, b"x"), b"x")
        until(lambda: shoal.pid_of(1) not in (None, fourth), "the next one")
        same(shoal.status()["code"], 0)


def check_reload_ends_back_off():
    backoff = 'backoff = { first = "1h"; max = "1h"; };'
    with Shoal(workers_more=backoff) as shoal:
        shoal.run()
        for _ in range(3):
            kill_and_wait(shoal, 0)
        kill_worker(shoal.pid_of(0))
        shoal.wait_log("the next one starts in 3600000 ms")
        shoal.reload()
        same(exchange(shoal.port(), b"x"), b"x")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
