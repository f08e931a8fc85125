#!/usr/bin/env python3
"""Handlers that wait anywhere, and clients that do anything: no byte is lost.

SHOAL_SEED repeats a run; SHOAL_SLOW=1 makes it longer.
"""
import errno
import os
import random
import selectors
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import modules  # noqa: E402
from clients import reset  # noqa: E402
from shoal import Shoal, kill_worker, listener  # noqa: E402
from waiting import PATIENCE, SLOW, expect, run_checks, same, until  # noqa: E402

SEED = int(os.environ.get("SHOAL_SEED", time.time_ns() % 1000000))
SECONDS = 60 if SLOW else 2
CLIENTS = 80
STALL_S = 30 * PATIENCE
GONE = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)
SIZES = (1, 10, 500, 513, 4000, 4097, 20000, 70000, 150000)
QUEUES = ("high = \"4k\"; low = \"1k\";", "high = \"64k\"; low = \"0\";")

# A packet is answered with itself; between any two steps the handler may wait.
# `wild' also closes and aborts, its own connection or another one.
SOURCE = r"""
#include <stdlib.h>
#include <string.h>
#include <shoal/shoal.h>

enum { KNOWN = 64, FAITHFUL, WILD };
static uint64_t known[KNOWN];
static long open_count;

static void
rest(void)
{
	switch (rand() % 8) {
	case 0: (void)shoal_co_sleep(0); break;
	case 1: (void)shoal_co_sleep(rand() % 5); break;
	case 2: (void)shoal_co_suspend(rand() % 3); break;
	default: break;
	}
}

struct job {
	struct shoal_conn *conn;
	char *copy;
	size_t len;
	int result;
};

static void
send_it(void *arg)
{
	struct job *job = arg;

	rest();
	job->result = shoal_co_send(job->conn, job->copy, job->len, -1);
}

/* By another coroutine, which is waited for. */
static int
send_by_another(struct shoal_conn *conn, const void *data, size_t len)
{
	struct job job = { conn, malloc(len), len, -1 };
	int64_t co;

	memcpy(job.copy, data, len);
	co = shoal_co_start(send_it, &job, "sender");
	/* the job is on this stack: cancelled or not, it has to end first */
	while (co > 0 && shoal_co_join(co, SHOAL_FOREVER) != 0)
		shoal_co_cancel(co), shoal_co_shield(1000);
	free(job.copy);
	return job.result;
}

static int
send_somehow(struct shoal_conn *conn, const void *data, size_t len)
{
	const struct iovec parts[] = { { (void *)data, len / 2 },
		{ (char *)data + len / 2, len - len / 2 } };
	int r;

	switch (rand() % 4) {
	case 0: return shoal_co_sendv(conn, parts, 2, SHOAL_FOREVER);
	case 1: return send_by_another(conn, data, len);
	case 2:
		while ((r = shoal_co_send(conn, data, len, rand() % 3)) ==
		    -SHOAL_ETIMEDOUT)
			continue;
		return r;
	default:
		r = shoal_co_send(conn, data, len, SHOAL_FOREVER);
		return r == 0 && rand() % 4 == 0
		    ? shoal_co_flush(conn, SHOAL_FOREVER) : r;
	}
}

static void
be_wild(struct shoal_conn *own)
{
	struct shoal_conn *conn = rand() % 2 == 0 ? own
		: shoal_conn_find(known[rand() % KNOWN]);

	if (conn == NULL)
		return;
	switch (rand() % 24) {
	case 0: shoal_conn_close(conn); break;
	case 1: shoal_conn_abort(conn); break;
	case 2:
	case 3:
	case 4: shoal_conn_send(conn, "wild", 4); break;
	case 5: shoal_conn_flush(conn); break;
	default: break;
	}
}

static uint32_t
sum_of(const unsigned char *data, size_t len)
{
	uint32_t sum = 0;

	while (len-- > 0)
		sum = sum * 31 + *data++;
	return sum;
}

static ssize_t
receive(struct shoal_conn *conn, const void **data)
{
	ssize_t n;

	while ((n = shoal_co_recv_packet(conn, data,
		    rand() % 3 == 0 ? rand() % 4 : SHOAL_FOREVER)) ==
	    -SHOAL_ETIMEDOUT)
		rest();
	return n;
}

static void
serve(struct shoal_conn *conn, int kind)
{
	const void *data;
	ssize_t n;

	open_count++;
	known[rand() % KNOWN] = shoal_conn_id(conn);
	rest();
	while ((n = receive(conn, &data)) > 0) {
		uint32_t sum = sum_of(data, (size_t)n);

		rest();
		if (kind == WILD)
			be_wild(conn);
		/* it stays as it is, whatever came meanwhile */
		if (sum_of(data, (size_t)n) != sum)
			abort();
		if (send_somehow(conn, data, (size_t)n) < 0)
			break;
		if (sum_of(data, (size_t)n) != sum)
			abort();
	}
	rest();
	open_count--;
}

static void
serve_faithfully(struct shoal_conn *conn, void *arg)
{
	serve(conn, FAITHFUL);
}

static void
serve_wildly(struct shoal_conn *conn, void *arg)
{
	serve(conn, WILD);
}

/* Callback style; the data of the connection tells who is inside. */
struct guest {
	int inside;
	int wild;
};

static void
enter(struct guest *guest)
{
	if (guest->inside++ != 0)
		abort();
}

static void
on_connect(struct shoal_conn *conn, void *arg)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	shoal_conn_set_data(conn, guest);
	enter(guest);
	open_count++;
	guest->wild = arg != NULL;
	known[rand() % KNOWN] = shoal_conn_id(conn);
	rest();
	guest->inside--;
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct guest *guest = shoal_conn_data(conn);
	char *copy = malloc(len);

	enter(guest);
	memcpy(copy, data, len);
	rest();
	if (guest->wild)
		be_wild(conn);
	(void)send_somehow(conn, copy, len);
	free(copy);
	guest->inside--;
}

static void
on_writable(struct shoal_conn *conn, void *arg)
{
	struct guest *guest = shoal_conn_data(conn);

	enter(guest);
	rest();
	guest->inside--;
}

static void
on_close(struct shoal_conn *conn, enum shoal_close_cause cause, int error,
    void *arg)
{
	struct guest *guest = shoal_conn_data(conn);

	enter(guest);
	rest();
	shoal_conn_set_data(conn, NULL);
	free(guest);
	open_count--;
}

static int
open_wild(const struct shoal_settings *settings, void **arg_out)
{
	*arg_out = known;
	return 0;
}

static int
open_tame(const struct shoal_settings *settings, void **arg_out)
{
	*arg_out = NULL;
	return 0;
}

static void
close_handler(void *arg)
{
	if (open_count != 0)
		abort();
}

static const struct shoal_framing framing = { .size = sizeof(framing),
	.type = SHOAL_FRAMING_LENGTH, .field = SHOAL_LENGTH_U32LE, .body = 4 };

#define CALLBACKS                                                       \
	{ .size = sizeof(struct shoal_tcp_callbacks),                   \
		.on_connect = on_connect, .on_receive = on_receive,     \
		.on_writable = on_writable, .on_close = on_close }
#define HANDLER(id, ...)                                                \
	static const struct shoal_handler id = {                        \
		.size = sizeof(struct shoal_handler), .name = #id,      \
		.close = close_handler, .framing = &framing, __VA_ARGS__ }

HANDLER(faithful, .serve = serve_faithfully);
HANDLER(wild, .serve = serve_wildly);
HANDLER(tame_cb, .open = open_tame, .tcp = CALLBACKS);
HANDLER(wild_cb, .open = open_wild, .tcp = CALLBACKS);
static const struct shoal_handler *const handlers[] = { &faithful, &wild,
	&tame_cb, &wild_cb, NULL };

static int
worker_start(const struct shoal_settings *settings)
{
	srand(@SEED@u + (unsigned)shoal_worker_slot());
	return 0;
}

SHOAL_MODULE(.name = "probe", .version = "1.0", .handlers = handlers,
    .worker_start = worker_start);
"""


class Client:
    """One connection with a plan that chance has made: packets, in pieces."""

    def __init__(self, chance, address):
        self.chance = chance
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if chance.random() < 0.5:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.sock.settimeout(STALL_S)
        self.sock.connect(address)
        self.sock.setblocking(False)
        self.plan = b"".join(self.packet() for _ in range(chance.randrange(6)))
        self.gentle = chance.random() < 0.7
        self.end_at = len(self.plan) if self.gentle else \
            chance.randrange(len(self.plan) + 1)
        self.sent = 0
        self.got = bytearray()
        self.shut = False
        self.reading = chance.random() < 0.7
        self.moved = time.monotonic()

    def packet(self):
        size = self.chance.choice(SIZES)
        start = self.chance.randrange(256)
        body = (bytes(range(start, 256)) + bytes(range(251))) * (size // 250)
        return struct.pack("<I", size) + (body + bytes(size))[:size]

    def events(self):
        return (selectors.EVENT_READ if self.reading else 0) | \
            (0 if self.shut else selectors.EVENT_WRITE)

    def send(self):
        """Sends some; False when it has ended the connection."""
        left = self.end_at - self.sent
        if left > 0:
            try:
                size = min(self.chance.choice(SIZES), left)
                self.sent += self.sock.send(
                    self.plan[self.sent:self.sent + size])
                self.moved = time.monotonic()
            except BlockingIOError:
                self.reading = True
            return True
        if self.gentle:
            self.sock.shutdown(socket.SHUT_WR)
            self.shut = self.reading = True
            return True
        if self.chance.random() < 0.5:
            reset(self.sock)
        else:
            self.sock.close()
        return False

    def receive(self):
        """Reads some; False at the end."""
        part = self.sock.recv(self.chance.choice(SIZES))
        self.got += part
        self.moved = time.monotonic()
        if not self.shut and self.chance.random() < 0.2:
            self.reading = False
        return part != b""

    def step(self, mask):
        try:
            if mask & selectors.EVENT_READ and not self.receive():
                return False
            return not mask & selectors.EVENT_WRITE or self.shut or self.send()
        except BlockingIOError:
            return True


class Crowd:
    """Clients that come and go; lossy when connections may be cut."""

    def __init__(self, chance, addresses, lossy=False, wild=False):
        self.chance, self.addresses = chance, addresses
        self.lossy, self.wild = lossy, wild
        self.clients = []
        self.whole = self.cut = self.connects = 0

    def check(self, client, cut):
        if not self.wild:
            expect(client.plan[:client.sent].startswith(client.got),
                   "not what was sent:", len(client.got), "of", client.sent)
        expect(not cut or self.lossy, "reset by shoal")
        if client.gentle and not self.lossy:
            same(len(client.got), client.sent, "bytes came back")
            self.whole += 1
        self.cut += cut

    def serve(self, client, mask):
        cut = False
        try:
            if client.step(mask):
                return True
        except OSError as error:
            expect(error.errno in GONE, error)
            cut = True
        if client.sock.fileno() >= 0:
            self.check(client, cut)
            client.sock.close()
        return False

    def turn(self, more):
        while more and len(self.clients) < CLIENTS:
            self.connects += 1
            try:
                self.clients.append(
                    Client(self.chance, self.chance.choice(self.addresses)))
            except ConnectionResetError:
                expect(self.lossy, "reset by shoal")
        with selectors.DefaultSelector() as selector:
            for client in self.clients:
                if not client.reading and self.chance.random() < 0.1:
                    client.reading = True
                if client.events() != 0:
                    selector.register(client.sock, client.events(), client)
            for key, mask in selector.select(0.01):
                if not self.serve(key.data, mask):
                    self.clients.remove(key.data)
        now = time.monotonic()
        for client in self.clients:
            expect(now - client.moved < STALL_S, "stuck:", client.sent,
                   "sent,", len(client.got), "came back")

    def run(self, seconds, disturb=lambda: None):
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                self.turn(True)
                disturb()
            for client in self.clients:
                client.reading = True
            while self.clients:
                self.turn(False)
        finally:
            for client in self.clients:
                client.sock.close()
            self.clients.clear()
        print(f"     {self.connects} connections, {self.whole} whole, "
              f"{self.cut} cut", flush=True)


def every(seconds, act):
    """A function that acts once in so many seconds."""
    due = [time.monotonic() + seconds]

    def disturb():
        if time.monotonic() >= due[0]:
            act()
            due[0] = time.monotonic() + seconds
    return disturb


def make(*handlers, more=""):
    """A daemon with a listener for each handler and kind of queue."""
    shoal = Shoal()
    module = modules.compile_text(
        shoal.path("probe.so"), SOURCE.replace("@SEED@", str(SEED)))
    found = [
        listener(f"127.0.0.{1 + number}:0", f"probe.{handler}",
                 more=f"limits = {{ send_queue = {{ {QUEUES[number % 2]} }}; "
                      "};")
        for number, handler in enumerate(2 * handlers)]
    shoal.configure(*found, workers=2, log_level="info", more=more,
                    modules=modules.entry(module))
    return shoal


def addresses(shoal):
    found = []
    for entry in shoal.status()["listeners"]:
        host, _, port = entry["address"].rpartition(":")
        found.append((host, int(port)))
    return found


def begin(title):
    print(f"     SHOAL_SEED={SEED}", flush=True)
    return random.Random(f"{SEED} {title}")


def wait_all_over(shoal):
    """No connection is left, and none is counted."""
    def is_over():
        status = shoal.status()
        counters = status["counters"]
        return status["connections"] == 0 and \
            counters["accepted"] == counters["closed"] and \
            counters["queued_bytes"] == 0
    until(is_over, "the end of all connections", 20)


def stress(shoal, crowd, disturb=lambda: None):
    crowd.run(SECONDS, disturb)
    wait_all_over(shoal)
    same(shoal.counter("worker_crashes"), 0)
    same(shoal.stop(), 0)
    for words in ("died", "do not end", "did not end in time"):
        expect(words not in shoal.log_text(), words)


def check_any_order():
    chance = begin("order")
    with make("faithful", "tame_cb") as shoal:
        shoal.run()
        stress(shoal, Crowd(chance, addresses(shoal)))


def check_reloads():
    """The old generation ends its connections when they are done."""
    chance = begin("reloads")
    with make("faithful", "tame_cb", more="reload = { max_old = 16; };") \
            as shoal:
        shoal.run()
        stress(shoal, Crowd(chance, addresses(shoal)),
               every(0.5 * PATIENCE, shoal.reload))


def check_wild_handlers():
    """They close and abort, also each other; idle ones are cut, and drains
    are short."""
    chance = begin("wild")
    with make("wild", "wild_cb",
              more='limits = { idle_timeout = "500ms"; };\n'
                   'reload = { drain_timeout = "300ms"; max_old = 16; };') \
            as shoal:
        shoal.run()
        stress(shoal, Crowd(chance, addresses(shoal), True, True),
               every(SECONDS / 3, shoal.reload))


def check_deaths():
    """Connections are cut, but what comes back is what was sent."""
    chance = begin("deaths")
    with make("faithful", "tame_cb") as shoal:
        shoal.run()

        def kill():
            pid = shoal.pid_of(chance.randrange(2))
            if pid is not None:
                kill_worker(pid)
        Crowd(chance, addresses(shoal), True).run(
            SECONDS, every(SECONDS / 3, kill))
        until(lambda: shoal.status()["connections"] == 0, "no connections")
        same(shoal.stop(), 0)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
