/* This file tests session/tcp_coroutine.c: what a handler receives, and when. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/co.h>
#include <shoal/error.h>

#include "co/co.h"
#include "io/loop.h"
#include "rig.h"

enum { RESULTS = 64, NONE = 12345, STUBBORN_MAX = 100000 };

/* What a handler does and has seen; rig comes first. */
struct serving {
	struct rig rig;
	struct shoal_conn *conn;
	int64_t handler, reader;
	ssize_t results[RESULTS];
	int count; /* of results */
	char text[4096];
	size_t text_len;
	int timeout_ms;
	size_t exact; /* bytes that are received at once; 0: any */
	bool began, returned, reader_returned, stop;
};

static void
note(struct serving *s, ssize_t result, const void *data)
{
	if (s->count < RESULTS)
		s->results[s->count] = result;
	s->count++;
	if (result <= 0 || data == NULL ||
	    s->text_len + (size_t)result > sizeof(s->text))
		return;
	memcpy(s->text + s->text_len, data, (size_t)result);
	s->text_len += (size_t)result;
}

static ssize_t
receive(struct serving *s)
{
	const void *data = NULL;
	ssize_t n = s->exact != 0
	    ? shoal_co_recv_exact(s->conn, &data, s->exact, s->timeout_ms)
	    : shoal_co_recv(s->conn, &data, s->timeout_ms);

	note(s, n, data);
	return n;
}

/* Waits to be told to begin, receives to the end, waits again. */
static void
serve(struct shoal_conn *conn, void *arg)
{
	struct serving *s = arg;

	s->conn = conn;
	s->handler = shoal_co_self();
	shoal_co_suspend(SHOAL_FOREVER);
	s->began = true;
	while (receive(s) > 0)
		continue;
	shoal_co_suspend(SHOAL_FOREVER);
	s->returned = true;
}

static int
open_with(struct serving *s, shoal_serve_fn *fn)
{
	s->rig.options.serve = fn;
	s->rig.options.arg = s;
	if (s->timeout_ms == 0)
		s->timeout_ms = SHOAL_FOREVER;
	rig_open(&s->rig);
	return rig_connect_accepted(&s->rig);
}

static void
close_all(struct serving *s, int fd)
{
	if (fd >= 0)
		close(fd);
	s->stop = true;
	if (!s->returned)
		shoal_co_resume(s->handler, 0);
	RIG_UNTIL(&s->rig, s->rig.counters.closed == 1);
	RIG_UNTIL(
	    &s->rig, sh_co_pool_alive(sh_loop_coroutines(s->rig.loop)) == 0);
	rig_close(&s->rig);
}

START_TEST(data_and_end_wait_for_the_handler)
{
	struct serving s = { 0 };
	int fd = open_with(&s, serve);

	rig_write(fd, "hello", 5);
	RIG_TURNS(&s.rig, 3);
	rig_write(fd, " you", 4);
	shutdown(fd, SHUT_WR);
	RIG_TURNS(&s.rig, 3);
	ck_assert_int_eq(s.count, 0);
	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.count == 2);
	ck_assert_int_eq(s.results[0], 9);
	ck_assert_int_eq(s.results[1], 0);
	ck_assert_mem_eq(s.text, "hello you", 9);
	close_all(&s, fd);
}
END_TEST

START_TEST(closed_peer_waits_for_the_handler)
{
	struct serving s = { 0 };
	int fd = open_with(&s, serve);

	rig_write(fd, "hello", 5);
	close(fd);
	RIG_TURNS(&s.rig, 5);
	ck_assert_uint_eq(s.rig.counters.closed, 0);
	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.count == 2);
	ck_assert_int_eq(s.results[0], 5);
	ck_assert_int_eq(s.results[1], 0);
	close_all(&s, -1);
}
END_TEST

static void
answer(struct shoal_conn *conn, void *arg)
{
	struct serving *s = arg;

	s->conn = conn;
	serve(conn, arg);
	note(s, shoal_co_send(conn, s->text, s->text_len, SHOAL_FOREVER), NULL);
}

START_TEST(half_closed_peer_gets_its_answers)
{
	struct serving s = { 0 };
	int fd = open_with(&s, answer), error;
	size_t total = 0;

	shoal_co_resume(s.handler, 0);
	rig_write(fd, "hello", 5);
	shutdown(fd, SHUT_WR);
	RIG_UNTIL(&s.rig, s.count == 2);
	RIG_TURNS(&s.rig, 3);
	ck_assert(!rig_read(fd, &total, &error));
	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, rig_read(fd, &total, &error));
	ck_assert_uint_eq(total, 5);
	ck_assert_int_eq(error, 0);
	ck_assert_int_eq(s.results[2], 0);
	close_all(&s, fd);
}
END_TEST

static void
check_reset(bool in_receive, bool half_closed)
{
	struct serving s = { 0 };
	int fd = open_with(&s, serve);

	if (in_receive)
		shoal_co_resume(s.handler, 0);
	RIG_TURNS(&s.rig, 2);
	if (half_closed) {
		shutdown(fd, SHUT_WR);
		RIG_TURNS(&s.rig, 2);
	}
	rig_reset(fd);
	RIG_TURNS(&s.rig, 3);
	if (!in_receive)
		shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.count == 1);
	ck_assert_int_eq(
	    s.results[0], in_receive && half_closed ? 0 : -SHOAL_ECONNRESET);
	close_all(&s, -1);
}

START_TEST(reset_is_told)
{
	check_reset(true, false);
	check_reset(false, false);
	check_reset(false, true);
	check_reset(true, true);
}
END_TEST

START_TEST(data_before_a_reset_is_given_if_it_was_read)
{
	struct serving s = { .exact = 100 };
	int fd = open_with(&s, serve);

	shoal_co_resume(s.handler, 0);
	rig_write(fd, "hello", 5);
	RIG_UNTIL(&s.rig, s.rig.counters.bytes_received == 5);
	rig_reset(fd);
	RIG_UNTIL(&s.rig, s.count == 1);
	ck_assert_int_eq(s.results[0], -SHOAL_ECONNRESET);
	close_all(&s, -1);
}
END_TEST

/* Gives up at the first timeout, and is told to go on. */
static void
serve_with_timeouts(struct shoal_conn *conn, void *arg)
{
	struct serving *s = arg;

	s->conn = conn;
	s->handler = shoal_co_self();
	while (!s->stop) {
		ssize_t n = receive(s);

		if (n <= 0)
			shoal_co_suspend(SHOAL_FOREVER);
	}
	s->returned = true;
}

START_TEST(timeout_loses_nothing)
{
	struct serving s = { .exact = 10, .timeout_ms = 20 };
	int fd = open_with(&s, serve_with_timeouts);

	rig_write(fd, "01234", 5);
	RIG_UNTIL(&s.rig, s.count == 1);
	ck_assert_int_eq(s.results[0], -SHOAL_ETIMEDOUT);
	/* comes while nobody receives */
	rig_write(fd, "567", 3);
	RIG_TURNS(&s.rig, 3);
	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.count == 2);
	ck_assert_int_eq(s.results[1], -SHOAL_ETIMEDOUT);
	rig_write(fd, "89abc", 5);
	s.timeout_ms = SHOAL_FOREVER;
	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.count == 3);
	ck_assert_int_eq(s.results[2], 10);
	ck_assert_mem_eq(s.text, "0123456789", 10);
	/* the end comes too early for another ten */
	shutdown(fd, SHUT_WR);
	RIG_UNTIL(&s.rig, s.count == 4);
	ck_assert_int_eq(s.results[3], -SHOAL_ETRUNCATED);
	s.exact = 0;
	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.count == 6);
	ck_assert_int_eq(s.results[4], 3);
	ck_assert_int_eq(s.results[5], 0);
	ck_assert_mem_eq(s.text + 10, "abc", 3);
	close_all(&s, fd);
}
END_TEST

static void
poll_input(struct shoal_conn *conn, void *arg)
{
	struct serving *s = arg;
	const void *data;

	s->conn = conn;
	s->handler = shoal_co_self();
	s->timeout_ms = 0;
	receive(s);
	s->timeout_ms = SHOAL_FOREVER;
	s->exact = 5;
	receive(s);
	/* the rest has been read already */
	s->timeout_ms = 0;
	s->exact = 0;
	receive(s);
	receive(s);
	note(s, shoal_co_recv_exact(conn, &data, 0, 0), NULL);
	note(s, shoal_co_recv_exact(conn, &data, ((size_t)1 << 30) + 1, 0),
	    NULL);
	note(s, shoal_co_recv_packet(conn, &data, 0), NULL);
	s->returned = true;
}

START_TEST(timeout_of_zero_does_not_wait)
{
	struct serving s = { 0 };
	int fd = open_with(&s, poll_input);

	ck_assert_int_eq(s.count, 1);
	ck_assert_int_eq(s.results[0], -SHOAL_ETIMEDOUT);
	rig_write(fd, "hello you", 9);
	RIG_UNTIL(&s.rig, s.returned);
	ck_assert_int_eq(s.results[1], 5);
	ck_assert_int_eq(s.results[2], 4);
	ck_assert_int_eq(s.results[3], -SHOAL_ETIMEDOUT);
	ck_assert_mem_eq(s.text, "hello you", 9);
	ck_assert_int_eq(s.results[4], -SHOAL_EINVAL);
	ck_assert_int_eq(s.results[5], -SHOAL_EINVAL);
	ck_assert_int_eq(s.results[6], -SHOAL_EINVAL);
	close_all(&s, fd);
}
END_TEST

/* Only looks, and does something else in between. */
static void
serve_polling(struct shoal_conn *conn, void *arg)
{
	struct serving *s = arg;

	s->conn = conn;
	s->timeout_ms = 0;
	while (s->count < STUBBORN_MAX && receive(s) < 0)
		shoal_co_sleep(1);
	s->returned = true;
}

START_TEST(polling_finds_what_has_come)
{
	struct serving s = { 0 };
	int fd = open_with(&s, serve_polling);

	RIG_UNTIL(&s.rig, s.count > 2);
	rig_write(fd, "hello", 5);
	RIG_UNTIL(&s.rig, s.returned);
	ck_assert_mem_eq(s.text, "hello", 5);
	close_all(&s, fd);
}
END_TEST

/* --- two coroutines at one connection --- */

static void
receive_beside(void *arg)
{
	struct serving *s = arg;

	receive(s);
	s->reader_returned = true;
}

static void
serve_beside(struct shoal_conn *conn, void *arg)
{
	struct serving *s = arg;
	const void *data;

	s->conn = conn;
	s->handler = shoal_co_self();
	s->reader = shoal_co_start(receive_beside, s, "beside");
	/* the other one was first */
	note(s, shoal_co_recv(conn, &data, SHOAL_FOREVER), NULL);
	shoal_co_suspend(SHOAL_FOREVER);
	s->returned = true;
}

START_TEST(second_reader_is_refused)
{
	struct serving s = { 0 };
	int fd = open_with(&s, serve_beside);

	ck_assert_int_eq(s.count, 1);
	ck_assert_int_eq(s.results[0], -SHOAL_EBUSY);
	rig_write(fd, "hello", 5);
	RIG_UNTIL(&s.rig, s.reader_returned);
	ck_assert_int_eq(s.results[1], 5);
	ck_assert_mem_eq(s.text, "hello", 5);
	close_all(&s, fd);
}
END_TEST

START_TEST(return_of_the_handler_ends_the_reader)
{
	struct serving s = { 0 };
	int fd = open_with(&s, serve_beside);

	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.reader_returned);
	ck_assert(s.returned);
	ck_assert_int_eq(s.results[1], -SHOAL_ECANCELED);
	close_all(&s, fd);
}
END_TEST

START_TEST(return_of_the_handler_and_data_at_once)
{
	struct serving s = { .timeout_ms = 20 };
	int fd = open_with(&s, serve_beside);

	/* the reader is woken by both in the same turn */
	rig_write(fd, "hello", 5);
	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.reader_returned);
	ck_assert(s.results[1] == 5 || s.results[1] == -SHOAL_ECANCELED);
	close_all(&s, fd);
}
END_TEST

/* --- the end --- */

START_TEST(close_by_another_cancels)
{
	struct serving s = { 0 };
	int fd = open_with(&s, serve), error;
	size_t total = 0;

	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.began);
	ck_assert_int_eq(shoal_conn_close(s.conn), 0);
	RIG_UNTIL(&s.rig, s.returned);
	ck_assert_int_eq(s.results[0], -SHOAL_ECANCELED);
	RIG_UNTIL(&s.rig, rig_read(fd, &total, &error));
	ck_assert_int_eq(error, 0);
	close_all(&s, fd);
}
END_TEST

static void
close_and_receive(struct shoal_conn *conn, void *arg)
{
	struct serving *s = arg;

	s->conn = conn;
	s->handler = shoal_co_self();
	shoal_conn_close(conn);
	note(s, shoal_co_sleep(1), NULL);
	receive(s);
	note(s, shoal_co_send(conn, "x", 1, SHOAL_FOREVER), NULL);
	note(s, shoal_co_flush(conn, SHOAL_FOREVER), NULL);
	note(s, shoal_co_sleep(1), NULL);
	note(s, shoal_co_is_cancelled(), NULL);
	s->returned = true;
}

START_TEST(own_close_does_not_cancel)
{
	struct serving s = { 0 };
	int fd = open_with(&s, close_and_receive);

	RIG_UNTIL(&s.rig, s.returned);
	ck_assert_int_eq(s.count, 6);
	ck_assert_int_eq(s.results[0], 0);
	ck_assert_int_eq(s.results[1], -SHOAL_ENOTCONN);
	ck_assert_int_eq(s.results[2], -SHOAL_ENOTCONN);
	ck_assert_int_eq(s.results[3], -SHOAL_ENOTCONN);
	ck_assert_int_eq(s.results[4], 0);
	ck_assert_int_eq(s.results[5], false);
	close_all(&s, fd);
}
END_TEST

START_TEST(idle_connection_ends)
{
	struct serving s = { .rig.options.idle_timeout_ms = 100 };
	int fd = open_with(&s, serve), error;
	size_t total = 0;

	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.count == 1);
	ck_assert_int_eq(s.results[0], -SHOAL_ENOTCONN);
	/* the handler is in another wait, the peer is told */
	RIG_UNTIL(&s.rig, rig_read(fd, &total, &error));
	ck_assert(!s.returned);
	ck_assert_uint_eq(s.rig.counters.timeouts, 1);
	close_all(&s, fd);
}
END_TEST

START_TEST(idle_connection_ends_outside_of_a_receive)
{
	struct serving s = { .rig.options.idle_timeout_ms = 100 };
	int fd = open_with(&s, serve), error;
	size_t total = 0;

	RIG_UNTIL(&s.rig, rig_read(fd, &total, &error));
	ck_assert(!s.began);
	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.count == 1);
	ck_assert_int_eq(s.results[0], -SHOAL_ENOTCONN);
	close_all(&s, fd);
}
END_TEST

/* One that never takes an answer. */
static void
insist_on_receiving(struct shoal_conn *conn, void *arg)
{
	struct serving *s = arg;
	const void *data;

	s->conn = conn;
	s->handler = shoal_co_self();
	while (!s->stop && s->count < STUBBORN_MAX)
		note(s, shoal_co_recv(conn, &data, SHOAL_FOREVER), NULL);
	s->returned = true;
}

static void
insist_on_sending(struct shoal_conn *conn, void *arg)
{
	static const char block[100000];
	struct serving *s = arg;

	s->conn = conn;
	s->handler = shoal_co_self();
	while (!s->stop && s->count < STUBBORN_MAX)
		note(s, shoal_co_send(conn, block, sizeof(block), -1), NULL);
	s->returned = true;
}

enum ending { PEER_CLOSES, PEER_RESETS, WE_CLOSE, WE_ABORT, DRAIN, SHUTDOWN };

static void
end_it(struct serving *s, int fd, enum ending ending)
{
	switch (ending) {
	case PEER_CLOSES: shutdown(fd, SHUT_WR); break;
	case PEER_RESETS: rig_reset(fd); break;
	case WE_CLOSE: shoal_conn_close(s->conn); break;
	case WE_ABORT: shoal_conn_abort(s->conn); break;
	case DRAIN: sh_service_drain(s->rig.service, 100, 1001); break;
	case SHUTDOWN: sh_service_abort(s->rig.service); break;
	}
}

static void
check_stubborn(shoal_serve_fn *fn, enum ending ending)
{
	struct serving s = { 0 };
	int fd = open_with(&s, fn), base;

	RIG_TURNS(&s.rig, 3);
	base = s.count;
	end_it(&s, fd, ending);
	/* a wait that is refused, again and again */
	RIG_UNTIL(&s.rig, s.count > base + 15);
	RIG_TURNS(&s.rig, 20);
	ck_assert_int_lt(s.count, base + 200);
	ck_assert_int_lt(s.results[RESULTS - 1], 1);
	s.stop = true;
	RIG_UNTIL(&s.rig, s.returned);
	close_all(&s, ending == PEER_RESETS ? -1 : fd);
}

START_TEST(stubborn_handlers_do_not_spin)
{
	enum ending ending;

	for (ending = PEER_CLOSES; ending <= SHUTDOWN; ending++)
		check_stubborn(insist_on_receiving, ending);
	check_stubborn(insist_on_sending, PEER_RESETS);
	check_stubborn(insist_on_sending, WE_CLOSE);
	check_stubborn(insist_on_sending, WE_ABORT);
	check_stubborn(insist_on_sending, SHUTDOWN);
}
END_TEST

/* --- being stopped --- */

START_TEST(drain_handles_what_has_come)
{
	struct serving s = { 0 };
	int fd = open_with(&s, serve), error;
	size_t total = 0;

	rig_write(fd, "hello", 5);
	RIG_TURNS(&s.rig, 3);
	sh_service_drain(s.rig.service, 1000, 1001);
	RIG_TURNS(&s.rig, 3);
	ck_assert(!s.began);
	rig_write(fd, " too late", 9);
	shoal_co_resume(s.handler, 0);
	RIG_UNTIL(&s.rig, s.returned);
	ck_assert_int_gt(s.results[0], 4);
	ck_assert_mem_eq(s.text, "hello", 5);
	ck_assert_int_eq(s.results[s.count - 1], -SHOAL_ECANCELED);
	RIG_UNTIL(&s.rig, rig_read(fd, &total, &error));
	ck_assert_int_eq(error, 0);
	close_all(&s, fd);
}
END_TEST

START_TEST(drain_wakes_a_receive)
{
	struct serving s = { 0 };
	int fd = open_with(&s, serve);

	shoal_co_resume(s.handler, 0);
	RIG_TURNS(&s.rig, 2);
	sh_service_drain(s.rig.service, 1000, 1001);
	RIG_UNTIL(&s.rig, s.returned);
	ck_assert_int_eq(s.results[0], -SHOAL_ECANCELED);
	close_all(&s, fd);
}
END_TEST

/* --- callback style --- */

static void
receive_in_callback(
    struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct serving *s = arg;

	note(s, shoal_co_recv(conn, &data, 0), NULL);
	note(s, shoal_co_recv_packet(conn, &data, 0), NULL);
	note(s, shoal_co_recv_exact(conn, &data, 1, 0), NULL);
}

START_TEST(callbacks_may_not_receive)
{
	static const struct shoal_tcp_callbacks callbacks = {
		.size = sizeof(struct shoal_tcp_callbacks),
		.on_receive = receive_in_callback,
	};
	struct serving s = { .rig.options.callbacks = &callbacks,
		.returned = true };
	int fd = open_with(&s, NULL);

	rig_write(fd, "x", 1);
	RIG_UNTIL(&s.rig, s.count == 3);
	ck_assert_int_eq(s.results[0], -SHOAL_EPERM);
	ck_assert(
	    s.results[1] == -SHOAL_EPERM || s.results[1] == -SHOAL_EINVAL);
	ck_assert_int_eq(s.results[2], -SHOAL_EPERM);
	close_all(&s, fd);
}
END_TEST

/* What comes at once is given in pieces of 64 KiB at most. */
static void
serve_kept(struct shoal_conn *conn, void *arg)
{
	struct serving *s = arg;
	const void *data = NULL;

	s->conn = conn;
	s->handler = shoal_co_self();
	note(s, shoal_co_recv_exact(conn, &data, 300000, SHOAL_FOREVER), NULL);
	do
		note(s, shoal_co_recv(conn, &data, SHOAL_FOREVER), NULL);
	while (s->results[s->count - 1] > 0);
	s->returned = true;
}

START_TEST(receive_gives_at_most_one_read)
{
	static char block[200000];
	struct serving s = { 0 };
	int fd = open_with(&s, serve_kept), i;
	size_t sum = 0;

	ck_assert_int_eq(write(fd, block, sizeof(block)), sizeof(block));
	RIG_UNTIL(&s.rig, s.rig.counters.bytes_received == sizeof(block));
	shutdown(fd, SHUT_WR);
	RIG_UNTIL(&s.rig, s.returned);
	ck_assert_int_eq(s.results[0], -SHOAL_ETRUNCATED);
	for (i = 1; i < s.count; i++) {
		ck_assert_int_le(s.results[i], 65536);
		sum += (size_t)s.results[i];
	}
	ck_assert_uint_eq(sum, sizeof(block));
	close_all(&s, fd);
}
END_TEST

SH_SUITE("session/coroutine", data_and_end_wait_for_the_handler,
    closed_peer_waits_for_the_handler, half_closed_peer_gets_its_answers,
    reset_is_told, data_before_a_reset_is_given_if_it_was_read,
    timeout_loses_nothing, timeout_of_zero_does_not_wait,
    polling_finds_what_has_come, second_reader_is_refused,
    return_of_the_handler_ends_the_reader,
    return_of_the_handler_and_data_at_once, close_by_another_cancels,
    own_close_does_not_cancel, idle_connection_ends,
    idle_connection_ends_outside_of_a_receive, stubborn_handlers_do_not_spin,
    drain_handles_what_has_come, drain_wakes_a_receive,
    callbacks_may_not_receive, receive_gives_at_most_one_read)
