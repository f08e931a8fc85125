"""Deadlines, facts about processes, and the list of checks of one test file.

It does not start the daemon; shoal.py does.
"""
import ctypes
import os
import select
import signal
import sys
import time
import traceback

SRCDIR = os.environ.get("SHOAL_SRCDIR", os.path.abspath(os.path.join(
    os.path.dirname(__file__), "..", "..")))
BUILDDIR = os.environ.get("SHOAL_BUILDDIR", ".")
SLOW = os.environ.get("SHOAL_SLOW") == "1"
SKIPPED = 77


def _is_sanitized():
    """Whether the daemon was built with sanitizers, which make it slow."""
    try:
        with open(os.path.join(BUILDDIR, "src", "config.h"),
                  encoding="utf-8") as config:
            return "#define SH_SANITIZE 1" in config.read()
    except OSError:
        return False


SANITIZED = _is_sanitized()
PATIENCE = 4 if SANITIZED else 1


class Skip(Exception):
    """The check cannot be made here; the text says why."""


def until(condition, what, seconds=10):
    """Polls until condition() is true and returns what it returned."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not in {seconds * PATIENCE} s: {what}")
        time.sleep(0.01)


def expect(condition, *facts):
    """An assertion that tells what it saw."""
    if not condition:
        raise AssertionError(" ".join(str(fact) for fact in facts))


def same(seen, wanted, *facts):
    """Asserts equality, and tells both sides."""
    if seen != wanted:
        raise AssertionError(" ".join(
            [f"{seen!r} instead of {wanted!r}", *map(str, facts)]))


# --- processes ---

def adopt_orphans():
    """Makes this process the parent of daemons that its children leave."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1, 0, 0, 0)


def stat_of(pid):
    """Fields of /proc/PID/stat after the name, or None; [0] is the state."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8",
                  errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()
    except OSError:
        return None


def is_alive(pid):
    """Whether a process runs; one that only waits to be buried does not."""
    fields = stat_of(pid)
    return fields is not None and fields[0] not in "ZX"


def children_of(pid):
    """Pids of the children of a process."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children",
                  encoding="ascii") as children:
            return [int(child) for child in children.read().split()]
    except OSError:
        return []


def descendants_of(pid):
    """Pids of all processes below one, the nearest first."""
    found = children_of(pid)
    for child in found:
        found += descendants_of(child)
    return found


def cpu_seconds(pid):
    """Processor time that a process has used."""
    fields = stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def status_field(pid, name):
    """A field of /proc/PID/status, as a list of words."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        for line in status:
            if line.startswith(name + ":"):
                return line.split()[1:]
    raise AssertionError(f"/proc/{pid}/status has no {name}")


def private_bytes(pid):
    """Memory that belongs to one process alone."""
    total = 0
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        for line in rollup:
            if line.startswith(("Private_Clean:", "Private_Dirty:")):
                total += int(line.split()[1]) * 1024
    return total


def wait_gone(pid, seconds=10):
    """Waits for the end of a process, a child or not."""
    try:
        pidfd = os.pidfd_open(pid)
    except OSError:
        return True
    try:
        # not select(): there may be more than 1,024 descriptors
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        return bool(poll.poll(seconds * PATIENCE * 1000))
    finally:
        os.close(pidfd)


def end_processes(pids):
    """Kills processes that the caller started, and buries them."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue
    for pid in pids:
        wait_gone(pid)
        try:
            os.waitpid(pid, os.WNOHANG)
        except OSError:
            pass


# --- the checks of a file ---

_told = []


def on_failure(tell):
    """Has tell() called when the present check fails."""
    _told.append(tell)


def _run(name, check):
    del _told[:]
    begun = time.monotonic()
    try:
        check()
        result = "ok"
    except Skip as why:
        print(f"skip {name}: {why}", flush=True)
        return "skip"
    except Exception:  # whatever it is, the other checks are still made
        traceback.print_exc(file=sys.stdout)
        for tell in _told:
            tell()
        result = "FAIL"
    print(f"{result:4} {name} ({time.monotonic() - begun:.1f} s)", flush=True)
    return result


def run_checks(names):
    """Runs the functions check_* of a module in order; the exit status.

    Words of the command line choose some of them: `b_x.py port' runs those
    with "port" in their names.
    """
    adopt_orphans()
    # so that a run that is cut short ends its processes too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    checks = [(name, fn) for name, fn in names.items()
              if name.startswith("check_") and
              (len(sys.argv) < 2 or any(w in name for w in sys.argv[1:]))]
    results = [_run(name, fn) for name, fn in checks]
    if "FAIL" in results:
        return 1
    return 0 if "ok" in results else SKIPPED
