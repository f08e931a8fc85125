"""Handlers that wait, in the life of their worker, seen from outside."""
import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from clients import connect, read_all, read_exactly  # noqa: E402
from modules import compile_text  # noqa: E402
from shoal import Shoal, kill_worker, listener  # noqa: E402
from waiting import (SANITIZED, Skip, cpu_seconds, expect,  # noqa: E402
                     run_checks, same, until, wait_gone)

SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <shoal/shoal.h>

static int64_t waiting;
static int inside, start_ms, stop_ms;

static int
recurse(volatile char *above)
{
	volatile char room[400];

	room[0] = *above + 1;
	return recurse(room) + room[0];
}

static __attribute__((noinline)) int
take_much(int n)
{
	volatile char room[72000];

	room[n] = 1;
	return room[n / 2];
}

static void
clean_up(struct shoal_conn *conn)
{
	int r = shoal_co_suspend(SHOAL_FOREVER);

	shoal_co_shield(2000);
	shoal_log(SHOAL_LOG_NOTICE, "cancelled %d, cleaned %d", r,
	    shoal_co_sleep(300));
	shoal_co_printf(conn, "cleaned\n");
}

/* Those that do not listen. */
static void
be_stubborn(struct shoal_conn *conn, const char *how)
{
	const void *data;

	shoal_co_printf(conn, "never\n");
	for (;;) {
		if (strcmp(how, "sleep") == 0)
			(void)shoal_co_sleep(10);
		else if (strcmp(how, "recv") == 0)
			(void)shoal_co_recv(conn, &data, SHOAL_FOREVER);
		else if (strcmp(how, "suspend") == 0)
			(void)shoal_co_suspend(SHOAL_FOREVER);
		else
			(void)shoal_co_send(conn, how, 1, SHOAL_FOREVER);
	}
}

static void
obey(struct shoal_conn *conn, const char *text)
{
	static char big[10 << 20];
	char how[64];
	int n, r;

	if (sscanf(text, "sleep %d", &n) == 1)
		r = shoal_co_sleep(n), shoal_co_printf(conn, "slept %d\n", r);
	else if (strcmp(text, "wait") == 0) {
		waiting = shoal_co_self();
		r = shoal_co_suspend(SHOAL_FOREVER);
		shoal_co_printf(conn, "went %d\n", r);
	} else if (strcmp(text, "go") == 0)
		shoal_co_printf(conn, "%d\n", shoal_co_resume(waiting, 5));
	else if (strcmp(text, "clean") == 0)
		clean_up(conn);
	else if (sscanf(text, "mule %s", how) == 1)
		be_stubborn(conn, how);
	else if (strcmp(text, "big") == 0) {
		memset(big, 'b', sizeof(big));
		shoal_co_send(conn, big, sizeof(big), SHOAL_FOREVER);
		shoal_conn_set_data(conn, conn); /* return */
	} else if (strcmp(text, "close") == 0) {
		shoal_conn_close(conn);
		r = shoal_co_sleep(3000);
		shoal_log(SHOAL_LOG_NOTICE, "slept %d after close", r);
	} else if (strcmp(text, "abort") == 0) {
		shoal_conn_abort(conn);
		shoal_co_sleep(3000);
	} else if (strcmp(text, "recurse") == 0)
		shoal_co_printf(conn, "%d\n", recurse(""));
	else if (strcmp(text, "much") == 0)
		shoal_co_printf(conn, "%d\n", take_much((int)strlen(text)));
	else
		shoal_co_printf(conn, "%s\n", text);
}

static void
serve(struct shoal_conn *conn, void *arg)
{
	const void *data;
	char text[256];
	ssize_t n;

	inside++;
	while ((n = shoal_co_recv_packet(conn, &data, SHOAL_FOREVER)) > 0 &&
	    shoal_conn_data(conn) == NULL) {
		snprintf(text, sizeof(text), "%.*s", (int)n - 1,
		    (const char *)data);
		obey(conn, text);
		if (shoal_conn_data(conn) != NULL)
			break;
	}
	shoal_log(SHOAL_LOG_NOTICE, "served, %d", (int)n);
	inside--;
}

/* The same in callback style. */
static void
on_connect(struct shoal_conn *conn, void *arg)
{
	shoal_conn_set_data(conn, NULL);
	shoal_co_sleep(0);
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	char text[256];

	snprintf(text, sizeof(text), "%.*s", (int)len - 1, (const char *)data);
	obey(conn, text);
}

static void
on_close(struct shoal_conn *conn, enum shoal_close_cause cause, int error,
    void *arg)
{
	int r = shoal_co_sleep(10);

	shoal_log(SHOAL_LOG_NOTICE, "closed, cause %s, error %d, slept %d",
	    shoal_close_cause_str(cause), error, r);
}

static void
close_handler(void *arg)
{
	shoal_log(SHOAL_LOG_NOTICE, "handler closed, %d inside", inside);
}

static int
worker_start(const struct shoal_settings *settings)
{
	int r;

	start_ms = (int)shoal_settings_int(settings, "start");
	stop_ms = (int)shoal_settings_int(settings, "stop");
	shoal_log(SHOAL_LOG_NOTICE, "hook starts");
	r = start_ms != 0 ? shoal_co_sleep(start_ms) : 0;
	shoal_log(SHOAL_LOG_NOTICE, "hook started %d", r);
	return 0;
}

static void
drain(int deadline_ms)
{
	int r = shoal_co_sleep(20);

	shoal_log(SHOAL_LOG_NOTICE, "hook drained %d", r);
}

static void
worker_stop(void)
{
	int r = stop_ms != 0 ? shoal_co_sleep(stop_ms) : 0;

	shoal_log(SHOAL_LOG_NOTICE, "hook stopped %d", r);
}

static const struct shoal_framing lines = { .size = sizeof(lines),
	.type = SHOAL_FRAMING_TERMINATOR, .terminator = "\n" };
static const struct shoal_setting settings[] = {
	{ "start", SHOAL_SETTING_DURATION, "0ms", 0, 100000, "of the hook" },
	{ "stop", SHOAL_SETTING_DURATION, "0ms", 0, 100000, "of the hook" },
	{ NULL },
};
static const struct shoal_handler co = {
	.size = sizeof(struct shoal_handler),
	.name = "co",
	.close = close_handler,
	.serve = serve,
	.framing = &lines,
};
static const struct shoal_handler cb = {
	.size = sizeof(struct shoal_handler),
	.name = "cb",
	.tcp = { .size = sizeof(struct shoal_tcp_callbacks),
		.on_connect = on_connect, .on_receive = on_receive,
		.on_close = on_close },
	.framing = &lines,
};
static const struct shoal_handler *const handlers[] = { &co, &cb, NULL };

SHOAL_MODULE(.name = "m", .version = "1.0", .handlers = handlers,
    .settings = settings, .worker_start = worker_start, .drain = drain,
    .worker_stop = worker_stop);
"""

STYLES = {"co": "127.0.0.1:0", "cb": "127.0.0.2:0"}


def make(workers=1, stop="4s", drain="10m", config="", more=""):
    """A daemon with a listener for each style; both obey lines."""
    shoal = Shoal()
    module = compile_text(shoal.path("m.so"), SOURCE)
    shoal.configure(
        *(listener(address, f"m.{style}", more=f'name = "{style}"; {more}')
          for style, address in STYLES.items()),
        workers=workers,
        modules=f'{{ name = "m"; file = "{module}"; '
                f'config = {{ {config} }}; }}',
        more=f'stop = {{ timeout = "{stop}"; }};\n'
             f'reload = {{ drain_timeout = "{drain}"; max_old = 8; }};')
    return shoal


def ports(shoal):
    """The address of each style."""
    found = {}
    for entry in shoal.status()["listeners"]:
        host, _, port = entry["address"].rpartition(":")
        found[entry["name"]] = (host, int(port))
    return found


def tell(sock, words):
    sock.sendall(words.encode() + b"\n")


def hear(sock, words):
    """What comes back, and nothing more than it."""
    same(read_exactly(sock, len(words) + 1).decode(), words + "\n")


def ask(sock, words, answer):
    tell(sock, words)
    hear(sock, answer)


def until_seen(shoal, count):
    """Waits until so many lines of clients have been read."""
    shoal.wait_counter("messages_received", count)


def check_both_styles_wait_for_a_second_client():
    with make() as shoal:
        port = ports(shoal.run())
        for style in STYLES:
            with connect(port[style]) as one, connect(port[style]) as two:
                ask(one, "hello", "hello")
                # what is sent meanwhile waits, and the end too
                one.sendall(b"wait\nthen\n")
                one.shutdown(socket.SHUT_WR)
                until(lambda: ask_go(two), "the other one waits")
                same(read_all(one), b"went 5\nthen\n")
        same(shoal.stop(), 0)


def ask_go(sock):
    tell(sock, "go")
    return sock.recv(100) == b"0\n"


def check_framing_of_the_file_goes_before_that_of_the_handler():
    framing = 'framing = { type = "length"; field = "u8"; body = 1; };'
    with make(more=framing) as shoal:
        port = ports(shoal.run())
        for style in STYLES:
            with connect(port[style]) as sock:
                # the length is a part of the text, its last byte is not
                sock.sendall(b"\x03ab\n\x02c\n")
                same(read_exactly(sock, 7), b"\x03ab\n\x02c\n")


def check_return_flushes_and_close_is_seen_at_once():
    with make() as shoal:
        port = ports(shoal.run())["co"]
        with connect(port) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
            tell(sock, "big")
            shoal.wait_log("served")    # the handler has returned
            same(len(read_all(sock)), 10 << 20)
        with connect(port) as sock:
            tell(sock, "close")
            same(read_all(sock), b"")
            expect("after close" not in shoal.log_text(), "it still sleeps")
        with connect(port) as sock:
            tell(sock, "abort")
            try:
                read_all(sock)
                raise AssertionError("an end instead of a reset")
            except ConnectionResetError:
                pass
            # two handlers sleep on
            expect("after close" not in shoal.log_text(), "it still sleeps")
        same(shoal.status()["connections"], 2)
        shoal.wait_log("slept 0 after close")
        until(lambda: shoal.status()["connections"] == 0, "no connections")


def check_stop_lets_handlers_finish():
    """In a sleep, in a receive, inside of a request, cleaning up."""
    with make() as shoal:
        port = ports(shoal.run())
        socks = []
        for style in STYLES:
            for words in ("sleep 1000", "wait", "clean", "hello"):
                socks.append(connect(port[style]))
                tell(socks[-1], words)
        half = connect(port["co"])
        half.sendall(b"hal")
        until_seen(shoal, 9)
        shoal.signal(signal.SIGTERM)
        for sock, words in zip(socks, 2 * (
                b"slept 0\n", b"went -125\n", b"cleaned\n", b"hello\n")):
            same(read_all(sock), words)
            sock.close()
        same(read_all(half), b"")
        half.close()
        same(shoal.wait_end(), 0)
        text = shoal.log_text()
        same(text.count("cancelled -125, cleaned 0"), 2)
        same(text.count("closed, cause"), 4)
        same(text.count("served, -125"), 5)
        for words in ("do not end", "are cut", "did not end in time"):
            expect(words not in text, words)


def check_second_term_and_quick_end_without_connections():
    with make(stop="60s") as shoal:
        port = ports(shoal.run())
        with connect(port["co"]) as sock:
            ask(sock, "hello", "hello")
        until(lambda: shoal.status()["connections"] == 0, "no connections")
        shoal.signal(signal.SIGTERM)
        same(shoal.wait_end(10), 0)


def check_stubborn_handlers_end_with_the_worker():
    """They get no processor, are named, and do not stay."""
    with make(stop="2s", config='stop = "200ms";') as shoal:
        port = ports(shoal.run())
        pid = shoal.pid_of(0)
        socks = []
        for style in STYLES:
            for how in ("sleep", "recv", "suspend", "send"):
                if (how, style) == ("recv", "cb"):
                    continue    # that fails at once, for ever
                socks.append(connect(port[style]))
                tell(socks[-1], "mule " + how)
                hear(socks[-1], "never")
        shoal.signal(signal.SIGTERM)
        shoal.wait_log("hook drained")
        begun, used = time.monotonic(), cpu_seconds(pid)
        # a second in which some are cancelled and some are not
        until(lambda: time.monotonic() > begun + 1.2, "a second")
        expect(cpu_seconds(pid) - used < 0.5, "they spin")
        same(shoal.wait_end(), 0)
        for sock in socks:
            sock.close()
        text = shoal.log_text()
        for style in STYLES:
            expect(f"handler 'm.{style}' was cancelled" in text, "not named")
        # the end was in good order, in spite of them
        expect("hook stopped 0" in text, "no stop hook")
        expect("did not end in time" not in text, "it was killed")
        expect("died" not in text, "it died")


def check_hooks_may_wait():
    with make(config='start = "300ms"; stop = "300ms";') as shoal:
        shoal.run()
        with connect(ports(shoal)["co"]) as sock:
            ask(sock, "hello", "hello")
            shoal.reload()
            ask(sock, "hello", "hello")
        shoal.wait_log("hook drained 0")
        shoal.wait_log("hook stopped 0")
        same(shoal.stop(), 0)
        text = shoal.log_text()
        same(text.count("hook started 0"), 2)
        same(text.count("hook stopped 0"), 2)
        # nobody had come to a handler before its hook had returned
        expect(text.index("hook started 0") < text.index("served"), text)


def check_stop_while_a_start_hook_waits():
    with make(config='start = "50s";') as shoal:
        shoal.spawn()
        shoal.wait_log("hook starts")
        begun = time.monotonic()
        shoal.signal(signal.SIGTERM)
        shoal.wait_end(10)
        expect(time.monotonic() - begun < 9, "it took long")


def check_worker_ends_when_its_master_dies_in_a_start_hook():
    with make(config='start = "50s";') as shoal:
        shoal.spawn()
        shoal.wait_log("hook starts")
        pid = int(shoal.log_text().split("hook starts")[0].rpartition(
            "worker 0")[2].partition("[")[2].partition("]")[0])
        os.kill(shoal.master, signal.SIGKILL)
        expect(wait_gone(pid), "an orphan")


def check_reload_with_long_connections():
    """The old worker goes on with them, however long they wait."""
    with make() as shoal:
        port = ports(shoal.run())
        old = shoal.pid_of(0)
        socks = {}
        for style in STYLES:
            socks[style] = connect(port[style])
            ask(socks[style], "hello", "hello")
            tell(socks[style], "wait" if style == "co" else "sleep 800")
        until_seen(shoal, 4)
        shoal.reload()
        with connect(port["co"]) as new:
            ask(new, "go", "-2")        # another process
        hear(socks["cb"], "slept 0")
        ask(socks["cb"], "go", "0")
        hear(socks["co"], "went 5")
        for style in STYLES:
            ask(socks[style], "again", "again")
            socks[style].close()
        expect(wait_gone(old), "the old worker stays")
        expect("hook stopped 0" in shoal.log_text(), "no stop hook")


def check_drain_timeout_cancels():
    with make(drain="500ms") as shoal:
        port = ports(shoal.run())
        with connect(port["co"]) as one, connect(port["cb"]) as two:
            tell(one, "wait")
            tell(two, "wait")
            until_seen(shoal, 2)
            shoal.reload()
            same(read_all(one), b"went -125\n")
            same(read_all(two), b"went -125\n")
        until(lambda: len(shoal.status()["workers"]) == 1, "one worker")
        same(shoal.counter("worker_crashes"), 0)


def check_kill_of_a_worker():
    with make(workers=2) as shoal:
        port = ports(shoal.run())
        socks = [connect(port["co"]) for _ in range(8)]
        for sock in socks:
            tell(sock, "sleep 500")
        until_seen(shoal, 8)
        kill_worker(shoal.pid_of(0))
        ended = 0
        for sock in socks:
            try:
                ended += read_exactly(sock, 8) != b"slept 0\n"
            except ConnectionResetError:
                ended += 1
            sock.close()
        expect(ended < 8, "the other worker's clients ended too")
        until(lambda: shoal.pid_of(0) is not None, "another worker")
        with connect(port["co"]) as sock:
            ask(sock, "hello", "hello")


def check_stack_overflow_names_the_handler():
    if SANITIZED:
        raise Skip("the sanitizer catches it first")
    with make(workers=2) as shoal:
        port = ports(shoal.run())
        for style in STYLES:
            for words in ("recurse", "much"):
                overflow(shoal, port[style], style, words)
        same(shoal.counter("worker_crashes"), 4)


def overflow(shoal, port, style, words):
    """Ends one worker; clients of the other one do not notice."""
    until(lambda: None not in (shoal.pid_of(0), shoal.pid_of(1)),
          "two workers")
    text = shoal.log_text()
    socks = [connect(port) for _ in range(12)]
    for sock in socks:
        ask(sock, "hello", "hello")
    tell(socks[0], words)
    same(end_of(socks[0]), True)
    left = [sock for sock in socks[1:] if not end_of(sock, "hello")]
    expect(left, "all clients lost their worker")
    for sock in left:
        ask(sock, "again", "again")
    until(lambda: "stack overflow" in shoal.log_text()[len(text):],
          "the overflow in the log")
    expect(f"in handler m.{style}" in shoal.log_text()[len(text):],
           shoal.log_text()[len(text):])
    for sock in socks:
        sock.close()


def end_of(sock, words=None):
    """Whether the connection has ended; else it has answered."""
    try:
        if words is not None:
            tell(sock, words)
        return sock.recv(100) == b""
    except (ConnectionResetError, BrokenPipeError):
        return True


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
