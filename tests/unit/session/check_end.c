/* This file tests how connections end: io/conn_end.c, conn_read.c, group.c. */
#include "config.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/error.h>

#include "rig.h"

START_TEST(write_and_shutdown_gets_its_answer)
{
	enum { CLIENTS = 500 };
	struct rig rig = { .echo = true };
	static int fds[CLIENTS];
	size_t total = 0;
	int i, error, ended = 0;

	rig_open(&rig);
	for (i = 0; i < CLIENTS; i++) {
		fds[i] = rig_connect(&rig);
		rig_write(fds[i], "hello", 5);
		shutdown(fds[i], SHUT_WR);
	}
	RIG_UNTIL(&rig, rig.closes == CLIENTS);
	for (i = 0; i < CLIENTS; i++) {
		ended += rig_read(fds[i], &total, &error) && error == 0;
		close(fds[i]);
	}
	ck_assert_uint_eq(total, 5 * CLIENTS);
	ck_assert_int_eq(ended, CLIENTS);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_PEER);
	rig_close(&rig);
}
END_TEST

START_TEST(fin_after_idle_is_noticed)
{
	struct rig rig = { 0 };
	int fd;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	close(fd);
	RIG_UNTIL(&rig, rig.closes == 1);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_PEER);
	ck_assert_int_eq(rig.error, 0);
	ck_assert_uint_eq(sh_loop_connections(rig.loop), 0);
	rig_close(&rig);
}
END_TEST

/* An answer far larger than what the kernel holds, then the peer's end. */
static void
answer_much(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	static char block[1024 * 1024];
	int i;

	for (i = 0; i < 16; i++)
		shoal_conn_send(conn, block, sizeof(block));
}

static void
note_close(
    struct shoal_conn *conn, enum shoal_close_cause cause, int error, void *arg)
{
	struct rig *rig = arg;

	rig->closes++;
	rig->connects++;
	rig->cause = cause;
	rig->error = error;
}

static const struct shoal_tcp_callbacks much = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_receive = answer_much,
	.on_close = note_close,
};

START_TEST(half_closed_peer_gets_all_of_a_long_answer)
{
	struct rig rig = { .options = { .callbacks = &much,
			       .queue_high = 64 * 1024 * 1024 } };
	size_t total = 0;
	int fd, error = -1;

	rig_open(&rig);
	fd = rig_connect(&rig);
	rig_write(fd, "x", 1);
	shutdown(fd, SHUT_WR);
	RIG_TURNS(&rig, 10);
	ck_assert_int_eq(rig.closes, 0);
	ck_assert_uint_gt(rig.counters.queued_bytes, 0);
	RIG_UNTIL(&rig, rig_read(fd, &total, &error));
	ck_assert_int_eq(error, 0);
	ck_assert_uint_eq(total, 16 * 1024 * 1024);
	ck_assert_int_eq(rig.closes, 1);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_PEER);
	close(fd);
	rig_close(&rig);
}
END_TEST

static int shutdown_results[3];

/* Answers much, and ends its side; what comes afterwards is counted. */
static void
answer_and_end(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct rig *rig = arg;

	rig->bytes += len;
	if (rig->receives++ != 0)
		return;
	answer_much(conn, data, len, arg);
	shutdown_results[0] = shoal_conn_shutdown(conn);
	shutdown_results[1] = shoal_conn_shutdown(conn);
	shutdown_results[2] = shoal_conn_send(conn, "x", 1);
}

static const struct shoal_tcp_callbacks halves = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_receive = answer_and_end,
	.on_close = note_close,
};

START_TEST(shutdown_ends_only_the_own_side)
{
	struct rig rig = { .options = { .callbacks = &halves,
			       .queue_high = 64 * 1024 * 1024 } };
	size_t total = 0;
	int fd, error = -1;

	rig_open(&rig);
	fd = rig_connect(&rig);
	rig_write(fd, "x", 1);
	RIG_UNTIL(&rig, rig_read(fd, &total, &error));
	ck_assert_int_eq(error, 0);
	ck_assert_uint_eq(total, 16 * 1024 * 1024);
	ck_assert_int_eq(shutdown_results[0], 0);
	ck_assert_int_eq(shutdown_results[1], -EALREADY);
	ck_assert_int_eq(shutdown_results[2], -SHOAL_ENOTCONN);
	ck_assert_int_eq(rig.closes, 0);
	rig_write(fd, "more", 4);
	RIG_UNTIL(&rig, rig.bytes == 5);
	ck_assert_int_eq(rig.closes, 0);
	close(fd);
	RIG_UNTIL(&rig, rig.closes == 1);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_PEER);
	rig_close(&rig);
}
END_TEST

START_TEST(reset_is_an_error)
{
	struct rig rig = { .echo = true };
	int fd;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	rig_reset(fd);
	RIG_UNTIL(&rig, rig.closes == 1);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_ERROR);
	ck_assert_int_eq(rig.error, -ECONNRESET);
	ck_assert_str_eq(shoal_close_cause_str(rig.cause), "error");
	rig_close(&rig);
}
END_TEST

START_TEST(reset_together_with_data_is_noticed)
{
	/* a sink: no write would run into the reset */
	struct rig rig = { 0 };
	int fd;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	rig_write(fd, "data", 4);
	rig_reset(fd);
	RIG_UNTIL(&rig, rig.closes == 1);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_ERROR);
	ck_assert_uint_eq(rig.bytes, 4);
	rig_close(&rig);
}
END_TEST

START_TEST(reset_while_paused_is_noticed_at_once)
{
	struct rig rig = { 0 };
	int64_t start_ms;
	int fd;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	shoal_conn_pause(rig.conn);
	rig_write(fd, "unread", 6);
	RIG_TURNS(&rig, 5);
	ck_assert_int_eq(rig.closes, 0);
	rig_reset(fd);
	start_ms = sh_clock_ms();
	RIG_UNTIL(&rig, rig.closes == 1);
	ck_assert_int_lt(sh_clock_ms() - start_ms, 500);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_ERROR);
	ck_assert_int_eq(rig.error, -ECONNRESET);
	ck_assert_int_eq(rig.receives, 0);
	rig_close(&rig);
}
END_TEST

START_TEST(fin_while_paused_waits_for_resume)
{
	struct rig rig = { 0 };
	int fd;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	shoal_conn_pause(rig.conn);
	ck_assert(shoal_conn_is_paused(rig.conn));
	rig_write(fd, "last words", 10);
	close(fd);
	RIG_TURNS(&rig, 10);
	ck_assert_int_eq(rig.receives + rig.closes, 0);
	shoal_conn_resume(rig.conn);
	RIG_UNTIL(&rig, rig.closes == 1);
	ck_assert_uint_eq(rig.bytes, 10);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_PEER);
	rig_close(&rig);
}
END_TEST

/* Answer and close while the peer goes on sending. */
static void
answer_and_close(
    struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct rig *rig = arg;

	rig->receives++;
	rig->error = shoal_conn_printf(conn, "%s", "enough");
	if (shoal_conn_close(conn) != 0 ||
	    shoal_conn_close(conn) != -EALREADY ||
	    shoal_conn_send(conn, "x", 1) != -SHOAL_ENOTCONN ||
	    shoal_conn_flush(conn) != -SHOAL_ENOTCONN)
		rig->error = -1;
}

static void
note_close_keeping_error(
    struct shoal_conn *conn, enum shoal_close_cause cause, int error, void *arg)
{
	struct rig *rig = arg;

	rig->closes++;
	rig->connects++;
	rig->cause = cause;
	/* neither found nor sent to any more */
	if (shoal_conn_find(shoal_conn_id(conn)) != NULL ||
	    shoal_conn_send(conn, "x", 1) != -SHOAL_ENOTCONN)
		rig->error = -1;
}

static const struct shoal_tcp_callbacks closing = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_receive = answer_and_close,
	.on_close = note_close_keeping_error,
};

START_TEST(close_lets_the_answer_through)
{
	enum { CLIENTS = 50 };
	struct rig rig = { .options = { .callbacks = &closing } };
	static char much_data[200000];
	size_t total = 0;
	int fds[CLIENTS], i, error, done = 0;

	rig_open(&rig);
	for (i = 0; i < CLIENTS; i++) {
		fds[i] = rig_connect(&rig);
		rig_write(fds[i], much_data, sizeof(much_data));
	}
	RIG_UNTIL(&rig, rig.closes == CLIENTS);
	ck_assert_int_eq(rig.error, 0);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_LOCAL);
	ck_assert_int_eq(rig.receives, CLIENTS);
	for (i = 0; i < CLIENTS; i++) {
		/* some more, behind the back of the answer */
		(void)!write(fds[i], much_data, sizeof(much_data));
		RIG_UNTIL(&rig, rig_read(fds[i], &total, &error));
		done += error == 0;
		close(fds[i]);
	}
	ck_assert_int_eq(done, CLIENTS);
	ck_assert_uint_eq(total, 6 * CLIENTS);
	RIG_UNTIL(&rig, sh_loop_connections(rig.loop) == 0);
	rig_close(&rig);
}
END_TEST

START_TEST(lingering_ends_after_two_seconds)
{
	struct rig rig = { .options = { .callbacks = &closing } };
	int64_t start_ms;
	int fd;

	rig_open(&rig);
	fd = rig_connect(&rig);
	rig_write(fd, "x", 1);
	RIG_UNTIL(&rig, rig.closes == 1);
	start_ms = sh_clock_ms();
	ck_assert_uint_eq(sh_service_connections(rig.service), 1);
	RIG_UNTIL(&rig, sh_service_connections(rig.service) == 0);
	ck_assert_int_le(sh_clock_ms() - start_ms, 5000);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(close_from_a_timer_flushes)
{
	struct rig rig = { 0 };
	size_t total = 0;
	int fd, error = -1;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	/* outside of an event of the connection */
	ck_assert_int_eq(shoal_conn_send(rig.conn, "bye", 3), 0);
	ck_assert_uint_eq(shoal_conn_queued(rig.conn), 3);
	ck_assert_int_eq(shoal_conn_close(rig.conn), 0);
	ck_assert_int_eq(rig.closes, 0);
	RIG_UNTIL(&rig, rig_read(fd, &total, &error));
	ck_assert_uint_eq(total, 3);
	ck_assert_int_eq(error, 0);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_LOCAL);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(abort_resets)
{
	struct rig rig = { 0 };
	size_t total = 0;
	int fd, error = 0;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	ck_assert_int_eq(shoal_conn_send(rig.conn, "never", 5), 0);
	ck_assert_int_eq(shoal_conn_abort(rig.conn), 0);
	ck_assert_int_eq(shoal_conn_abort(rig.conn), -EALREADY);
	ck_assert_int_eq(shoal_conn_send(rig.conn, "x", 1), -SHOAL_ENOTCONN);
	RIG_UNTIL(&rig, rig_read(fd, &total, &error));
	ck_assert_uint_eq(total, 0);
	ck_assert_int_eq(error, ECONNRESET);
	ck_assert_int_eq(rig.closes, 1);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_LOCAL);
	ck_assert_int_eq(rig.error, 0);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(idle_connections_are_closed)
{
	struct rig rig = { .echo = true,
		.options = { .idle_timeout_ms = 200 } };
	int64_t start_ms, active_ms = 0;
	size_t total = 0;
	int quiet, busy, error;

	rig_open(&rig);
	quiet = rig_connect_accepted(&rig);
	busy = rig_connect_accepted(&rig);
	start_ms = sh_clock_ms();
	while (sh_clock_ms() - start_ms < 600) {
		active_ms = sh_clock_ms();
		rig_write(busy, "x", 1);
		RIG_TURNS(&rig, 1);
	}
	ck_assert_int_eq(rig.closes, 1);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_TIMEOUT);
	ck_assert_uint_eq(rig.counters.timeouts, 1);
	ck_assert(rig_read(quiet, &total, &error));
	RIG_UNTIL(&rig, rig.closes == 2);
	/* the coarse clock may be a tick behind */
	ck_assert_int_ge(sh_clock_ms() - active_ms, 150);
	close(quiet);
	close(busy);
	rig_close(&rig);
}
END_TEST

/* As long as a handler that blocks, or a machine that was suspended. */
START_TEST(stall_beyond_the_idle_timeout)
{
	enum { CLIENTS = 4, TIMEOUT_MS = 200, STALL_MS = 455 };
	struct rig rig = { .options = { .idle_timeout_ms = TIMEOUT_MS } };
	int fds[CLIENTS], i;
	int64_t begun_ms;

	rig_open(&rig);
	for (i = 0; i < CLIENTS; i++)
		fds[i] = rig_connect(&rig);
	RIG_UNTIL(&rig, rig.connects == CLIENTS);
	for (i = 0; i < CLIENTS; i++)
		rig_write(fds[i], "x", 1);
	begun_ms = sh_clock_ms();
	while (sh_clock_ms() - begun_ms < STALL_MS)
		continue;
	/* what has come meanwhile counts */
	RIG_UNTIL(&rig, rig.bytes == CLIENTS);
	ck_assert_int_eq(rig.closes, 0);
	RIG_UNTIL(&rig, rig.closes == CLIENTS);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_TIMEOUT);
	ck_assert_int_ge(sh_clock_ms() - begun_ms, STALL_MS + TIMEOUT_MS - 10);
	for (i = 0; i < CLIENTS; i++)
		close(fds[i]);
	rig_close(&rig);
}
END_TEST

START_TEST(drain_handles_what_has_arrived)
{
	struct rig rig = { .echo = true };
	static char block[100000];
	size_t total = 0;
	int fd, error = -1;

	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	rig_write(fd, block, sizeof(block));
	sh_service_stop_accepting(rig.service);
	sh_service_drain(rig.service, 1000, 1001);
	RIG_UNTIL(&rig, rig_read(fd, &total, &error));
	ck_assert_int_eq(error, 0);
	ck_assert_uint_eq(total, sizeof(block));
	ck_assert_int_eq(rig.closes, 1);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_SHUTDOWN);
	/* it waits for this side's end */
	ck_assert_uint_eq(sh_service_connections(rig.service), 1);
	close(fd);
	RIG_UNTIL(&rig, sh_service_connections(rig.service) == 0);
	rig_close(&rig);
}
END_TEST

static void
count_call(void *arg)
{
	++*(int *)arg;
}

START_TEST(drain_gives_up_after_the_linger_time)
{
	int emptied = 0, fds[20], i;
	struct rig rig = { .loop_options = { .on_no_connections = count_call,
			       .idle_arg = &emptied } };

	rig_open(&rig);
	for (i = 0; i < 20; i++)
		fds[i] = rig_connect_accepted(&rig);
	sh_service_drain(rig.service, 200, 1001);
	RIG_UNTIL(&rig, rig.closes == 20);
	ck_assert_int_eq(emptied, 0);
	RIG_UNTIL(&rig, emptied != 0);
	ck_assert_int_eq(emptied, 1);
	ck_assert_uint_eq(sh_loop_connections(rig.loop), 0);
	for (i = 0; i < 20; i++)
		close(fds[i]);
	rig_close(&rig);
}
END_TEST

START_TEST(abort_of_a_service_ends_all_now)
{
	struct rig rig = { .options = { .callbacks = &much,
			       .queue_high = 64 * 1024 * 1024 } };
	int fd;

	rig_open(&rig);
	fd = rig_connect(&rig);
	rig_write(fd, "x", 1);
	RIG_UNTIL(&rig, rig.counters.queued_bytes != 0);
	sh_service_drain(rig.service, 60000, 1001);
	RIG_TURNS(&rig, 5);
	ck_assert_int_eq(rig.closes, 0);
	sh_service_abort(rig.service);
	ck_assert_int_eq(rig.closes, 1);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_SHUTDOWN);
	ck_assert_uint_eq(sh_service_connections(rig.service), 0);
	close(fd);
	rig_close(&rig);
}
END_TEST

SH_SUITE("session/end", write_and_shutdown_gets_its_answer,
    fin_after_idle_is_noticed, half_closed_peer_gets_all_of_a_long_answer,
    shutdown_ends_only_the_own_side, reset_is_an_error,
    reset_together_with_data_is_noticed, reset_while_paused_is_noticed_at_once,
    fin_while_paused_waits_for_resume, close_lets_the_answer_through,
    lingering_ends_after_two_seconds, close_from_a_timer_flushes, abort_resets,
    idle_connections_are_closed, stall_beyond_the_idle_timeout,
    drain_handles_what_has_arrived, drain_gives_up_after_the_linger_time,
    abort_of_a_service_ends_all_now)
