#!/usr/bin/env python3
"""An idle connection costs at most 512 bytes of a worker's own memory."""
import os
import resource
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import Load  # noqa: E402
from shoal import Shoal  # noqa: E402
from waiting import (SANITIZED, SLOW, Skip, expect,  # noqa: E402
                     private_bytes, run_checks, until)

CONNECTIONS, BYTES_EACH = 19000, 512


def check_idle_connections():
    if not SLOW:
        raise Skip("takes long; SHOAL_SLOW=1 runs it")
    if SANITIZED:
        raise Skip("sanitizers use memory of their own")
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < CONNECTIONS + 100:
        raise Skip("the descriptor limit is too low")
    with Shoal(log_level="info") as shoal:
        shoal.run()
        port, pid = shoal.port(), shoal.pid_of(0)
        with Load("connect", port, "-n", 2000) as warm_up:
            until(lambda: not warm_up.is_running(), "the warm-up")
        until(lambda: shoal.status()["connections"] == 0, "no connections")
        before = private_bytes(pid)
        with Load("idle", port, "-c", CONNECTIONS, "-t", 600) as load:
            until(lambda: shoal.status()["counters"]["messages_received"] >=
                  CONNECTIONS + 2000, "all messages", 60)
            grown = private_bytes(pid) - before
            result = load.finish()
        print(f"     {grown} bytes for {CONNECTIONS} connections, "
              f"{grown / CONNECTIONS:.0f} each")
        expect(result["ok"], result)
        expect(grown <= CONNECTIONS * BYTES_EACH, grown)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
