/* This file tests session/send_line.c, through tcp_send.c: coroutines that wait
 * to send. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/co.h>
#include <shoal/error.h>

#include "rig.h"

enum {
	WRITERS = 10,
	ROUNDS = 20,
	RECORD = 60000,
	NOT_YET = 1,
	BIG = 10 * 1024 * 1024
};

static char big[BIG];

/* A connection that is written to by coroutines; rig comes first. */
struct crowd {
	struct rig rig;
	struct shoal_conn *conn;
	int64_t handler;
	int results[WRITERS];
	int started, ended, timeout_ms;
	bool returned, abort_when_writable;
};

static void
stay(struct shoal_conn *conn, void *arg)
{
	struct crowd *crowd = arg;

	crowd->conn = conn;
	crowd->handler = shoal_co_self();
	shoal_co_suspend(SHOAL_FOREVER);
	crowd->returned = true;
}

static void
remember(struct shoal_conn *conn, void *arg)
{
	struct crowd *crowd = arg;

	crowd->rig.connects++;
	crowd->conn = conn;
}

static void
ignore(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
}

static void
abort_if_told(struct shoal_conn *conn, void *arg)
{
	struct crowd *crowd = arg;

	crowd->rig.writables++;
	if (crowd->abort_when_writable)
		shoal_conn_abort(conn);
}

static void
count_close(
    struct shoal_conn *conn, enum shoal_close_cause cause, int error, void *arg)
{
	((struct crowd *)arg)->rig.closes++;
}

static const struct shoal_tcp_callbacks callbacks = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_connect = remember,
	.on_receive = ignore,
	.on_writable = abort_if_told,
	.on_close = count_close,
};

/* A connection in either style, with small marks. */
static int
open_crowd(struct crowd *crowd, bool coroutine)
{
	int fd, i;

	crowd->rig.options = (struct sh_service_options){
		.queue_high = 100000,
		.queue_low = 10000,
		.arg = crowd,
		.callbacks = coroutine ? NULL : &callbacks,
		.serve = coroutine ? stay : NULL,
	};
	for (i = 0; i < WRITERS; i++)
		crowd->results[i] = NOT_YET;
	crowd->timeout_ms = SHOAL_FOREVER;
	rig_open(&crowd->rig);
	fd = rig_connect_accepted(&crowd->rig);
	ck_assert_ptr_nonnull(crowd->conn);
	return fd;
}

static void
close_crowd(struct crowd *crowd, int fd)
{
	if (fd >= 0)
		close(fd);
	if (crowd->handler > 0)
		shoal_co_resume(crowd->handler, 0);
	RIG_UNTIL(&crowd->rig, crowd->rig.counters.closed == 1);
	RIG_UNTIL(&crowd->rig, crowd->ended == crowd->started);
	rig_close(&crowd->rig);
}

/* Nothing is left for the kernel to take. */
static void
fill(struct crowd *crowd)
{
	while (!shoal_conn_is_full(crowd->conn))
		ck_assert_int_eq(shoal_conn_send(crowd->conn, big, RECORD), 0);
}

/* Bytes that were sent, whether the kernel has them or not. */
static size_t
taken(const struct crowd *crowd)
{
	return crowd->rig.counters.bytes_sent + shoal_conn_queued(crowd->conn);
}

/* Writes records: their number, their writer, and a byte that both make. */
static void
write_records(void *arg)
{
	struct crowd *crowd = arg;
	int self = crowd->started++, i, r = 0;
	char head[16] = "";
	static char body[WRITERS][RECORD];
	const struct iovec parts[] = {
		{ head, sizeof(head) },
		{ body[self], sizeof(body[self]) - sizeof(head) },
	};

	for (i = 0; i < ROUNDS && r == 0; i++) {
		snprintf(head, sizeof(head), "%06d %06d", self, i);
		memset(body[self], self * ROUNDS + i, RECORD);
		r = shoal_co_sendv(crowd->conn, parts, 2, crowd->timeout_ms);
	}
	crowd->results[self] = r;
	crowd->ended++;
}

struct reader {
	char record[RECORD];
	size_t have, skip; /* bytes before the first record */
	int records, expected[WRITERS], order[WRITERS * ROUNDS];
	bool bad;
};

static void
check_record(struct reader *reader)
{
	const unsigned char *body = (void *)reader->record;
	int writer = -1, number = -1;
	size_t i;

	sscanf(reader->record, "%d %d", &writer, &number);
	if (writer < 0 || writer >= WRITERS ||
	    number != reader->expected[writer]++) {
		reader->bad = true;
		return;
	}
	reader->order[reader->records++] = writer;
	for (i = 16; i < RECORD; i++)
		reader->bad |=
		    body[i] != (unsigned char)(writer * ROUNDS + number);
}

/* Read some; true at the end. */
static bool
read_records(struct reader *reader, int fd, size_t max)
{
	ssize_t n;

	while (max > 0) {
		size_t want = reader->skip != 0 && reader->skip < RECORD
		    ? reader->skip
		    : RECORD - reader->have;

		n = read(
		    fd, reader->record + reader->have, want < max ? want : max);
		if (n <= 0)
			return n == 0 || errno != EAGAIN;
		max -= (size_t)n;
		if (reader->skip != 0) {
			reader->skip -= (size_t)n;
			continue;
		}
		reader->have += (size_t)n;
		if (reader->have < RECORD)
			continue;
		check_record(reader);
		reader->have = 0;
	}
	return false;
}

static void
start_writers(struct crowd *crowd, shoal_co_fn *fn, int count)
{
	while (count-- > 0)
		ck_assert_int_gt(shoal_co_start(fn, crowd, "writer"), 0);
}

static void
check_no_message_is_interleaved(bool coroutine)
{
	static struct reader reader;
	struct crowd crowd = { 0 };
	int fd = open_crowd(&crowd, coroutine), i;

	memset(&reader, 0, sizeof(reader));
	fill(&crowd);
	reader.skip = taken(&crowd);
	start_writers(&crowd, write_records, WRITERS);
	ck_assert_int_eq(crowd.started, WRITERS);
	RIG_TURNS(&crowd.rig, 3);
	ck_assert_int_lt(crowd.ended, WRITERS);
	RIG_UNTIL(&crowd.rig,
	    (read_records(&reader, fd, 50000),
		reader.records == WRITERS * ROUNDS || reader.bad));
	ck_assert(!reader.bad);
	ck_assert_int_eq(crowd.ended, WRITERS);
	for (i = 0; i < WRITERS; i++) {
		ck_assert_int_eq(crowd.results[i], 0);
		ck_assert_int_eq(reader.expected[i], ROUNDS);
	}
	/* first come, first served */
	for (i = 0; i < (ROUNDS - 1) * WRITERS; i++)
		ck_assert_int_eq(reader.order[i], reader.order[i + WRITERS]);
	close_crowd(&crowd, fd);
}

START_TEST(messages_of_ten_writers_are_whole_and_in_turn)
{
	check_no_message_is_interleaved(false);
	check_no_message_is_interleaved(true);
}
END_TEST

static void
send_one(void *arg)
{
	struct crowd *crowd = arg;
	int self = crowd->started++;

	crowd->results[self] =
	    shoal_co_send(crowd->conn, "12345", 5, crowd->timeout_ms);
	crowd->ended++;
}

static void
check_results(struct crowd *crowd, int result)
{
	int i;

	RIG_UNTIL(&crowd->rig, crowd->ended == WRITERS);
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(crowd->results[i], result);
}

static void
check_reset_wakes_writers(bool coroutine)
{
	struct crowd crowd = { 0 };
	int fd = open_crowd(&crowd, coroutine);

	fill(&crowd);
	start_writers(&crowd, send_one, WRITERS);
	RIG_TURNS(&crowd.rig, 2);
	ck_assert_int_eq(crowd.ended, 0);
	rig_reset(fd);
	check_results(&crowd, -SHOAL_ECONNRESET);
	close_crowd(&crowd, -1);
}

START_TEST(reset_wakes_all_writers)
{
	check_reset_wakes_writers(false);
	check_reset_wakes_writers(true);
}
END_TEST

static void
check_close_wakes_writers(bool coroutine, int (*end)(struct shoal_conn *))
{
	struct crowd crowd = { 0 };
	int fd = open_crowd(&crowd, coroutine);

	fill(&crowd);
	start_writers(&crowd, send_one, WRITERS);
	ck_assert_int_eq(end(crowd.conn), 0);
	check_results(&crowd, -SHOAL_ECANCELED);
	close_crowd(&crowd, fd);
}

START_TEST(close_wakes_all_writers)
{
	check_close_wakes_writers(false, shoal_conn_close);
	check_close_wakes_writers(true, shoal_conn_close);
	check_close_wakes_writers(false, shoal_conn_abort);
	check_close_wakes_writers(true, shoal_conn_abort);
}
END_TEST

START_TEST(return_of_the_handler_wakes_all_writers)
{
	struct crowd crowd = { 0 };
	int fd = open_crowd(&crowd, true);

	fill(&crowd);
	start_writers(&crowd, send_one, WRITERS);
	shoal_co_resume(crowd.handler, 0);
	check_results(&crowd, -SHOAL_ECANCELED);
	close_crowd(&crowd, fd);
}
END_TEST

/* There is room, and before the writer has its turn there is no connection. */
START_TEST(writer_that_was_woken_hears_of_the_end)
{
	struct crowd crowd = { .abort_when_writable = true };
	int fd = open_crowd(&crowd, false), error;
	size_t total = 0;

	fill(&crowd);
	start_writers(&crowd, send_one, WRITERS);
	RIG_UNTIL(&crowd.rig, rig_read(fd, &total, &error) || crowd.ended != 0);
	check_results(&crowd, -SHOAL_ECANCELED);
	ck_assert_int_eq(crowd.rig.writables, 1);
	close_crowd(&crowd, fd);
}
END_TEST

START_TEST(send_after_the_end_says_so)
{
	struct crowd crowd = { 0 };
	int fd = open_crowd(&crowd, true);

	shoal_conn_close(crowd.conn);
	start_writers(&crowd, send_one, WRITERS);
	check_results(&crowd, -SHOAL_ENOTCONN);
	close_crowd(&crowd, fd);
}
END_TEST

static void
check_timeout_takes_nothing(int timeout_ms)
{
	struct crowd crowd = { 0 };
	int fd = open_crowd(&crowd, true), error;
	size_t total = 0, sent;

	fill(&crowd);
	sent = taken(&crowd);
	crowd.timeout_ms = timeout_ms;
	start_writers(&crowd, send_one, WRITERS);
	check_results(&crowd, -SHOAL_ETIMEDOUT);
	RIG_UNTIL(&crowd.rig, (rig_read(fd, &total, &error), total >= sent));
	RIG_TURNS(&crowd.rig, 5);
	rig_read(fd, &total, &error);
	ck_assert_uint_eq(total, sent);
	/* and the next one goes on */
	crowd.started = crowd.ended = 0;
	start_writers(&crowd, send_one, 1);
	RIG_UNTIL(
	    &crowd.rig, (rig_read(fd, &total, &error), total == sent + 5));
	ck_assert_int_eq(crowd.results[0], 0);
	close_crowd(&crowd, fd);
}

START_TEST(timeout_takes_nothing)
{
	check_timeout_takes_nothing(30);
	check_timeout_takes_nothing(0);
}
END_TEST

/* The first ones in the line give up; those behind must still be served. */
static void
send_in_time(void *arg)
{
	struct crowd *crowd = arg;
	int self = crowd->started++;
	char text[6];

	snprintf(text, sizeof(text), "%05d", self);
	crowd->results[self] = shoal_co_send(
	    crowd->conn, text, 5, self < WRITERS / 2 ? 20 : SHOAL_FOREVER);
	crowd->ended++;
}

START_TEST(those_behind_who_gives_up_are_served)
{
	struct crowd crowd = { 0 };
	int fd = open_crowd(&crowd, true), error, i;
	size_t total = 0, sent;

	fill(&crowd);
	sent = taken(&crowd);
	start_writers(&crowd, send_in_time, WRITERS);
	RIG_UNTIL(&crowd.rig, crowd.ended == WRITERS / 2);
	RIG_UNTIL(&crowd.rig,
	    (rig_read(fd, &total, &error),
		total == sent + 5 * (WRITERS - WRITERS / 2)));
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(
		    crowd.results[i], i < WRITERS / 2 ? -SHOAL_ETIMEDOUT : 0);
	close_crowd(&crowd, fd);
}
END_TEST

static void
cancel_writers(void *arg)
{
	int64_t *ids = arg;
	int i;

	for (i = 0; i < WRITERS; i++)
		shoal_co_cancel(ids[i]);
}

START_TEST(cancelled_writer_takes_nothing)
{
	struct crowd crowd = { 0 };
	int fd = open_crowd(&crowd, true), error, i;
	int64_t ids[WRITERS];
	size_t total = 0, sent;

	fill(&crowd);
	sent = taken(&crowd);
	for (i = 0; i < WRITERS; i++)
		ids[i] = shoal_co_start(send_one, &crowd, "writer");
	cancel_writers(ids);
	check_results(&crowd, -SHOAL_ECANCELED);
	RIG_UNTIL(&crowd.rig, (rig_read(fd, &total, &error), total >= sent));
	ck_assert_uint_eq(total, sent);
	close_crowd(&crowd, fd);
}
END_TEST

static void
flush_all(void *arg)
{
	struct crowd *crowd = arg;
	int self = crowd->started++;

	crowd->results[self] = shoal_co_flush(crowd->conn, crowd->timeout_ms);
	crowd->ended++;
}

static void
check_flush(bool coroutine)
{
	struct crowd crowd = { 0 };
	int fd = open_crowd(&crowd, coroutine), error;
	size_t total = 0;

	start_writers(&crowd, flush_all, 1);
	ck_assert_int_eq(crowd.results[0], 0);
	fill(&crowd);
	crowd.timeout_ms = 20;
	start_writers(&crowd, flush_all, 1);
	RIG_UNTIL(&crowd.rig, crowd.ended == 2);
	ck_assert_int_eq(crowd.results[1], -SHOAL_ETIMEDOUT);
	crowd.timeout_ms = SHOAL_FOREVER;
	start_writers(&crowd, flush_all, 2);
	start_writers(&crowd, send_one, 1);
	RIG_UNTIL(&crowd.rig, (rig_read(fd, &total, &error), crowd.ended == 5));
	ck_assert_int_eq(crowd.results[2], 0);
	ck_assert_int_eq(crowd.results[3], 0);
	ck_assert_int_eq(crowd.results[4], 0);
	close_crowd(&crowd, fd);
}

START_TEST(flush_waits_for_the_kernel)
{
	check_flush(false);
	check_flush(true);
}
END_TEST

/* --- the end of a handler --- */

static void
send_big(struct shoal_conn *conn, void *arg)
{
	struct crowd *crowd = arg;

	crowd->conn = conn;
	crowd->results[0] = shoal_co_send(conn, big, BIG, SHOAL_FOREVER);
	crowd->returned = true;
}

START_TEST(return_flushes_to_a_slow_reader)
{
	struct crowd crowd = { .rig.options.serve = send_big };
	static char buf[100000];
	int fd, error = 0;
	size_t total = 0;
	ssize_t n = 1;

	crowd.rig.options.arg = &crowd;
	rig_open(&crowd.rig);
	fd = rig_connect(&crowd.rig);
	RIG_UNTIL(&crowd.rig, crowd.returned);
	while (n > 0 || (n < 0 && errno == EAGAIN)) {
		n = read(fd, buf, sizeof(buf));
		total += n > 0 ? (size_t)n : 0;
		error = errno;
		RIG_TURNS(&crowd.rig, 1);
		errno = error;
	}
	ck_assert_int_eq(n, 0);
	ck_assert_uint_eq(total, BIG);
	ck_assert_int_eq(crowd.results[0], 0);
	close(fd);
	RIG_UNTIL(&crowd.rig, crowd.rig.counters.closed == 1);
	rig_close(&crowd.rig);
}
END_TEST

static void
end_and_stay(struct shoal_conn *conn, void *arg)
{
	struct crowd *crowd = arg;

	crowd->results[1] = shoal_co_send(conn, "bye", 3, SHOAL_FOREVER);
	crowd->results[2] = crowd->abort_when_writable ? shoal_conn_abort(conn)
						       : shoal_conn_close(conn);
	crowd->handler = shoal_co_self();
	/* its own doing does not cancel it */
	crowd->results[3] = shoal_co_suspend(SHOAL_FOREVER);
	crowd->returned = true;
}

static void
check_peer_is_told_at_once(bool abort, size_t expected, int expected_error)
{
	struct crowd crowd = { .rig.options.serve = end_and_stay,
		.abort_when_writable = abort };
	size_t total = 0;
	int fd, error = -1;

	crowd.rig.options.arg = &crowd;
	rig_open(&crowd.rig);
	fd = rig_connect(&crowd.rig);
	RIG_UNTIL(&crowd.rig, rig_read(fd, &total, &error));
	ck_assert_uint_eq(total, expected);
	ck_assert_int_eq(error, expected_error);
	ck_assert(!crowd.returned);
	ck_assert_uint_eq(crowd.rig.counters.closed, 0);
	ck_assert_int_eq(crowd.results[1], 0);
	ck_assert_int_eq(crowd.results[2], 0);
	close(fd);
	RIG_TURNS(&crowd.rig, 3);
	shoal_co_resume(crowd.handler, 7);
	RIG_UNTIL(&crowd.rig, crowd.rig.counters.closed == 1);
	ck_assert_int_eq(crowd.results[3], 7);
	rig_close(&crowd.rig);
}

START_TEST(peer_sees_close_and_abort_at_once)
{
	check_peer_is_told_at_once(false, 3, 0);
	check_peer_is_told_at_once(true, 0, ECONNRESET);
}
END_TEST

/* Another one aborts while the handler is in a wait. */
START_TEST(peer_sees_abort_of_another_at_once)
{
	struct crowd crowd = { 0 };
	int fd = open_crowd(&crowd, true), error = -1;
	size_t total = 0;

	shoal_conn_abort(crowd.conn);
	RIG_UNTIL(&crowd.rig, rig_read(fd, &total, &error));
	ck_assert_int_eq(error, ECONNRESET);
	RIG_UNTIL(&crowd.rig, crowd.returned);
	close_crowd(&crowd, fd);
}
END_TEST

SH_SUITE("session/writers", messages_of_ten_writers_are_whole_and_in_turn,
    reset_wakes_all_writers, close_wakes_all_writers,
    return_of_the_handler_wakes_all_writers,
    writer_that_was_woken_hears_of_the_end, send_after_the_end_says_so,
    timeout_takes_nothing, those_behind_who_gives_up_are_served,
    cancelled_writer_takes_nothing, flush_waits_for_the_kernel,
    return_flushes_to_a_slow_reader, peer_sees_close_and_abort_at_once,
    peer_sees_abort_of_another_at_once)
