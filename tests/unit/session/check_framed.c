/* This file tests session/tcp_callback.c and session/tcp_coroutine.c: input
 * that is cut into packets. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/co.h>
#include <shoal/error.h>
#include <shoal/framing.h>

#include "base/attr.h"
#include "rig.h"

enum { MAX = 20, LOG_SIZE = 1024, BATCH = 1000 };

/* A digit tells how many letters follow; '!' is no packet. */
static ssize_t
tell_length(const void *data, size_t len, void *arg)
{
	char first = *(const char *)data;

	return first < '0' || first > '9' ? -1 : first - '0' + 1;
}

static const struct shoal_framing by_terminator = {
	.size = sizeof(struct shoal_framing),
	.type = SHOAL_FRAMING_TERMINATOR,
	.max = MAX,
	.terminator = "\r\n",
};
static const struct shoal_framing by_length = {
	.size = sizeof(struct shoal_framing),
	.type = SHOAL_FRAMING_LENGTH,
	.max = MAX,
	.field = SHOAL_LENGTH_U16BE,
};
static const struct shoal_framing by_function = {
	.size = sizeof(struct shoal_framing),
	.type = SHOAL_FRAMING_FUNCTION,
	.max = 8,
	.length = tell_length,
};

/* A stream, its packets each in brackets, and how streams end badly. */
#define BYTES(text) text, sizeof(text) - 1
static const struct sample {
	const struct shoal_framing *framing;
	const char *bytes;
	size_t len;
	const char *packets;
	const char *half;
	size_t half_len;
	const char *too_long;
	size_t too_long_len;
	const char *bad;
	size_t bad_len; /* 0: there is no such thing */
} samples[] = {
	{ &by_terminator, BYTES("a\r\n\r\nb\rc\r\r\ndd\r\n"),
	    "[a\r\n][\r\n][b\rc\r\r\n][dd\r\n]", BYTES("ee\r"),
	    BYTES("12345678901234567890123"), BYTES("") },
	{ &by_length, BYTES("\0\3a\0\2\0\5bcd\0\4ee"), "[..a][..][..bcd][..ee]",
	    BYTES("\0\5bc"), BYTES("\0\25"), BYTES("\0\1") },
	{ &by_function, BYTES("1a03bcd2ee"), "[1a][0][3bcd][2ee]", BYTES("3bc"),
	    BYTES("8"), BYTES("!") },
};

/* What a handler of either style does; rig comes first. */
struct framed {
	struct rig rig;
	struct shoal_conn *conn;
	char log[LOG_SIZE]; /* packets in brackets */
	size_t log_len;
	int packets, timeout_ms, result;
	int64_t co;
	bool waits, pauses, closes, returned;
	int inside; /* calls that have not returned */
	bool overlapped;
};

static void
log_packet(struct framed *f, const void *data, size_t len)
{
	const char *bytes = data;
	size_t i;

	f->packets++;
	if (f->log_len + len + 2 > sizeof(f->log))
		return;
	f->log[f->log_len++] = '[';
	/* the two bytes of a length would end the text */
	for (i = 0; i < len; i++)
		f->log[f->log_len++] = bytes[i] < '\n' ? '.' : bytes[i];
	f->log[f->log_len++] = ']';
}

static void
on_connect(struct shoal_conn *conn, void *arg)
{
	struct framed *f = arg;

	f->rig.connects++;
	f->conn = conn;
}

static void
on_packet(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct framed *f = arg;

	f->overlapped |= f->inside++ != 0 || shoal_conn_is_paused(conn);
	log_packet(f, data, len);
	if (f->closes)
		shoal_conn_close(conn);
	if (f->pauses)
		shoal_conn_pause(conn);
	if (f->waits) {
		f->co = shoal_co_self();
		f->result = shoal_co_suspend(SHOAL_FOREVER);
	}
	f->inside--;
}

static void
on_close(
    struct shoal_conn *conn, enum shoal_close_cause cause, int error, void *arg)
{
	struct framed *f = arg;

	f->rig.closes++;
	f->rig.cause = cause;
	f->rig.error = error;
	f->overlapped |= f->inside != 0;
}

static const struct shoal_tcp_callbacks callbacks = {
	.size = sizeof(struct shoal_tcp_callbacks),
	.on_connect = on_connect,
	.on_receive = on_packet,
	.on_close = on_close,
};

/* Packets until something else comes; then it waits to be told to go on. */
static void
serve(struct shoal_conn *conn, void *arg)
{
	struct framed *f = arg;
	const void *data;
	ssize_t n;

	f->conn = conn;
	f->co = shoal_co_self();
	do {
		n = shoal_co_recv_packet(conn, &data, f->timeout_ms);
		f->result = (int)n;
		if (n > 0)
			log_packet(f, data, (size_t)n);
		if (n > 0 && f->waits)
			(void)shoal_co_sleep(0);
		if (n == -SHOAL_ETIMEDOUT)
			n = shoal_co_suspend(SHOAL_FOREVER) == 0;
	} while (n > 0);
	/* what there is of the last one */
	while ((n = shoal_co_recv(conn, &data, 0)) > 0)
		log_packet(f, data, (size_t)n);
	f->returned = true;
}

static int
open_with(struct framed *f, const struct shoal_framing *framing, bool coroutine,
    int timeout_ms)
{
	memset(f, 0, sizeof(*f));
	f->timeout_ms = timeout_ms;
	f->rig.options.framing = framing;
	f->rig.options.arg = f;
	if (coroutine)
		f->rig.options.serve = serve;
	else
		f->rig.options.callbacks = &callbacks;
	rig_open(&f->rig);
	return rig_connect_accepted(&f->rig);
}

static int
open_framed(
    struct framed *f, const struct shoal_framing *framing, bool coroutine)
{
	return open_with(f, framing, coroutine, SHOAL_FOREVER);
}

static void
close_framed(struct framed *f, int fd)
{
	if (fd >= 0)
		close(fd);
	RIG_UNTIL(&f->rig, f->rig.counters.closed == 1);
	ck_assert(!f->overlapped);
	rig_close(&f->rig);
}

/* The stream in two parts, or byte by byte. */
static void
check_split(const struct sample *sample, bool coroutine, bool waits, size_t at)
{
	static struct framed f;
	int fd = open_framed(&f, sample->framing, coroutine);
	size_t i;

	f.waits = waits && coroutine;
	if (at > sample->len) {
		for (i = 0; i < sample->len; i++) {
			rig_write(fd, sample->bytes + i, 1);
			RIG_UNTIL(
			    &f.rig, f.rig.counters.bytes_received == i + 1);
		}
	} else {
		rig_write(fd, sample->bytes, at);
		RIG_UNTIL(&f.rig, f.rig.counters.bytes_received == at);
		rig_write(fd, sample->bytes + at, sample->len - at);
	}
	shutdown(fd, SHUT_WR);
	RIG_UNTIL(&f.rig, f.rig.counters.closed == 1);
	ck_assert_str_eq(f.log, sample->packets);
	if (coroutine)
		ck_assert_int_eq(f.result, 0);
	else
		ck_assert_int_eq(f.rig.error, 0);
	close_framed(&f, fd);
}

START_TEST(packets_are_cut_at_every_split)
{
	size_t i, at;

	for (i = 0; i < SH_ARRAY_LEN(samples); i++)
		for (at = 0; at <= samples[i].len + 1; at++) {
			check_split(&samples[i], false, false, at);
			check_split(&samples[i], true, false, at);
			check_split(&samples[i], true, true, at);
		}
}
END_TEST

/* How a stream ends after a good packet: callbacks, then coroutine. */
static void
check_end(const struct sample *sample, const char *bytes, size_t len,
    enum shoal_close_cause cause, int error, bool shuts)
{
	static struct framed f;
	bool coroutine;
	int i, fd;

	for (i = 0; i < 2; i++) {
		coroutine = i != 0;
		fd = open_framed(&f, sample->framing, coroutine);
		rig_write(fd, sample->bytes, sample->len);
		RIG_UNTIL(&f.rig, f.packets == 4);
		if (len != 0)
			rig_write(fd, bytes, len);
		if (shuts)
			shutdown(fd, SHUT_WR);
		RIG_UNTIL(&f.rig, f.rig.counters.closed == 1);
		if (coroutine)
			ck_assert_int_eq(f.result, error);
		else
			ck_assert_int_eq(f.rig.error, error);
		/* the rest can be had in one style only */
		ck_assert_int_eq(f.packets, coroutine && len != 0 ? 5 : 4);
		if (coroutine && len != 0)
			ck_assert_uint_eq(
			    f.log_len, strlen(sample->packets) + len + 2);
		if (!coroutine)
			ck_assert_int_eq(f.rig.cause, cause);
		close_framed(&f, fd);
	}
}

START_TEST(ends_are_told_apart)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(samples); i++) {
		const struct sample *s = &samples[i];

		check_end(s, NULL, 0, SHOAL_CLOSE_PEER, 0, true);
		check_end(s, s->half, s->half_len, SHOAL_CLOSE_PEER,
		    -SHOAL_ETRUNCATED, true);
		check_end(s, s->too_long, s->too_long_len, SHOAL_CLOSE_ERROR,
		    -SHOAL_EMSGSIZE, false);
		if (s->bad_len != 0)
			check_end(s, s->bad, s->bad_len, SHOAL_CLOSE_ERROR,
			    -SHOAL_EPROTO, false);
	}
}
END_TEST

START_TEST(timeout_inside_a_packet_loses_nothing)
{
	static struct framed f;
	size_t i, j;
	int fd;

	for (i = 0; i < SH_ARRAY_LEN(samples); i++) {
		fd = open_with(&f, samples[i].framing, true, 1);
		for (j = 0; j < samples[i].len; j++) {
			rig_write(fd, samples[i].bytes + j, 1);
			RIG_UNTIL(&f.rig,
			    (shoal_co_resume(f.co, 0),
				f.rig.counters.bytes_received == j + 1));
			f.result = 0;
			RIG_UNTIL(&f.rig,
			    (shoal_co_resume(f.co, 0),
				f.result == -SHOAL_ETIMEDOUT));
		}
		ck_assert_str_eq(f.log, samples[i].packets);
		shutdown(fd, SHUT_WR);
		f.timeout_ms = SHOAL_FOREVER;
		RIG_UNTIL(&f.rig,
		    (shoal_co_resume(f.co, 0), f.rig.counters.closed == 1));
		ck_assert_int_eq(f.result, 0);
		close_framed(&f, fd);
	}
}
END_TEST

/* --- callbacks that pause, wait and close --- */

START_TEST(pause_inside_a_batch_stops_at_once)
{
	static struct framed f;
	int fd = open_framed(&f, &by_function, false), i;

	f.pauses = true;
	/* the fourth one comes in two parts, and so does the end */
	rig_write(fd, "1a03bcd2e", 9);
	for (i = 1; i <= 3; i++) {
		RIG_UNTIL(&f.rig, f.packets == i);
		RIG_TURNS(&f.rig, 3);
		ck_assert_int_eq(f.packets, i);
		if (i == 3)
			rig_write(fd, "e1f", 3);
		shoal_conn_resume(f.conn);
	}
	RIG_UNTIL(&f.rig, f.packets == 4);
	shutdown(fd, SHUT_WR);
	RIG_TURNS(&f.rig, 3);
	ck_assert_int_eq(f.packets, 4);
	ck_assert_uint_eq(f.rig.counters.closed, 0);
	shoal_conn_resume(f.conn);
	RIG_UNTIL(&f.rig, f.packets == 5);
	/* noticed when reading goes on */
	shoal_conn_resume(f.conn);
	RIG_UNTIL(&f.rig, f.rig.closes == 1);
	ck_assert_str_eq(f.log, "[1a][0][3bcd][2ee][1f]");
	ck_assert_int_eq(f.rig.error, 0);
	close_framed(&f, fd);
}
END_TEST

static void
check_waits_inside_a_batch(bool pauses)
{
	static struct framed f;
	int fd = open_framed(&f, &by_function, false), i;

	f.waits = true;
	f.pauses = pauses;
	rig_write(fd, "1a03bcd2ee1", 11);
	RIG_UNTIL(&f.rig, f.packets == 1);
	for (i = 1; i <= 4; i++) {
		RIG_TURNS(&f.rig, 3);
		ck_assert_int_eq(f.packets, i);
		ck_assert_int_eq(f.inside, 1);
		if (i == 3)
			rig_write(fd, "f1", 2);
		ck_assert_int_eq(shoal_co_resume(f.co, 0), 0);
		RIG_TURNS(&f.rig, 3);
		if (pauses)
			shoal_conn_resume(f.conn);
		RIG_UNTIL(&f.rig, f.packets == i + 1);
	}
	shutdown(fd, SHUT_WR);
	RIG_TURNS(&f.rig, 3);
	ck_assert_int_eq(f.rig.closes, 0);
	shoal_co_resume(f.co, 0);
	if (pauses) {
		RIG_TURNS(&f.rig, 3);
		shoal_conn_resume(f.conn);
	}
	RIG_UNTIL(&f.rig, f.rig.closes == 1);
	ck_assert_str_eq(f.log, "[1a][0][3bcd][2ee][1f]");
	ck_assert_int_eq(f.rig.error, -SHOAL_ETRUNCATED);
	close_framed(&f, fd);
}

START_TEST(wait_inside_a_batch_keeps_the_rest)
{
	check_waits_inside_a_batch(false);
	check_waits_inside_a_batch(true);
}
END_TEST

static void
check_close_inside_a_batch(bool waits, bool abort)
{
	static struct framed f;
	int fd = open_framed(&f, &by_function, false);

	f.waits = waits;
	f.closes = !abort;
	rig_write(fd, "1a03bcd2ee1", 11);
	RIG_UNTIL(&f.rig, f.packets == 1);
	RIG_TURNS(&f.rig, 3);
	if (abort)
		shoal_conn_abort(f.conn);
	if (waits && !abort)
		shoal_co_resume(f.co, 0);
	RIG_UNTIL(&f.rig, f.rig.closes == 1);
	ck_assert_int_eq(f.packets, 1);
	ck_assert_int_eq(f.rig.cause, SHOAL_CLOSE_LOCAL);
	ck_assert_int_eq(f.rig.error, 0);
	close_framed(&f, fd);
}

START_TEST(close_inside_a_batch_drops_the_rest)
{
	check_close_inside_a_batch(false, false);
	check_close_inside_a_batch(true, false);
	check_close_inside_a_batch(true, true);
}
END_TEST

START_TEST(bad_packet_behind_a_wait_is_told_after_it)
{
	static struct framed f;
	int fd = open_framed(&f, &by_function, false);

	f.waits = true;
	rig_write(fd, "1a0!", 4);
	RIG_UNTIL(&f.rig, f.packets == 1);
	RIG_TURNS(&f.rig, 3);
	ck_assert_int_eq(f.rig.closes, 0);
	shoal_co_resume(f.co, 0);
	RIG_UNTIL(&f.rig, f.packets == 2);
	shoal_co_resume(f.co, 0);
	RIG_UNTIL(&f.rig, f.rig.closes == 1);
	ck_assert_int_eq(f.rig.error, -SHOAL_EPROTO);
	close_framed(&f, fd);
}
END_TEST

START_TEST(drain_hands_on_whole_packets)
{
	static struct framed f;
	int fd = open_framed(&f, &by_function, false);

	f.waits = true;
	rig_write(fd, "1a03b", 5);
	RIG_UNTIL(&f.rig, f.packets == 1);
	sh_service_drain(f.rig.service, 100, 1001);
	RIG_TURNS(&f.rig, 3);
	shoal_co_resume(f.co, 0);
	RIG_UNTIL(&f.rig, f.packets == 2);
	RIG_TURNS(&f.rig, 3);
	ck_assert_int_eq(f.rig.closes, 0);
	shoal_co_resume(f.co, 0);
	RIG_UNTIL(&f.rig, f.rig.closes == 1);
	ck_assert_int_eq(f.rig.cause, SHOAL_CLOSE_SHUTDOWN);
	close_framed(&f, fd);
}
END_TEST

/* Many packets in few reads: none is lost and none comes twice. */
static void
check_many(bool coroutine, bool waits)
{
	static struct framed f;
	static char stream[BATCH * 100];
	int fd = open_framed(&f, &by_length, coroutine), i;
	size_t len = 0, total;

	for (i = 0; len + MAX < sizeof(stream); i++) {
		size_t packet = 2 + (size_t)(i * 7) % (MAX - 1);

		stream[len + 1] = (char)packet;
		len += packet;
	}
	f.waits = waits && coroutine;
	for (total = 0; total < len;) {
		ssize_t n = write(fd, stream + total, len - total);

		total += n > 0 ? (size_t)n : 0;
		RIG_TURNS(&f.rig, 1);
	}
	RIG_UNTIL(&f.rig, f.packets >= i);
	ck_assert_int_eq(f.packets, i);
	shutdown(fd, SHUT_WR);
	RIG_UNTIL(&f.rig, f.rig.counters.closed == 1);
	ck_assert_int_eq(coroutine ? f.result : f.rig.error, 0);
	close_framed(&f, fd);
}

START_TEST(many_packets_in_few_reads)
{
	check_many(false, false);
	check_many(true, false);
	check_many(true, true);
}
END_TEST

SH_SUITE("session/framed", packets_are_cut_at_every_split, ends_are_told_apart,
    timeout_inside_a_packet_loses_nothing, pause_inside_a_batch_stops_at_once,
    wait_inside_a_batch_keeps_the_rest, close_inside_a_batch_drops_the_rest,
    bad_packet_behind_a_wait_is_told_after_it, drain_hands_on_whole_packets,
    many_packets_in_few_reads)
