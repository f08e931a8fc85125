#!/usr/bin/env python3
"""The example of shoal_redis(3) with a real redis-server, and without one."""
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from clients import SECONDS  # noqa: E402
from waiting import (BUILDDIR, SANITIZED, SRCDIR, Skip, run_checks,  # noqa: E402
                     same, until)


def example():
    """The program that the manual page shows."""
    with open(os.path.join(SRCDIR, "man", "shoal_redis.3"),
              encoding="utf-8") as page:
        text = page.read().partition(".Sh EXAMPLES")[2]
    program = re.search(r"\.Bd -literal[^\n]*\n(.*?)\n\.Ed", text, re.S)
    return program.group(1).replace(r"\e", "\\").replace(r"\-", "-") + "\n"


class Place:
    """A folder with the compiled example, and a redis-server."""

    def __init__(self):
        if SANITIZED:
            raise Skip("the program would have to be sanitized too")
        server = shutil.which("redis-server")
        if server is None:
            raise Skip("no redis-server")
        self.folder = tempfile.TemporaryDirectory(prefix="shoal-redis-")
        self.program = os.path.join(self.folder.name, "program")
        self.socket = os.path.join(self.folder.name, "socket")
        self.compile()
        self.server = subprocess.Popen(
            [server, "--port", "0", "--unixsocket", self.socket, "--save", "",
             "--appendonly", "no", "--dir", self.folder.name],
            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    def compile(self):
        libs = os.path.join(BUILDDIR, ".libs")
        try:
            subprocess.run(
                [*shlex.split(os.environ.get("CC", "cc")), "-x", "c", "-",
                 "-Wall", "-I", os.path.join(SRCDIR, "src", "include"), "-o",
                 self.program, "-L", libs, "-lshoal", f"-Wl,-rpath,{libs}"],
                input=example(), text=True, check=True)
        except FileNotFoundError as error:
            raise Skip(f"no compiler: {error}") from error

    def __enter__(self):
        until(self.listens, "redis-server's socket")
        return self

    def __exit__(self, *_):
        self.server.kill()
        self.server.wait()
        self.folder.cleanup()

    def listens(self):
        """The file is there a moment before anybody listens."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.socket) == 0

    def run(self):
        """The lines that it prints."""
        done = subprocess.run(
            [self.program, "unix:" + self.socket], stdout=subprocess.PIPE,
            text=True, timeout=SECONDS, check=True)
        return done.stdout.splitlines()


def check_example():
    with Place() as place:
        same(place.run(), ["visit 1", "greetings: hello there"])
        same(place.run()[0], "visit 2")


def check_example_without_redis():
    with Place() as place:
        place.server.kill()
        place.server.wait()
        same(place.run(), ["connect: Connection refused"])


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
