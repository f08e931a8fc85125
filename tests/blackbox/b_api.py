"""What a handler can do, seen from outside: a module that obeys its client."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from clients import connect, read_all, read_exactly  # noqa: E402
from modules import compile_text, entry  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import (SANITIZED, Skip, expect, run_checks, same,  # noqa: E402
                     until)

SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <shoal/shoal.h>

struct ticker {
	uint64_t conn;
	int64_t timer;
	int left;
};

static void
tick(void *arg)
{
	struct ticker *ticker = arg;

	shoal_conn_send_to(ticker->conn, "tick;", 5);
	if (--ticker->left > 0)
		return;
	if (ticker->timer != 0)
		shoal_timer_cancel(ticker->timer);
	free(ticker);
}

static void
resume(void *arg)
{
	struct shoal_conn *conn = shoal_conn_find((uint64_t)(uintptr_t)arg);

	if (conn != NULL)
		shoal_conn_resume(conn);
}

static struct ticker *
new_ticker(struct shoal_conn *conn, int left)
{
	struct ticker *ticker = calloc(1, sizeof(*ticker));

	ticker->conn = shoal_conn_id(conn);
	ticker->left = left;
	return ticker;
}

static volatile int depth;

static int
recurse(int n)
{
	char room[512];

	memset(room, n, sizeof(room));
	depth++;
	return room[n & 511] + recurse(n + 1) + depth;
}

static void
say_who(struct shoal_conn *conn)
{
	char peer[SHOAL_ADDRESS_MAX], local[SHOAL_ADDRESS_MAX];

	shoal_conn_printf(conn, "%llu|%s|%s|%s|%d|%d|%llu",
	    (unsigned long long)shoal_conn_id(conn),
	    shoal_conn_peer(conn, peer, sizeof(peer)),
	    shoal_conn_local(conn, local, sizeof(local)),
	    shoal_conn_listener(conn), shoal_worker_slot(),
	    shoal_worker_count(),
	    (unsigned long long)shoal_worker_generation());
}

static void
remember(struct shoal_conn *conn, const char *word)
{
	char *old = shoal_conn_data(conn);

	shoal_conn_printf(conn, "%s", old != NULL ? old : "nothing");
	free(old);
	shoal_conn_set_data(conn, strdup(word));
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	char text[256];
	unsigned long long id;
	int n;

	snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)data);
	if (strcmp(text, "who") == 0)
		say_who(conn);
	else if (sscanf(text, "to %llu %n", &id, &n) == 1)
		shoal_conn_printf(conn, "%d", shoal_conn_send_to(id, text + n,
			strlen(text + n)));
	else if (strcmp(text, "close") == 0)
		shoal_conn_printf(conn, "bye %d %d", shoal_conn_close(conn) == 0
			? 1 : 0, shoal_conn_close(conn));
	else if (strcmp(text, "bye") == 0) {
		shoal_conn_printf(conn, "good bye");
		shoal_conn_close(conn);
	} else if (strcmp(text, "abort") == 0) {
		shoal_conn_printf(conn, "never seen");
		shoal_conn_abort(conn);
	} else if (sscanf(text, "after %d", &n) == 1)
		shoal_timer_after(n, tick, new_ticker(conn, 1));
	else if (sscanf(text, "every %d", &n) == 1) {
		struct ticker *ticker = new_ticker(conn, n);

		ticker->timer = shoal_timer_every(5, tick, ticker);
	} else if (sscanf(text, "pause %d", &n) == 1) {
		shoal_conn_printf(conn, "paused");
		shoal_conn_pause(conn);
		shoal_timer_after(n, resume,
		    (void *)(uintptr_t)shoal_conn_id(conn));
	} else if (sscanf(text, "count %d", &n) == 1) {
		shoal_counter_add(shoal_counter_get("things"), n);
		shoal_gauge_set(shoal_gauge_get("level"), n);
		shoal_conn_printf(conn, "%lld", (long long)shoal_counter_value(
			shoal_counter_get("things")));
	} else if (sscanf(text, "remember %s", text) == 1)
		remember(conn, text);
	else if (strcmp(text, "spin") == 0)
		for (;;)
			depth++;
	else if (strcmp(text, "recurse") == 0)
		shoal_conn_printf(conn, "%d", recurse(0));
	else if (strcmp(text, "segv") == 0)
		*(volatile int *)8 = 1;
	else
		shoal_conn_printf(conn, "what? %d",
		    (int)shoal_settings_int(arg, "answer"));
}

static void
on_close(struct shoal_conn *conn, enum shoal_close_cause cause, int error,
    void *arg)
{
	shoal_log(SHOAL_LOG_NOTICE, "closed %llu cause %s error %d send %d",
	    (unsigned long long)shoal_conn_id(conn),
	    shoal_close_cause_str(cause), error,
	    shoal_conn_send(conn, "x", 1));
	free(shoal_conn_data(conn));
}

static int
worker_start(const struct shoal_settings *settings)
{
	shoal_log(SHOAL_LOG_NOTICE, "hook start %s",
	    shoal_settings_string(settings, "label"));
	return 0;
}

static void
drain(int deadline_ms)
{
	shoal_log(SHOAL_LOG_NOTICE, "hook drain");
}

static void
worker_stop(void)
{
	shoal_log(SHOAL_LOG_NOTICE, "hook stop");
}

static const struct shoal_setting obey_settings[] = {
	{ "answer", SHOAL_SETTING_DURATION, "42ms", 0, 1000, "a number" },
	{ NULL },
};
static const struct shoal_setting module_settings[] = {
	{ "label", SHOAL_SETTING_STRING, NULL, 0, 0, "a text" },
	{ NULL },
};
static const struct shoal_handler obey = {
	.size = sizeof(struct shoal_handler),
	.name = "obey",
	.settings = obey_settings,
	.tcp = { .size = sizeof(struct shoal_tcp_callbacks),
		.on_receive = on_receive, .on_close = on_close },
};
static const struct shoal_handler *const handlers[] = { &obey, NULL };

SHOAL_MODULE(.name = "api", .version = "1.0", .handlers = handlers,
    .settings = module_settings, .worker_start = worker_start,
    .drain = drain, .worker_stop = worker_stop);
"""


def make(more="", workers_more="", workers=1):
    """A daemon whose handler obeys its clients."""
    shoal = Shoal()
    module = compile_text(shoal.path("api.so"), SOURCE)
    shoal.configure(
        listener(handler="api.obey", more='name = "tap"; ' + more),
        workers=workers, workers_more=workers_more,
        modules=f'{{ name = "api"; file = "{module}"; '
                'config = { label = "seen"; }; }')
    return shoal


def say(sock, words, answer):
    """Sends a command and checks the answer."""
    sock.sendall(words.encode())
    same(read_exactly(sock, len(answer)).decode(), answer, words)


def ask(sock, words):
    """Sends a command; the next thing that comes back."""
    sock.sendall(words.encode())
    return sock.recv(4096).decode()


def check_identity():
    """Id, addresses, listener, slot, count, generation."""
    with make() as shoal:
        port = shoal.run().port()
        with connect(port) as one, connect(port) as two:
            first, second = (ask(s, "who").split("|") for s in (one, two))
            expect(first[0] != second[0], first, second)
            same(first[1], "127.0.0.1:%d" % one.getsockname()[1])
            same(first[2], f"127.0.0.1:{port}")
            same(first[3:], ["tap", "0", "1", "1"])
            # by number, and not by one that is gone
            say(one, f"to {second[0]} hello", "0")
            same(two.recv(100), b"hello")
            two.close()
            until(lambda: ask(one, f"to {second[0]} x") == "-2",
                  "ENOENT for a connection that is gone")


def check_ids_are_never_used_again():
    with make() as shoal:
        port = shoal.run().port()
        seen = set()
        for _ in range(3):
            for _ in range(5):
                with connect(port) as sock:
                    seen.add(ask(sock, "who").split("|")[0])
            shoal.reload()
        same(len(seen), 15)


def check_close_and_abort():
    with make() as shoal:
        port = shoal.run().port()
        with connect(port) as sock:
            number = ask(sock, "who").split("|")[0]
            sock.sendall(b"bye")
            same(read_all(sock), b"good bye")
        shoal.wait_log(f"closed {number} cause local error 0 send -107")
        with connect(port) as sock:
            sock.sendall(b"close")      # what is sent after it is refused
            same(read_all(sock), b"")
        with connect(port) as sock:
            number = ask(sock, "who").split("|")[0]
            sock.sendall(b"abort")
            try:
                same(read_all(sock), b"")
                raise AssertionError("an end instead of a reset")
            except ConnectionResetError:
                pass
        shoal.wait_log(f"closed {number} cause local")
        with connect(port) as sock:
            number = ask(sock, "who").split("|")[0]
        shoal.wait_log(f"closed {number} cause peer error 0")
        with connect(port) as sock:
            number = ask(sock, "who").split("|")[0]
            shoal.stop()
            same(read_all(sock), b"")
        shoal.wait_log(f"closed {number} cause shutdown")


def check_timers():
    with make() as shoal:
        port = shoal.run().port()
        with connect(port) as sock:
            begun = time.monotonic()
            say(sock, "after 50", "tick;")
            expect(time.monotonic() - begun >= 0.045, "too early")
            say(sock, "every 4", "tick;" * 4)
            say(sock, "nonsense", "what? 42")   # and no fifth tick


def check_pause_and_resume():
    with make() as shoal:
        port = shoal.run().port()
        with connect(port) as sock:
            begun = time.monotonic()
            say(sock, "pause 100", "paused")
            say(sock, "remember that", "nothing")
            expect(time.monotonic() - begun >= 0.095, "read while paused")
            say(sock, "remember this", "that")


def check_counters_outlive_workers():
    with make(workers=2) as shoal:
        port = shoal.run().port()
        for _ in range(10):
            with connect(port) as sock:
                ask(sock, "count 3")
        same(shoal.status()["handlers"]["things"], 30)
        expect("level" in shoal.status()["handlers"], "no gauge")
        shoal.reload()
        until(lambda: len(shoal.status()["workers"]) == 2,
              "the old workers to end")
        handlers = shoal.status()["handlers"]
        same(handlers["things"], 30)
        expect("level" not in handlers, "a gauge outlived its worker")


def check_hooks():
    with make() as shoal:
        shoal.run()
        shoal.wait_log("hook start seen")
        shoal.stop()
        shoal.wait_log("hook drain")
        shoal.wait_log("hook stop")


def check_settings_of_modules():
    """The keys that a module and its handlers know are checked."""
    with make() as shoal:
        good = shoal.read()
        shoal.run()
        for wrong, right, words in [
                ("lable", "label", "did you mean 'label'"),
                ("label = 5; other", "label", "label"),
                ("", 'label = "seen";', "label")]:
            shoal.write(good.replace(right, wrong, 1))
            code, out, err = shoal.cli("reload")
            same(code, 78, out, err)
            expect(words in err and "shoal.conf:" in err, err)
        shoal.write(good)
        shoal.reload()


def check_crash_names_the_handler():
    if SANITIZED:
        raise Skip("the sanitizer catches it first")
    with make() as shoal:
        port = shoal.run().port()
        for words, wanted in [("segv", "SIGSEGV in handler api.obey"),
                              ("recurse", "stack overflow")]:
            pid = shoal.pid_of(0)
            with connect(port) as other, connect(port) as sock:
                same(ask(other, "nonsense"), "what? 42")
                sock.sendall(words.encode())
                shoal.wait_log(wanted)
            until(lambda: shoal.pid_of(0) not in (None, pid),
                  "another worker")
            with connect(port) as sock:
                same(ask(sock, "nonsense"), "what? 42")


def check_watchdog_replaces_a_worker_that_hangs():
    with make(workers_more='watchdog = "1s";') as shoal:
        port = shoal.run().port()
        pid = shoal.pid_of(0)
        with connect(port) as sock:
            sock.sendall(b"spin")
            until(lambda: shoal.pid_of(0) not in (None, pid),
                  "another worker", 15)
        shoal.wait_log("workers.watchdog")
        with connect(port) as sock:
            same(ask(sock, "nonsense"), "what? 42")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
