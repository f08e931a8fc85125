/* This file tests session/tcp_callback.c: callbacks that wait. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/co.h>
#include <shoal/error.h>

#include "rig.h"

/*
 * The callbacks write a log: a small letter when they begin, c, r, w or x, and
 * a capital one at the end. rig comes first.
 */
struct waiting {
	struct rig rig;
	char log[64];
	const char *waits; /* letters of those that wait */
	bool fills;        /* on_receive sends up to the mark */
	bool closes;       /* on_receive closes before it waits */
	bool ignores;      /* waits once more when cancelled */
	struct shoal_conn *conn;
	int64_t co;
	int result; /* of the wait */
	char data[16];
};

static void
add(struct waiting *w, char letter)
{
	size_t len = strlen(w->log);

	if (len < sizeof(w->log) - 1)
		w->log[len] = letter;
}

static void
step(struct waiting *w, struct shoal_conn *conn, char letter)
{
	w->conn = conn;
	add(w, letter);
	if (strchr(w->waits, letter) != NULL) {
		w->co = shoal_co_self();
		w->result = shoal_co_suspend(SHOAL_FOREVER);
		if (w->ignores)
			(void)shoal_co_suspend(SHOAL_FOREVER);
	}
	add(w, (char)(letter - 'a' + 'A'));
}

static void
on_connect(struct shoal_conn *conn, void *arg)
{
	struct waiting *w = arg;

	w->rig.connects++;
	step(w, conn, 'c');
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	static const char block[10000];
	struct waiting *w = arg;

	snprintf(
	    w->data, sizeof(w->data), "%.*s", (int)len, (const char *)data);
	while (w->fills && shoal_conn_send(conn, block, sizeof(block)) == 0)
		continue;
	if (w->closes)
		shoal_conn_close(conn);
	step(w, conn, 'r');
}

static void
on_writable(struct shoal_conn *conn, void *arg)
{
	struct waiting *w = arg;

	w->fills = false;
	step(w, conn, 'w');
}

static void
on_close(
    struct shoal_conn *conn, enum shoal_close_cause cause, int error, void *arg)
{
	struct waiting *w = arg;

	w->rig.closes++;
	w->rig.cause = cause;
	w->rig.error = error;
	step(w, conn, 'x');
}

static const struct shoal_tcp_callbacks callbacks = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_connect = on_connect,
	.on_receive = on_receive,
	.on_writable = on_writable,
	.on_close = on_close,
};

static int
open_waiting(struct waiting *w)
{
	w->rig.options.callbacks = &callbacks;
	w->rig.options.arg = w;
	rig_open(&w->rig);
	return rig_connect_accepted(&w->rig);
}

static void
close_waiting(struct waiting *w, const char *log)
{
	RIG_UNTIL(&w->rig, w->rig.counters.closed == 1);
	RIG_TURNS(&w->rig, 3);
	ck_assert_str_eq(w->log, log);
	rig_close(&w->rig);
}

#define CHECK_LOG(w, text)                        \
	do {                                      \
		RIG_TURNS(&(w)->rig, 4);          \
		ck_assert_str_eq((w)->log, text); \
	} while (0)

static void
go_on(struct waiting *w)
{
	ck_assert_int_eq(shoal_co_resume(w->co, 7), 0);
}

START_TEST(connect_comes_before_data_and_end)
{
	struct waiting w = { .waits = "c" };
	int fd = open_waiting(&w);

	CHECK_LOG(&w, "c");
	rig_write(fd, "hello", 5);
	CHECK_LOG(&w, "c");
	close(fd);
	CHECK_LOG(&w, "c");
	go_on(&w);
	close_waiting(&w, "cCrRxX");
	ck_assert_str_eq(w.data, "hello");
	ck_assert_int_eq(w.result, 7);
	ck_assert_int_eq(w.rig.cause, SHOAL_CLOSE_PEER);
}
END_TEST

START_TEST(connect_comes_before_a_reset)
{
	struct waiting w = { .waits = "c" };
	int fd = open_waiting(&w);

	rig_write(fd, "hello", 5);
	rig_reset(fd);
	CHECK_LOG(&w, "c");
	go_on(&w);
	/* the kernel keeps what came before it */
	close_waiting(&w, "cCrRxX");
	ck_assert_int_eq(w.rig.cause, SHOAL_CLOSE_ERROR);
	ck_assert_int_eq(w.rig.error, -SHOAL_ECONNRESET);
}
END_TEST

START_TEST(data_that_comes_meanwhile_waits)
{
	struct waiting w = { .waits = "r" };
	int fd = open_waiting(&w), i;

	rig_write(fd, "a", 1);
	CHECK_LOG(&w, "cCr");
	rig_write(fd, "b", 1);
	CHECK_LOG(&w, "cCr");
	go_on(&w);
	CHECK_LOG(&w, "cCrRr");
	ck_assert_str_eq(w.data, "b");
	/* and data that comes after a callback that has waited */
	w.waits = "";
	go_on(&w);
	CHECK_LOG(&w, "cCrRrR");
	for (i = 0; i < 3; i++) {
		rig_write(fd, "c", 1);
		RIG_TURNS(&w.rig, 3);
	}
	close(fd);
	close_waiting(&w, "cCrRrRrRrRrRxX");
}
END_TEST

START_TEST(end_waits_for_a_receive)
{
	struct waiting w = { .waits = "r" };
	int fd = open_waiting(&w);

	rig_write(fd, "a", 1);
	CHECK_LOG(&w, "cCr");
	close(fd);
	CHECK_LOG(&w, "cCr");
	go_on(&w);
	close_waiting(&w, "cCrRxX");
}
END_TEST

START_TEST(reset_waits_for_a_receive)
{
	struct waiting w = { .waits = "r" };
	int fd = open_waiting(&w);

	rig_write(fd, "a", 1);
	CHECK_LOG(&w, "cCr");
	rig_write(fd, "b", 1);
	rig_reset(fd);
	CHECK_LOG(&w, "cCr");
	go_on(&w);
	CHECK_LOG(&w, "cCrRr");
	go_on(&w);
	close_waiting(&w, "cCrRrRxX");
	ck_assert_int_eq(w.rig.error, -SHOAL_ECONNRESET);
}
END_TEST

START_TEST(close_callback_may_wait)
{
	struct waiting w = { .waits = "x" };
	int fd = open_waiting(&w);
	uint64_t id = shoal_conn_id(w.conn);

	rig_write(fd, "a", 1);
	close(fd);
	RIG_UNTIL(&w.rig, w.rig.closes == 1);
	CHECK_LOG(&w, "cCrRx");
	/* nobody else finds it, nothing happens to it any more */
	ck_assert_ptr_null(shoal_conn_find(id));
	ck_assert_int_eq(shoal_conn_abort(w.conn), -EALREADY);
	ck_assert_int_eq(shoal_conn_send(w.conn, "x", 1), -SHOAL_ENOTCONN);
	sh_service_drain(w.rig.service, 100, 1001);
	sh_service_abort(w.rig.service);
	CHECK_LOG(&w, "cCrRx");
	ck_assert_uint_eq(shoal_conn_id(w.conn), id);
	go_on(&w);
	close_waiting(&w, "cCrRxX");
}
END_TEST

START_TEST(all_of_them_may_wait)
{
	struct waiting w = { .waits = "crwx", .fills = true };
	size_t total = 0;
	int fd = open_waiting(&w), error;

	rig_write(fd, "a", 1);
	CHECK_LOG(&w, "c");
	go_on(&w);
	CHECK_LOG(&w, "cCr");
	while (shoal_conn_queued(w.conn) != 0) {
		rig_read(fd, &total, &error);
		RIG_TURNS(&w.rig, 1);
	}
	/* on_writable is owed, and data and an end are there */
	rig_write(fd, "b", 1);
	shutdown(fd, SHUT_WR);
	CHECK_LOG(&w, "cCr");
	go_on(&w);
	CHECK_LOG(&w, "cCrRw");
	go_on(&w);
	CHECK_LOG(&w, "cCrRwWr");
	go_on(&w);
	CHECK_LOG(&w, "cCrRwWrRx");
	go_on(&w);
	close_waiting(&w, "cCrRwWrRxX");
	close(fd);
}
END_TEST

START_TEST(owed_writable_comes_when_paused)
{
	struct waiting w = { .waits = "r", .fills = true };
	size_t total = 0;
	int fd = open_waiting(&w), error;

	rig_write(fd, "a", 1);
	CHECK_LOG(&w, "cCr");
	shoal_conn_pause(w.conn);
	while (shoal_conn_queued(w.conn) != 0) {
		rig_read(fd, &total, &error);
		RIG_TURNS(&w.rig, 1);
	}
	rig_write(fd, "b", 1);
	go_on(&w);
	CHECK_LOG(&w, "cCrRwW");
	shoal_conn_resume(w.conn);
	CHECK_LOG(&w, "cCrRwWr");
	go_on(&w);
	close(fd);
	close_waiting(&w, "cCrRwWrRxX");
}
END_TEST

START_TEST(refusal_during_a_wait_is_answered_after_it)
{
	static const char block[10000];
	struct waiting w = { .waits = "r" };
	size_t total = 0;
	int fd = open_waiting(&w), error;

	rig_write(fd, "a", 1);
	CHECK_LOG(&w, "cCr");
	/* somebody else fills the queue */
	while (shoal_conn_send(w.conn, block, sizeof(block)) == 0)
		continue;
	go_on(&w);
	CHECK_LOG(&w, "cCrR");
	RIG_UNTIL(&w.rig,
	    (rig_read(fd, &total, &error), shoal_conn_queued(w.conn) == 0));
	CHECK_LOG(&w, "cCrRwW");
	close(fd);
	close_waiting(&w, "cCrRwWxX");
}
END_TEST

START_TEST(close_by_another_cancels)
{
	struct waiting w = { .waits = "r" };
	int fd = open_waiting(&w);

	rig_write(fd, "a", 1);
	CHECK_LOG(&w, "cCr");
	ck_assert_int_eq(shoal_conn_close(w.conn), 0);
	RIG_UNTIL(&w.rig, w.rig.closes == 1);
	ck_assert_int_eq(w.result, -SHOAL_ECANCELED);
	ck_assert_int_eq(w.rig.cause, SHOAL_CLOSE_LOCAL);
	close(fd);
	close_waiting(&w, "cCrRxX");
}
END_TEST

START_TEST(own_close_does_not_cancel)
{
	struct waiting w = { .waits = "r", .closes = true };
	int fd = open_waiting(&w), error;
	size_t total = 0;

	rig_write(fd, "a", 1);
	RIG_UNTIL(&w.rig, rig_read(fd, &total, &error));
	ck_assert_int_eq(error, 0);
	CHECK_LOG(&w, "cCr");
	go_on(&w);
	close(fd);
	close_waiting(&w, "cCrRxX");
	ck_assert_int_eq(w.result, 7);
}
END_TEST

START_TEST(abort_by_another_is_seen_at_once)
{
	struct waiting w = { .waits = "r", .ignores = true };
	int fd = open_waiting(&w), error;
	size_t total = 0;

	rig_write(fd, "a", 1);
	CHECK_LOG(&w, "cCr");
	shoal_conn_abort(w.conn);
	RIG_UNTIL(&w.rig, rig_read(fd, &total, &error));
	ck_assert_int_eq(error, ECONNRESET);
	close(fd);
	close_waiting(&w, "cCrRxX");
}
END_TEST

START_TEST(idle_timeout_waits_for_a_callback)
{
	struct waiting w = { .waits = "r", .rig.options.idle_timeout_ms = 100 };
	int fd = open_waiting(&w), error;
	size_t total = 0;

	rig_write(fd, "a", 1);
	CHECK_LOG(&w, "cCr");
	RIG_UNTIL(&w.rig, rig_read(fd, &total, &error));
	CHECK_LOG(&w, "cCr");
	go_on(&w);
	close_waiting(&w, "cCrRxX");
	ck_assert_int_eq(w.rig.cause, SHOAL_CLOSE_TIMEOUT);
	ck_assert_int_eq(w.result, 7);
	close(fd);
}
END_TEST

START_TEST(drain_waits_for_a_callback)
{
	struct waiting w = { .waits = "r" };
	int fd = open_waiting(&w);

	rig_write(fd, "a", 1);
	CHECK_LOG(&w, "cCr");
	rig_write(fd, "b", 1);
	sh_service_drain(w.rig.service, 100, 1001);
	CHECK_LOG(&w, "cCr");
	go_on(&w);
	CHECK_LOG(&w, "cCrRr");
	go_on(&w);
	RIG_UNTIL(&w.rig, w.rig.closes == 1);
	ck_assert_int_eq(w.rig.cause, SHOAL_CLOSE_SHUTDOWN);
	close(fd);
	close_waiting(&w, "cCrRrRxX");
}
END_TEST

START_TEST(shutdown_cancels_a_callback)
{
	struct waiting w = { .waits = "r" };
	int fd = open_waiting(&w);

	rig_write(fd, "a", 1);
	CHECK_LOG(&w, "cCr");
	sh_service_abort(w.rig.service);
	close_waiting(&w, "cCrRxX");
	ck_assert_int_eq(w.result, -SHOAL_ECANCELED);
	ck_assert_int_eq(w.rig.cause, SHOAL_CLOSE_SHUTDOWN);
	close(fd);
}
END_TEST

SH_SUITE("session/waiting", connect_comes_before_data_and_end,
    connect_comes_before_a_reset, data_that_comes_meanwhile_waits,
    end_waits_for_a_receive, reset_waits_for_a_receive, close_callback_may_wait,
    all_of_them_may_wait, owed_writable_comes_when_paused,
    refusal_during_a_wait_is_answered_after_it, close_by_another_cancels,
    own_close_does_not_cancel, abort_by_another_is_seen_at_once,
    idle_timeout_waits_for_a_callback, drain_waits_for_a_callback,
    shutdown_cancels_a_callback)
