"""A real redis-server for tests: a private folder, a port that was free."""
import os
import shutil
import signal
import socket
import subprocess
import tempfile

from waiting import Skip, end_processes, on_failure, until

TRIES = 5


def program():
    found = shutil.which("redis-server")
    if found is None:
        raise Skip("no redis-server (package redis-server)")
    return found


class RedisServer:
    """One server, which may be ended and started again; a context manager.

    With keeps=True it has its data again when it comes back.
    """

    def __init__(self, *words, keeps=False, address="127.0.0.1", prefix=()):
        self.program = program()
        self.folder = tempfile.mkdtemp(prefix="shoal-redis-")
        self.words = ["--save", "", "--dir", self.folder, "--appendonly",
                      "yes" if keeps else "no", "--appendfsync", "always",
                      *words]
        self.address, self.prefix = address, list(prefix)
        self.port, self.process = None, None
        on_failure(self.print_log)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self):
        return f"redis://{self.address}:{self.port}/0"

    def broker(self, more=""):
        """The group `broker' of a configuration."""
        return (f'broker = {{ type = "redis"; url = "{self.url}"; '
                f'timeout = "2s"; backoff = {{ first = "20ms"; '
                f'max = "200ms"; }}; {more} }};')

    def log(self):
        try:
            with open(os.path.join(self.folder, "log"), encoding="utf-8",
                      errors="replace") as log:
                return log.read()
        except OSError:
            return ""

    def spawn(self, port):
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [*self.prefix, self.program, "--port", str(port), "--bind",
                 self.address, "--protected-mode", "no", *self.words],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def is_up(self):
        """True when it serves, False when it has ended, or None."""
        if "Ready to accept connections" in self.log():
            return True
        return False if self.process.poll() is not None else None

    def start(self):
        """Starts it, at the same port as before. A free one may be taken by
        somebody else before it listens: then it is another one."""
        for _ in range(TRIES):
            port = self.port or free_port()
            self.spawn(port)
            if until(lambda: self.is_up() is not None and [self.is_up()],
                     "redis-server to listen", 20)[0]:
                self.port = port
                return self
        raise AssertionError(f"redis-server does not start:\n{self.log()}")

    def end(self, signo=signal.SIGKILL):
        if self.process is None:
            return
        self.process.send_signal(signo)
        if signo == signal.SIGKILL:
            end_processes([self.process.pid])
        self.process.wait()
        self.process = None

    def ask(self, *words):
        """Gives a command; returns the bytes of the answer."""
        with socket.create_connection((self.address, self.port)) as sock:
            sock.sendall(" ".join(words).encode() + b"\r\nQUIT\r\n")
            return b"".join(iter(lambda: sock.recv(65536), b"")).removesuffix(
                b"+OK\r\n")

    def freeze(self, frozen):
        self.process.send_signal(
            signal.SIGSTOP if frozen else signal.SIGCONT)

    def print_log(self):
        print(f"--- redis-server ---\n{self.log()[-2000:]}---")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
