"""A real nats-server for tests: a private folder, a port that it picks."""
import json
import os
import shutil
import signal
import subprocess
import tempfile

from waiting import (BUILDDIR, Skip, end_processes, on_failure, until,
                     wait_gone)

PROGRAM = "/usr/sbin/nats-server"


def skip_without():
    """Skips a check where there is no NATS, here or in the daemon."""
    if not os.access(PROGRAM, os.X_OK):
        raise Skip(f"no {PROGRAM} (package nats-server)")
    with open(os.path.join(BUILDDIR, "src", "config.h"),
              encoding="utf-8") as config:
        if "#define HAVE_NATS 1" not in config.read():
            raise Skip("built without libnats (package libnats-dev)")


class NatsServer:
    """One server, which may be ended and started again; a context manager."""

    def __init__(self, *words, streams=False, address="127.0.0.1", prefix=()):
        skip_without()
        self.folder = tempfile.mkdtemp(prefix="shoal-nats-")
        self.words = [*words, "-sd", os.path.join(self.folder, "store")]
        if streams:
            self.words.append("-js")
        self.address, self.prefix = address, list(prefix)
        self.port = -1          # as nats-server has it: any
        self.process = None
        on_failure(self.print_log)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process is not None:
            self.end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        return f"nats://{self.address}:{self.port}"

    def broker(self, more=""):
        """The group `broker' of a configuration."""
        return (f'broker = {{ type = "nats"; url = "{self.url}"; '
                f'timeout = "2s"; backoff = {{ first = "20ms"; '
                f'max = "200ms"; }}; {more} }};')

    def ports(self):
        """What it has written about where it listens, or None."""
        if self.process.poll() is not None:
            raise AssertionError("nats-server has ended")
        path = os.path.join(
            self.folder, f"nats-server_{self.process.pid}.ports")
        try:
            with open(path, encoding="ascii") as ports:
                return json.load(ports)
        except (OSError, ValueError):
            return None

    def start(self):
        """Starts it, at the same port as before."""
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, PROGRAM, "-a", self.address,
                 "-p", str(self.port), "--ports_file_dir", self.folder,
                 *self.words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        ports = until(self.ports, "nats-server to listen")
        self.port = int(ports["nats"][0].rpartition(":")[2])
        return self

    def end(self, signo=signal.SIGTERM):
        self.process.send_signal(signo)
        wait_gone(self.process.pid)
        end_processes([self.process.pid])
        self.process.wait()
        self.process = None

    def print_log(self):
        try:
            with open(os.path.join(self.folder, "log"),
                      encoding="utf-8", errors="replace") as log:
                print(f"--- nats-server ---\n{log.read()[-2000:]}---")
        except OSError:
            pass
