#!/usr/bin/env python3
"""Listeners stop and start while the daemon lives: `listener', and code."""
import errno
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from clients import (Load, ask, connect, exchange,  # noqa: E402
                     is_refused, read_all, read_exactly)
from modules import compile_text, entry  # noqa: E402
from shoal import Shoal, kill_worker, listener  # noqa: E402
from waiting import (SANITIZED, descendants_of, expect,  # noqa: E402
                     is_alive, run_checks, same, until)

TAP = listener(more='name = "tap";')
ADMIN = listener("[::1]:0", more='name = "admin";')
LOSSES = ("refused", "reset", "unanswered", "mismatched")
ATTEMPTS = 40       # the kernel spreads them over the sockets of all slots

SOURCE = r"""
#include <stdio.h>
#include <string.h>
#include <shoal/shoal.h>

static void
start_later(void *arg)
{
	shoal_listener_start("tap");
}

/* "stop FLAGS DEADLINE NAME", "start NAME", "is NAME", "soon" */
static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	char text[256], name[200];
	int flags, deadline_ms, r = -1;

	snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)data);
	if (sscanf(text, "stop %d %d %199s", &flags, &deadline_ms, name) == 3)
		r = shoal_listener_stop(name, (unsigned)flags, deadline_ms);
	else if (sscanf(text, "start %199s", name) == 1)
		r = shoal_listener_start(name);
	else if (sscanf(text, "is %199s", name) == 1)
		r = shoal_listener_is_stopped(name);
	else if (strcmp(text, "soon") == 0)
		r = shoal_timer_after(1, start_later, NULL) > 0;
	else if (strcmp(text, "none") == 0)
		r = shoal_listener_stop(NULL, 0, 0) == -SHOAL_EINVAL &&
		    shoal_listener_start(NULL) == -SHOAL_EINVAL &&
		    !shoal_listener_is_stopped(NULL);
	shoal_conn_printf(conn, "%d;", r);
}

static int
check(const struct shoal_settings *settings, char *why, size_t cap)
{
	/* not in a worker */
	return shoal_listener_start("tap") == -SHOAL_EPERM &&
	    !shoal_listener_is_stopped("tap") ? 0 : -SHOAL_EINVAL;
}

static int
worker_start(const struct shoal_settings *settings)
{
	if (shoal_settings_bool(settings, "hold"))
		return shoal_listener_stop("tap", 0, SHOAL_FOREVER);
	return 0;
}

static const struct shoal_setting settings[] = {
	{ "hold", SHOAL_SETTING_BOOL, "false", 0, 0, "begin stopped" },
	{ NULL },
};
static const struct shoal_handler admin = {
	.size = sizeof(struct shoal_handler),
	.name = "admin",
	.tcp = { .size = sizeof(struct shoal_tcp_callbacks),
		.on_receive = on_receive },
};
static const struct shoal_handler *const handlers[] = { &admin, NULL };

SHOAL_MODULE(.name = "ctl", .version = "1.0", .handlers = handlers,
    .settings = settings, .check = check, .worker_start = worker_start);
"""


def stopped_by_code(hold="false", workers=2, workers_more=""):
    """A daemon with a listener `tap', and one that obeys its clients."""
    shoal = Shoal()
    module = compile_text(shoal.path("ctl.so"), SOURCE)
    shoal.configure(
        TAP, listener("[::1]:0", "ctl.admin", more='name = "admin";'),
        workers=workers, workers_more=workers_more,
        modules=f'{{ name = "ctl"; file = "{module}"; '
                f'config = {{ hold = {hold}; }}; }}')
    return shoal


def admin_of(shoal):
    """Where the other listener is."""
    return ("::1", shoal.port(1))


def facts(shoal, name="tap"):
    """What the status tells of a listener."""
    return [one for one in shoal.status()["listeners"]
            if one["name"] == name][0]


def state(shoal, name="tap"):
    return facts(shoal, name)["state"]


def wait_queued(shoal, count, name="tap"):
    """Waits until so many connections wait to be accepted."""
    until(lambda: sum(facts(shoal, name)["queued"]) == count,
          f"{count} connections to wait")


def expect_refused(port):
    """Nobody listens, in no slot."""
    same([is_refused(port) for _ in range(ATTEMPTS)], [True] * ATTEMPTS)


def say(sock, words, answer):
    """Sends a command to the admin listener."""
    sock.sendall(words.encode())
    same(read_exactly(sock, len(answer) + 1).decode(), answer + ";", words)


def check_stop_keeps_who_connects_waiting():
    with Shoal(TAP, ADMIN, workers=3) as shoal:
        port = shoal.run().port()
        with connect(port) as old:
            ask(old, b"before")
            same(shoal.good("listener", "stop", "tap"),
                 "listener 'tap' stopped: who connects waits\n")
            accepted = shoal.counter("accepted")
            waiting = [connect(port) for _ in range(10)]
            for sock in waiting:
                sock.sendall(b"hello")
            wait_queued(shoal, len(waiting))
            ask(old, b"old ones go on")
            same(exchange(admin_of(shoal), b"x"), b"x", "the other listener")
            same(shoal.counter("accepted"), accepted + 1)
            same(shoal.good("listener", "start", "tap"),
                 "listener 'tap' listens again\n")
            for sock in waiting:
                same(read_exactly(sock, 5), b"hello")
                sock.close()
        same(exchange(port, b"new"), b"new")


def check_close_refuses():
    with Shoal(TAP, ADMIN, workers=3) as shoal:
        port = shoal.run().port()
        for _ in range(3):
            with connect(port) as old:
                ask(old, b"before")
                same(shoal.good("listener", "stop", "tap", "--close"),
                     "listener 'tap' closed: who connects is refused\n")
                expect_refused(port)
                ask(old, b"after")
                same(facts(shoal)["state"], "closed")
                same(shoal.status()["code"], 0, "that is not degraded")
                same(shoal.good("listener", "start", "tap"),
                     "listener 'tap' listens again\n")
                ask(old, b"and again")
            same(shoal.port(), port)
            for _ in range(ATTEMPTS):
                same(exchange(port, b"new"), b"new")
        same(shoal.counter("worker_crashes"), 0)


def check_stop_and_start_again_and_again():
    """In keep mode nothing is lost, however often."""
    rate = 200 if SANITIZED else 500
    with Shoal(TAP, workers=3) as shoal:
        port = shoal.run().port()
        with Load("connect", port, "-r", rate, "-t", 600) as load:
            shoal.wait_counter("accepted", 100)
            for _ in range(20):
                shoal.good("listener", "stop", "tap")
                accepted = shoal.counter("accepted")
                until(lambda: sum(facts(shoal)["queued"]) > 0, "who waits")
                same(shoal.counter("accepted"), accepted)
                shoal.good("listener", "start", "tap")
                shoal.wait_counter("accepted", accepted + 10)
            result = load.finish()
        same({k: result[k] for k in LOSSES}, dict.fromkeys(LOSSES, 0))
        same(shoal.counter("accepted"), result["answered"])


def count_descriptors(shoal):
    """Of the master and all workers."""
    return sum(len(os.listdir(f"/proc/{pid}/fd"))
               for pid in [shoal.master, *descendants_of(shoal.master)])


def check_close_again_and_again():
    """Connections that were made are served, others refused."""
    with Shoal(TAP, workers=3) as shoal:
        port = shoal.run().port()
        before = count_descriptors(shoal)
        for _ in range(20):
            shoal.good("listener", "stop", "tap")
            with connect(port) as sock:
                sock.sendall(b"hello")
                wait_queued(shoal, 1)
                shoal.good("listener", "stop", "tap", "--close")
                same(read_exactly(sock, 5), b"hello")
            expect_refused(port)
            shoal.good("listener", "start", "tap")
            same(exchange(port, b"x"), b"x")
        until(lambda: count_descriptors(shoal) <= before,
              "no more descriptors than before")


def check_repetitions_say_so():
    with Shoal(TAP) as shoal:
        port = shoal.run().port()
        for words, answer, wanted in [
                ("start", "is listening already", "listening"),
                ("stop", "stopped", "stopped"),
                ("stop", "is stopped already", "stopped"),
                ("stop --close", "closed", "closed"),
                ("stop --close", "is closed already", "closed"),
                ("stop", "is closed already", "closed"),
                ("start", "listens again", "listening")]:
            verb, *options = words.split()
            out = shoal.good("listener", verb, "tap", *options)
            expect(answer in out, words, out)
            same(state(shoal), wanted, words)
        same(exchange(port, b"x"), b"x")


def check_killed_workers_come_back_stopped():
    with Shoal(TAP, ADMIN, workers=2) as shoal:
        port = shoal.run().port()
        for options, wanted in [([], "stopped"), (["--close"], "closed")]:
            shoal.good("listener", "stop", "tap", *options)
            before = [w["pid"] for w in shoal.workers()]
            for pid in before:
                kill_worker(pid)
            until(lambda: len(shoal.workers()) == 2 and not
                  {w["pid"] for w in shoal.workers()} & set(before),
                  "new workers")
            same(state(shoal), wanted)
            for _ in range(ATTEMPTS):
                same(exchange(admin_of(shoal), b"x"), b"x")
            if wanted == "closed":
                expect_refused(port)
                shoal.good("listener", "start", "tap")
                same(exchange(port, b"x"), b"x")
                continue
            with connect(port) as sock:
                sock.sendall(b"hello")
                wait_queued(shoal, 1)
                shoal.good("listener", "start", "tap")
                same(read_exactly(sock, 5), b"hello")
        # one that takes the place of another, in good order
        shoal.good("listener", "stop", "tap", "--close")
        shoal.good("workers", "restart", "0")
        expect_refused(port)
        shoal.good("listener", "start", "tap")
        for _ in range(ATTEMPTS):
            same(exchange(port, b"x"), b"x")


def check_reload_keeps_it_stopped():
    with Shoal(TAP, ADMIN, workers=2) as shoal:
        port = shoal.run().port()
        with connect(port) as old:
            ask(old, b"before")
            shoal.good("listener", "stop", "tap")
            with connect(port) as sock:
                sock.sendall(b"hello")
                wait_queued(shoal, 1)
                shoal.configure(listener(prefix="new:", more='name = "tap";'),
                                workers=2)
                shoal.reload()
                same(state(shoal), "stopped")
                wait_queued(shoal, 1)
                shoal.good("listener", "stop", "tap", "--close")
                same(read_all_of(sock), b"new:hello")
            expect_refused(port)
            shoal.reload()
            same(state(shoal), "closed")
            expect_refused(port)
            shoal.good("listener", "start", "tap")
            same(exchange(port, b"x"), b"new:x")
            ask(old, b"an old one goes on")


def read_all_of(sock):
    sock.shutdown(socket.SHUT_WR)
    return read_all(sock)


def check_new_address_is_not_stopped():
    with Shoal(TAP) as shoal:
        shoal.run()
        shoal.good("listener", "stop", "tap", "--close")
        shoal.configure(listener("[::1]:0", more='name = "tap";'))
        shoal.reload()
        same(state(shoal), "listening")
        same(exchange(("::1", shoal.port()), b"x"), b"x")


def check_deadline_ends_connections():
    with Shoal(TAP, ADMIN, workers=2) as shoal:
        port = shoal.run().port()
        socks = [connect(port) for _ in range(10)]
        for sock in socks:
            ask(sock, b"x")
        with connect(admin_of(shoal)) as other:
            ask(other, b"x")
            shoal.reload()      # those of older workers are meant, too
            socks += [connect(port) for _ in range(10)]
            for sock in socks[10:]:
                ask(sock, b"x")
            shoal.good("listener", "stop", "tap", "--deadline", "50ms")
            for sock in socks:
                same(read_all(sock), b"")
                sock.close()
            ask(other, b"another listener")
        shoal.good("listener", "start", "tap")
        same(exchange(port, b"x"), b"x")


def check_start_forgets_the_deadline():
    with Shoal(TAP) as shoal:
        port = shoal.run().port()
        with connect(port) as sock, connect(port) as mark:
            ask(sock, b"x")
            ask(mark, b"x")
            shoal.good("listener", "stop", "tap", "--deadline", "1h")
            shoal.good("listener", "start", "tap")
            shoal.good("listener", "stop", "tap", "--deadline", "1h")
            shoal.good("listener", "stop", "tap")   # no deadline: they go on
            ask(sock, b"still there")
            shoal.good("listener", "stop", "tap", "--close", "--deadline",
                       "0s")
            same(read_all(sock), b"")
            same(read_all(mark), b"")


def check_deadline_cuts_who_does_not_read():
    size = 3_000_000
    with Shoal(listener(more='name = "tap"; limits = { send_queue = '
                             '{ high = "8M"; low = "1M"; }; };')) as shoal:
        port = shoal.run().port()
        with connect(port) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            sock.sendall(bytes(size))
            until(lambda: shoal.counter("bytes_received") >= size,
                  "the message to arrive")
            expect(shoal.counter("queued_bytes") > 0, "nothing waits")
            shoal.good("listener", "stop", "tap", "--deadline", "0s")
            until(lambda: shoal.status()["connections"] == 0, "the cut")
        same(shoal.good("listener", "start", "tap"),
             "listener 'tap' listens again\n")
        same(exchange(port, b"x"), b"x")


def check_code_stops_and_starts():
    with stopped_by_code() as shoal:
        port = shoal.run().port()
        with connect(admin_of(shoal)) as admin:
            say(admin, "is tap", "0")
            say(admin, "stop 0 -1 tap", "0")
            until(lambda: state(shoal) == "stopped", "the stop")
            until(lambda: is_said(admin, "is tap", b"1;"), "it here")
            with connect(port) as sock:
                sock.sendall(b"hello")
                wait_queued(shoal, 1)
                say(admin, "start tap", "0")
                same(read_exactly(sock, 5), b"hello")
                say(admin, "stop 1 0 tap", "0")
                same(read_all(sock), b"")
            until(lambda: state(shoal) == "closed", "the close")
            until(lambda: is_refused(port), "nobody to listen")
            say(admin, "soon", "1")
            until(lambda: state(shoal) == "listening", "the start")
            same(exchange(port, b"x"), b"x")
            for words, answer in [
                    ("stop 0 -1 pat", "-2"), ("start pat", "-2"),
                    ("start ta", "-2"), ("is pat", "0"),
                    ("stop 2 -1 tap", "-22"), ("stop 0 -2 tap", "-22"),
                    ("none", "1"), ("start tap", "0")]:
                say(admin, words, answer)
            # its own listener, too
            say(admin, "stop 1 100 admin", "0")
            same(read_all(admin), b"")
        same(state(shoal, "admin"), "closed")
        shoal.good("listener", "start", "admin")
        same(shoal.counter("worker_crashes"), 0)


def is_said(sock, words, answer):
    sock.sendall(words.encode())
    return read_exactly(sock, len(answer)) == answer


def check_code_asks_without_end():
    """However often it asks, the last word counts, and others are served."""
    with stopped_by_code(workers=3,
                         workers_more='watchdog = "off";') as shoal:
        port = shoal.run().port()
        with connect(admin_of(shoal)) as admin:
            say(admin, "is tap", "0")
            idle = [w for w in shoal.workers() if w["connections"] == 0][0]
            os.kill(idle["pid"], signal.SIGSTOP)
            for i in range(1000):
                insist(admin, f"stop {i % 2} -1 tap")
                insist(admin, "start tap")
            # one that takes none of it is told the last word later
            shoal.wait_log("takes no orders")
            os.kill(idle["pid"], signal.SIGCONT)
        shoal.good("listener", "start", "tap")
        same(state(shoal), "listening")
        same(sum(w["connections"] for w in shoal.workers()), 0)
        for _ in range(ATTEMPTS):
            same(exchange(port, b"x"), b"x")
        same(shoal.counter("worker_crashes"), 0)


def insist(sock, words):
    """Asks until the master has room for it."""
    answer = ""
    while answer != "0;":
        sock.sendall(words.encode())
        answer = ""
        while not answer.endswith(";"):
            answer += sock.recv(1).decode()
        expect(answer in ("0;", f"-{errno.EAGAIN};"), words, answer)


def check_hook_begins_stopped():
    with stopped_by_code(hold="true") as shoal:
        port = shoal.run().port()
        until(lambda: state(shoal) == "stopped", "the stop")
        shoal.good("listener", "start", "tap")
        same(exchange(port, b"x"), b"x")


def check_worker_that_hangs_is_told_later():
    """Orders that it could not take are made up for."""
    with Shoal(TAP, workers=2, workers_more='watchdog = "off";') as shoal:
        port = shoal.run().port()
        pid = shoal.pid_of(0)
        os.kill(pid, signal.SIGSTOP)
        until(lambda: "T" in open(f"/proc/{pid}/stat").read(), "it to stand")
        for _ in range(3):
            code, _, err = shoal.cli("listener", "stop", "tap", "--timeout",
                                     "1ms")
            same(code, 75, err)
            code, _, err = shoal.cli("listener", "stop", "tap", "--close",
                                     "--timeout", "1ms")
            same(code, 75, err)
            code, _, err = shoal.cli("listener", "start", "tap", "--timeout",
                                     "1ms")
            same(code, 75, err)
        os.kill(pid, signal.SIGCONT)
        shoal.good("listener", "start", "tap")
        for _ in range(ATTEMPTS):
            same(exchange(port, b"x"), b"x")
        expect(is_alive(pid), "it was replaced")


def check_unix():
    with Shoal() as shoal:
        path = shoal.path("tap.sock")
        shoal.configure(listener(f"unix:{path}", more='name = "tap";'),
                        workers=3)
        shoal.run()
        for _ in range(3):
            with connect(path) as old:
                ask(old, b"before")
                shoal.good("listener", "stop", "tap")
                waiting = [connect(path) for _ in range(10)]
                for sock in waiting:
                    sock.sendall(b"hello")
                ask(old, b"old ones go on")
                shoal.good("listener", "start", "tap")
                for sock in waiting:
                    same(read_exactly(sock, 5), b"hello")
                    sock.close()
                shoal.good("listener", "stop", "tap", "--close")
                expect_refused(path)
                expect(not os.path.exists(path), "the file is still there")
                shoal.good("listener", "start", "tap")
                ask(old, b"and again")
            for _ in range(ATTEMPTS):
                same(exchange(path, b"x"), b"x")
        shoal.good("listener", "stop", "tap", "--close")
        shoal.stop()
        expect(not os.path.exists(path), "the file came back")


def check_port_that_was_taken():
    with Shoal(TAP, workers=2) as shoal:
        port = shoal.run().port()
        shoal.good("listener", "stop", "tap", "--close")
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", port))
            other.listen()
            code, _, err = shoal.cli("listener", "start", "tap")
            same(code, 71, err)
            expect(f"cannot listen on 127.0.0.1:{port}" in err and
                   "another program has it" in err, err)
            same(state(shoal), "closed")
        shoal.good("listener", "start", "tap")
        same(exchange(port, b"x"), b"x")


def check_second_master_stays_out():
    """The lock on the address is kept while it is closed."""
    with Shoal(TAP) as shoal:
        port = shoal.run().port()
        tap = listener(f"127.0.0.1:{port}", more='name = "tap";')
        shoal.stop()
        shoal.configure(tap)
        shoal.run()
        shoal.good("listener", "stop", "tap", "--close")
        with Shoal(tap) as other:
            code, _, err = other.cli("start")
            same(code, 71, err)
        shoal.good("listener", "start", "tap")
        same(exchange(port, b"x"), b"x")


def check_names():
    with Shoal(TAP) as shoal:
        odd = 'name = "a \\"b\\" %41\\t\u00e9";'
        shoal.configure(TAP, listener("[::1]:0", more=odd),
                        listener("unix:" + shoal.path("a b.sock")))
        shoal.run()
        names = [one["name"] for one in shoal.status()["listeners"]]
        odd = names[1]
        expect("\t" in odd and '"' in odd, odd)
        for name in names:
            shoal.good("listener", "stop", name)
            same(state(shoal, name), "stopped")
            shoal.good("listener", "start", name)
        for name in ("pat", "", "ta", "x" * 63, "x" * 200):
            code, out, err = shoal.cli("listener", "stop", name)
            same(code, 1, out, err)
            expect(len(name) > 64 or (f"no listener '{name}'" in err and
                                      "there are 'tap', '" in err), err)
        same({one["state"] for one in shoal.status()["listeners"]},
             {"listening"})
        for words in (["stop"], ["start"], ["halt", "tap"], ["list", "tap"],
                      ["start", "tap", "--close"], ["list", "--close"],
                      ["start", "tap", "--deadline", "1s"],
                      ["stop", "tap", "--deadline", "soon"]):
            same(shoal.cli("listener", *words)[0], 64, words)
        same(shoal.cli("status", "--close")[0], 64)
        shoal.stop()
        same(shoal.cli("listener", "stop", "tap")[0], 69)


def check_status():
    with Shoal() as shoal:
        path = "unix:" + shoal.path("sock")
        shoal.configure(TAP, ADMIN, listener(path, more='name = "file";'))
        shoal.run()
        shoal.good("listener", "stop", "admin", "-q")
        shoal.good("listener", "stop", "file", "--close")
        wanted = {"tap": "listening", "admin": "stopped", "file": "closed"}
        same({one["name"]: one["state"]
              for one in shoal.status()["listeners"]}, wanted)
        for out in (shoal.good("status"), shoal.good("listener"),
                    shoal.good("listener", "list")):
            lines = out[out.index("LISTENER"):].splitlines()
            expect("STATE" in lines[0], out)
            same({line.split()[0]: line.split()[3] for line in lines[1:]},
                 wanted)
            expect(facts(shoal)["address"] in lines[1], out)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
