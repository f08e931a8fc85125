"""Clients of the daemon under test: sockets with deadlines, and bench/load."""
import json
import os
import socket
import struct
import subprocess

from waiting import BUILDDIR, PATIENCE, Skip

LOAD = os.path.join(BUILDDIR, "bench", "load")
SECONDS = 10 * PATIENCE


def connect(address, seconds=SECONDS):
    """Connects to a port of 127.0.0.1, a (host, port) or a path."""
    if isinstance(address, int):
        address = ("127.0.0.1", address)
    if isinstance(address, tuple):
        return socket.create_connection(address, timeout=seconds)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(seconds)
    try:
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


def read_all(sock):
    """Everything up to the end of the stream."""
    parts = []
    while part := sock.recv(262144):
        parts.append(part)
    return b"".join(parts)


def read_exactly(sock, size):
    """So many bytes; fewer only when the stream ends."""
    parts = []
    while size > 0:
        part = sock.recv(min(size, 262144))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def ask(sock, message, prefix=b""):
    """Sends a message and checks that the echo of it comes back."""
    sock.sendall(message)
    answer = read_exactly(sock, len(prefix) + len(message))
    if answer != prefix + message:
        raise AssertionError(f"{answer[:80]!r} instead of "
                             f"{(prefix + message)[:80]!r}")


def exchange(address, message):
    """Connects, sends, shuts down, and returns all that comes back."""
    with connect(address) as sock:
        sock.sendall(message)
        sock.shutdown(socket.SHUT_WR)
        return read_all(sock)


def reset(sock):
    """Closes with a reset."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def is_refused(address):
    """Whether nobody listens there."""
    try:
        connect(address).close()
        return False
    except ConnectionResetError:
        return False  # it was closed while we connected
    except (ConnectionRefusedError, FileNotFoundError):
        return True


class Load:
    """bench/load in the background; a context manager."""

    def __init__(self, mode, port, *args):
        if not os.access(LOAD, os.X_OK):
            raise Skip(f"{LOAD} is not built")
        self.process = subprocess.Popen(
            [LOAD, mode, f"127.0.0.1:{port}", *map(str, args)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def is_running(self):
        return self.process.poll() is None

    def finish(self, seconds=60):
        """Ends the run now and returns what it counted."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=seconds * PATIENCE)
        if not out:
            raise AssertionError(f"load said nothing: {err}")
        return json.loads(out)
