#!/usr/bin/env python3
"""Clients that do anything in any order: no byte is lost, no counter drifts.

SHOAL_SEED repeats a run; SHOAL_SLOW=1 makes it longer.
"""
import errno
import os
import random
import selectors
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import modules  # noqa: E402
from clients import reset  # noqa: E402
from shoal import Shoal, kill_worker, listener  # noqa: E402
from waiting import (PATIENCE, SLOW, expect, run_checks,  # noqa: E402
                     same, until)

SEED = int(os.environ.get("SHOAL_SEED", time.time_ns() % 1000000))
SECONDS = 60 if SLOW else 1.2
CLIENTS = 60
STALL_S = 30 * PATIENCE
MARK = b"|"                     # the prefix, and not in what is sent
TEXT = bytes(byte for byte in range(256) if byte != MARK[0]) * 600
SIZES = (1, 2, 100, 1000, 4096, 16384, 16385, 65536, 100000)
GONE = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)
QUEUES = ("high = \"4k\"; low = \"1k\";", "high = \"1\"; low = \"0\";",
          "high = \"64k\"; low = \"64k\";", "high = \"20k\"; low = \"0\";")

# Every callback does something to a random connection, often its own.
NASTY = r"""
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <shoal/shoal.h>

enum { KNOWN = 64 };
static uint64_t known[KNOWN];
static const char text[40000];
static long open_count;

static void
act(struct shoal_conn *conn, int what)
{
	static const size_t sizes[] = { 1, 900, 17000, sizeof(text) };

	switch (what) {
	case 0: shoal_conn_close(conn); break;
	case 1: shoal_conn_abort(conn); break;
	case 2: shoal_conn_pause(conn); break;
	case 3:
	case 4:
	case 5: shoal_conn_resume(conn); break;
	case 6: shoal_conn_flush(conn); break;
	case 7: shoal_conn_is_full(conn); break;
	case 8: shoal_conn_send_to(shoal_conn_id(conn), "x", 1); break;
	default: shoal_conn_send(conn, text, sizes[rand() % 4]);
	}
}

static void
anything(struct shoal_conn *own)
{
	int n = rand() % 4;

	while (n-- > 0) {
		struct shoal_conn *conn = shoal_conn_find(known[rand() % KNOWN]);

		if (own != NULL && rand() % 2 == 0)
			conn = own;
		if (conn != NULL)
			act(conn, rand() % 16);
	}
}

static void
on_timer(void *arg)
{
	anything(NULL);
}

/* The data of a connection tells its state: NULL, open, closed. */
static void
fear(struct shoal_conn *conn)
{
	if (shoal_conn_data(conn) != (void *)&open_count)
		abort();
}

static void
on_connect(struct shoal_conn *conn, void *arg)
{
	if (shoal_conn_data(conn) != NULL)
		abort();
	shoal_conn_set_data(conn, &open_count);
	open_count++;
	known[rand() % KNOWN] = shoal_conn_id(conn);
	if (rand() % 4 == 0)
		shoal_timer_after(rand() % 20, on_timer, NULL);
	anything(conn);
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	fear(conn);
	anything(conn);
	shoal_conn_send(conn, data, len);
	anything(conn);
}

static void
on_writable(struct shoal_conn *conn, void *arg)
{
	fear(conn);
	anything(conn);
}

static void
on_close(struct shoal_conn *conn, enum shoal_close_cause cause, int error,
    void *arg)
{
	fear(conn);
	if (shoal_conn_find(shoal_conn_id(conn)) != NULL ||
	    shoal_conn_send(conn, "x", 1) != -SHOAL_ENOTCONN)
		abort();
	anything(conn);
	shoal_conn_set_data(conn, (void *)on_close);
	open_count--;
}

static void
close_nasty(void *arg)
{
	if (open_count != 0)
		abort();
}

static const struct shoal_handler nasty = {
	.size = sizeof(struct shoal_handler),
	.name = "nasty",
	.close = close_nasty,
	.tcp = { .size = sizeof(struct shoal_tcp_callbacks),
		.on_connect = on_connect, .on_receive = on_receive,
		.on_writable = on_writable, .on_close = on_close },
};
static const struct shoal_handler *const handlers[] = { &nasty, NULL };

static int
worker_start(const struct shoal_settings *settings)
{
	srand(@SEED@u + (unsigned)shoal_worker_slot());
	return shoal_timer_every(7, on_timer, NULL) > 0 ? 0 : -1;
}

SHOAL_MODULE(.name = "probe", .version = "1.0", .handlers = handlers,
    .worker_start = worker_start);
"""


def connect_small(address, small):
    """Connects, perhaps with a small window from the beginning: one that is
    cut later makes the kernel send by the persist timer only."""
    family = socket.AF_UNIX if isinstance(address, str) else \
        socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        sock.settimeout(STALL_S)
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    return sock


class Client:
    """One connection with a plan that chance has made."""

    def __init__(self, chance, address):
        self.chance = chance
        self.sock = connect_small(address, chance.random() < 0.5)
        self.sock.setblocking(False)
        start = chance.randrange(255)
        self.plan = TEXT[start:start + int(130000 * chance.random() ** 3)]
        self.gentle = chance.random() < 0.7     # ends in good order
        self.end_at = len(self.plan) if self.gentle else \
            chance.randrange(len(self.plan) + 1)
        self.sent = 0
        self.got = bytearray()
        self.shut = False
        self.reading = chance.random() < 0.7
        self.moved = time.monotonic()

    def events(self):
        """What to wait for; 0 is a rest."""
        return (selectors.EVENT_READ if self.reading else 0) | \
            (0 if self.shut else selectors.EVENT_WRITE)

    def send(self):
        size = self.chance.choice(SIZES)
        left = self.end_at - self.sent
        try:
            if left > 0:
                self.sent += self.sock.send(
                    self.plan[self.sent:self.sent + min(size, left)])
                self.moved = time.monotonic()
        except BlockingIOError:
            self.reading = True     # who sends on and never reads would wait
            return True
        if self.sent == self.end_at and self.gentle:
            self.sock.shutdown(socket.SHUT_WR)
            self.shut = self.reading = True
        elif self.sent == self.end_at:
            if self.chance.random() < 0.5:
                reset(self.sock)
            else:
                self.sock.close()
            return False
        return True

    def receive(self):
        """Reads some; False at the end."""
        part = self.sock.recv(self.chance.choice(SIZES))
        self.got += part
        self.moved = time.monotonic()
        if not self.shut and self.chance.random() < 0.2:
            self.reading = False
        return part != b""

    def step(self, mask):
        """Does what is possible; False when it is done with."""
        if not self.reading and self.chance.random() < 0.1:
            self.reading = True
        if mask & selectors.EVENT_READ and not self.receive():
            return False
        return not mask & selectors.EVENT_WRITE or self.shut or self.send()


class Crowd:
    """Clients that come and go; lossy when connections may be cut."""

    def __init__(self, chance, addresses, lossy=False, echo=True):
        self.chance, self.addresses = chance, addresses
        self.lossy, self.echo = lossy, echo
        self.clients = []
        self.whole = self.cut = self.connects = 0

    def check(self, client, cut):
        got = client.got.replace(MARK, b"")
        if self.echo:
            expect(client.plan[:client.sent].startswith(got),
                   "not what was sent:", len(got), "of", client.sent)
        if not cut and client.gentle and not self.lossy:
            expect(client.shut, "an early end")
            same(len(got), client.sent, "bytes came back")
            self.whole += 1
        expect(not cut or self.lossy, "reset by shoal")
        self.cut += cut

    def serve(self, client, mask):
        cut = False
        try:
            if client.step(mask):
                return True
        except BlockingIOError:
            return True
        except OSError as error:
            expect(error.errno in GONE, error)
            cut = True
        if client.sock.fileno() >= 0:       # it is the server that ended it
            self.check(client, cut)
            client.sock.close()
        return False

    def turn(self, more):
        while more and len(self.clients) < CLIENTS:
            self.connects += 1
            address = self.chance.choice(self.addresses)
            try:
                self.clients.append(Client(self.chance, address))
            except ConnectionResetError:
                expect(self.lossy, "reset by shoal")
        with selectors.DefaultSelector() as selector:
            for client in self.clients:
                if client.events() != 0:
                    selector.register(client.sock, client.events(), client)
                elif self.chance.random() < 0.1:
                    client.reading = True
            for key, mask in selector.select(0.01):
                if not self.serve(key.data, mask):
                    self.clients.remove(key.data)
        now = time.monotonic()
        for client in self.clients:
            expect(now - client.moved < STALL_S, "stuck:", client.sent,
                   "sent,", len(client.got), "came back")

    def run(self, seconds, disturb=lambda: None):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.turn(True)
            disturb()
        for client in self.clients:
            client.reading = True
        while self.clients:
            self.turn(False)

    def close(self):
        for client in self.clients:
            client.sock.close()
        self.clients.clear()


def listeners(shoal, handler="echo"):
    """All kinds of queues, on TCP and on unix sockets."""
    prefix = MARK.decode() if handler == "echo" else None
    found = []
    for number, queue in enumerate(QUEUES):
        address = f"unix:{shoal.path(f's{number}')}" if number % 2 \
            else "127.0.0.1:0" if number == 0 else "[::1]:0"
        found.append(listener(
            address, handler, prefix,
            more=f"limits = {{ send_queue = {{ {queue} }}; }};"))
    return found


def addresses(shoal):
    found = []
    for entry in shoal.status()["listeners"]:
        kind, _, rest = entry["address"].rpartition(":")
        found.append(rest if kind == "unix"
                     else (kind.strip("[]"), int(rest)))
    return found


def wait_all_over(shoal):
    """No connection is left, and none is counted."""
    def is_over():
        status = shoal.status()
        counters = status["counters"]
        return status["connections"] == 0 and \
            counters["accepted"] == counters["closed"] and \
            counters["queued_bytes"] == 0
    until(is_over, "the end of all connections", 20)


def begin(title):
    print(f"     SHOAL_SEED={SEED}", flush=True)
    return random.Random(f"{SEED} {title}")


def stress(shoal, crowd, disturb=lambda: None, seconds=SECONDS):
    try:
        crowd.run(seconds, disturb)
    finally:
        crowd.close()
    wait_all_over(shoal)
    same(shoal.counter("worker_crashes"), 0)
    print(f"     {crowd.connects} connections, {crowd.whole} whole, "
          f"{crowd.cut} cut", flush=True)


def every(seconds, act):
    """A function that acts once in so many seconds."""
    due = [time.monotonic() + seconds]

    def disturb():
        if time.monotonic() >= due[0]:
            act()
            due[0] = time.monotonic() + seconds
    return disturb


def check_echo_in_any_order():
    chance = begin("order")
    with Shoal() as shoal:
        shoal.configure(*listeners(shoal), workers=2, log_level="info")
        shoal.run()
        pids = {w["pid"] for w in shoal.workers()}
        stress(shoal, Crowd(chance, addresses(shoal)))
        same({w["pid"] for w in shoal.workers()}, pids)
        same(shoal.stop(), 0)


def check_echo_during_reloads():
    """The old generation ends its connections when they are done."""
    chance = begin("reloads")
    with Shoal() as shoal:
        shoal.configure(*listeners(shoal), workers=2, log_level="info",
                        more='reload = { max_old = 16; };')
        shoal.run()
        stress(shoal, Crowd(chance, addresses(shoal)),
               every(0.5 * PATIENCE, shoal.reload))
        same(shoal.stop(), 0)


def check_echo_when_workers_die():
    """Connections are cut, but what comes back is always what was sent."""
    chance = begin("deaths")
    with Shoal() as shoal:
        shoal.configure(*listeners(shoal), workers=2, log_level="info")
        shoal.run()

        def kill():
            pid = shoal.pid_of(chance.randrange(2))
            if pid is not None:
                kill_worker(pid)
        crowd = Crowd(chance, addresses(shoal), lossy=True)
        try:
            crowd.run(SECONDS, every(SECONDS / 3, kill))
        finally:
            crowd.close()
        until(lambda: shoal.status()["connections"] == 0, "no connections")
        same(shoal.stop(), 0)


def check_nasty_callbacks():
    """A handler may do anything to any connection at any time."""
    chance = begin("nasty")
    with Shoal() as shoal:
        module = modules.compile_text(
            shoal.path("probe.so"), NASTY.replace("@SEED@", str(SEED)))
        shoal.configure(
            *listeners(shoal, "probe.nasty"), workers=2, log_level="info",
            modules=modules.entry(module),
            more='limits = { idle_timeout = "500ms"; };\n'
                 'reload = { drain_timeout = "300ms"; max_old = 16; };')
        shoal.run()
        stress(shoal, Crowd(chance, addresses(shoal), True, False),
               every(SECONDS / 2, shoal.reload))
        same(shoal.stop(), 0)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
