/*
 * This file tests how messages for many go to a TCP connection, and who is told
 * of its end.
 */
#include "config.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/error.h>

#include "io/shared.h"
#include "rig.h"
#include "session/deliver.h"
#include "session/tcp.h"

enum { BLOCK = 100000, HIGH = 200000, LOW = 1000 };

static struct sh_shared *block;
static int ends, drains;

static void
set_up(void)
{
	block = sh_shared_new(BLOCK);
	memset(block->data, 'b', BLOCK);
	block->len = BLOCK;
	ends = drains = 0;
}

static int
deliver(struct sh_conn *conn, size_t len)
{
	const struct sh_piece delivery = {
		.shared = block, .len = len, .messages = 1, .key = 1
	};

	return sh_deliver(conn, &delivery);
}

static void
on_ended(struct sh_conn *conn, void *arg)
{
	ck_assert_ptr_nonnull(arg);
	ends++;
}

static void
on_drained(struct sh_conn *conn, void *arg)
{
	ck_assert_ptr_nonnull(arg);
	drains++;
}

static const struct sh_deliver_hooks hooks = {
	.ended = on_ended,
	.drained = on_drained,
	.arg = &ends,
};

START_TEST(bytes_are_sent_as_they_are)
{
	struct rig rig = { 0 };
	struct sh_deliver_form form;
	struct sh_conn *conn;
	char text[10];
	int fd;

	set_up();
	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	conn = sh_conn_of_public(rig.conn);
	ck_assert(sh_deliver_form(conn, &form));
	ck_assert(!form.is_ws && form.compression == 0);
	ck_assert_uint_eq(
	    sh_deliver_frame(conn, &form, 1, "hello", 5, text), 5);
	ck_assert_int_eq(deliver(conn, 3), SH_DELIVERED);
	RIG_UNTIL(&rig, read(fd, text, sizeof(text)) == 3);
	ck_assert_int_eq(memcmp(text, "bbb", 3), 0);
	shoal_conn_close(rig.conn);
	ck_assert_int_eq(deliver(conn, 3), SH_DELIVERED_NEITHER);
	ck_assert(!sh_deliver_form(conn, &form));
	close(fd);
	RIG_UNTIL(&rig, rig.closes == 1);
	rig_close(&rig);
	sh_shared_drop(&block);
}
END_TEST

/* All that was queued comes, then the end. */
START_TEST(full_closes)
{
	struct rig rig = { .options = {
			       .queue_high = HIGH, .queue_low = LOW } };
	struct sh_conn *conn;
	size_t sent = 0, got = 0;
	int fd, error, r;

	set_up();
	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	conn = sh_conn_of_public(rig.conn);
	while ((r = deliver(conn, BLOCK)) == SH_DELIVERED)
		sent += BLOCK;
	ck_assert_int_eq(r, SH_DELIVERED_NEITHER);
	ck_assert_uint_eq(rig.counters.slow_closed, 1);
	/* the queue refers to it: nothing was copied */
	ck_assert_uint_gt(block->users, 1);
	RIG_UNTIL(&rig, rig_read(fd, &got, &error));
	ck_assert_int_eq(error, 0);
	ck_assert_uint_eq(got, sent);
	RIG_UNTIL(&rig, rig.closes == 1);
	ck_assert_uint_eq(block->users, 1);
	close(fd);
	rig_close(&rig);
	sh_shared_drop(&block);
}
END_TEST

/* Several messages of TCP cannot be told apart. */
START_TEST(a_batch_comes_alone_when_it_does_not_fit)
{
	struct rig rig = { .options = {
			       .queue_high = HIGH, .queue_low = LOW } };
	struct sh_piece delivery = { .messages = 2, .key = 1 };
	struct sh_conn *conn;
	int fd;

	set_up();
	delivery.shared = block;
	delivery.len = BLOCK;
	rig_open(&rig);
	fd = rig_connect_accepted(&rig);
	conn = sh_conn_of_public(rig.conn);
	while (sh_conn_queued(conn) + BLOCK <= HIGH)
		ck_assert_int_eq(sh_deliver(conn, &delivery), SH_DELIVERED);
	ck_assert_int_eq(sh_deliver(conn, &delivery), -SHOAL_EAGAIN);
	ck_assert_int_eq(deliver(conn, BLOCK), SH_DELIVERED);
	close(fd);
	RIG_UNTIL(&rig, rig.closes == 1);
	rig_close(&rig);
	sh_shared_drop(&block);
}
END_TEST

START_TEST(who_follows_is_told_of_the_end_once)
{
	struct rig rig = { 0 };
	int fd, other;

	set_up();
	rig_open(&rig);
	sh_deliver_set_hooks(&hooks);
	fd = rig_connect_accepted(&rig);
	sh_deliver_follow(sh_conn_of_public(rig.conn), true);
	other = rig_connect_accepted(&rig);
	sh_deliver_follow(sh_conn_of_public(rig.conn), true);
	sh_deliver_follow(sh_conn_of_public(rig.conn), false);
	close(fd);
	close(other);
	RIG_UNTIL(&rig, rig.closes == 2);
	ck_assert_int_eq(ends, 1);
	fd = rig_connect_accepted(&rig);
	sh_deliver_follow(sh_conn_of_public(rig.conn), true);
	sh_service_abort(rig.service);
	ck_assert_int_eq(ends, 2);
	ck_assert_int_eq(drains, 0);
	sh_deliver_set_hooks(NULL);
	close(fd);
	rig_close(&rig);
	sh_shared_drop(&block);
}
END_TEST

/* --- messages that the kernel takes in part -------------------------------------- */

/* More than it takes at once. */
enum { BIG = 16 << 20 };

static char
byte_at(size_t i)
{
	return (char)(i % 251);
}

static void
set_up_big(void)
{
	size_t i;

	block = sh_shared_new(BIG);
	for (i = 0; i < BIG; i++)
		block->data[i] = byte_at(i);
	block->len = BIG;
	ends = drains = 0;
}

static struct sh_conn *
open_with(struct rig *rig, enum shoal_when_full when_full, int *fd_out)
{
	struct sh_conn *conn;

	set_up_big();
	rig->options.queue_high = HIGH;
	rig->options.queue_low = LOW;
	rig->options.when_full = when_full;
	rig_open(rig);
	*fd_out = rig_connect_accepted(rig);
	conn = sh_conn_of_public(rig->conn);
	sh_deliver_set_hooks(&hooks);
	sh_deliver_follow(conn, true);
	return conn;
}

static void
close_with(struct rig *rig, int fd)
{
	if (fd >= 0)
		close(fd);
	RIG_UNTIL(rig, rig->closes == 1);
	ck_assert_int_eq(ends, 1);
	ck_assert_uint_eq(block->users, 1);
	ck_assert_uint_eq(rig->counters.queues_full, 0);
	sh_deliver_set_hooks(NULL);
	rig_close(rig);
	sh_shared_drop(&block);
}

/* Whether so many bytes have come in all, each of the block in its place, again
 * and again. */
static bool
read_blocks(int fd, size_t *at, size_t total)
{
	static char buf[65536];
	ssize_t n, i;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (i = 0; i < n; i++)
			if (buf[i] != byte_at((*at + (size_t)i) % BIG))
				ck_abort_msg("byte %zu", *at + (size_t)i);
		*at += (size_t)n;
	}
	ck_assert_uint_le(*at, total);
	return *at == total;
}

/* What has begun goes on, above the mark; what comes then is judged. */
START_TEST(what_has_begun_is_sent_whole)
{
	static const enum shoal_when_full policies[] = { SHOAL_FULL_DROP_NEW,
		SHOAL_FULL_DROP_OLD, SHOAL_FULL_CONFLATE };
	size_t i, got;
	int fd;

	for (i = 0; i < 3; i++) {
		struct rig rig = { 0 };
		struct sh_conn *conn = open_with(&rig, policies[i], &fd);

		ck_assert_int_eq(deliver(conn, BIG), SH_DELIVERED);
		ck_assert_uint_gt(sh_conn_queued(conn), HIGH);
		ck_assert_uint_lt(sh_conn_queued(conn), BIG);
		ck_assert_uint_eq(
		    rig.counters.queued_bytes, sh_conn_queued(conn));
		ck_assert_uint_eq(rig.counters.messages_dropped, 0);
		/* there is nothing that may be dropped but this one */
		ck_assert_int_eq(deliver(conn, BIG), SH_DELIVERED_LOSSY);
		ck_assert_uint_eq(rig.counters.messages_dropped, 1);
		got = 0;
		RIG_UNTIL(&rig, read_blocks(fd, &got, BIG));
		RIG_UNTIL(&rig, drains == 1);
		ck_assert_int_eq(deliver(conn, BIG), SH_DELIVERED);
		got = 0;
		RIG_UNTIL(&rig, read_blocks(fd, &got, BIG));
		ck_assert_uint_eq(rig.counters.messages_dropped, 1);
		close_with(&rig, fd);
	}
}
END_TEST

/* The first message that is above the mark pauses its publishers. */
START_TEST(the_rest_of_one_pauses)
{
	struct rig rig = { 0 };
	size_t got = 0;
	int fd;
	struct sh_conn *conn = open_with(&rig, SHOAL_FULL_PAUSE, &fd);

	ck_assert_int_eq(deliver(conn, BIG), SH_DELIVERED_FULL);
	ck_assert(sh_deliver_is_paused(conn));
	ck_assert_uint_eq(rig.counters.queues_full, 1);
	ck_assert_int_eq(deliver(conn, BIG), SH_DELIVERED_FULL);
	RIG_UNTIL(&rig, read_blocks(fd, &got, 2 * (size_t)BIG));
	RIG_UNTIL(&rig, drains == 1);
	ck_assert(!sh_deliver_is_paused(conn));
	close_with(&rig, fd);
}
END_TEST

/* The queues of others are no reason to give nothing to who has none. */
START_TEST(a_short_worker_serves_those_that_read)
{
	struct rig rig = { .loop_options = { .queue_max = 1 << 20 } };
	size_t got = 0;
	int fd;
	struct sh_conn *conn = open_with(&rig, SHOAL_FULL_CLOSE, &fd);

	/* the block alone is more than all may take */
	ck_assert_int_eq(deliver(conn, BLOCK), SH_DELIVERED);
	RIG_UNTIL(&rig, read_blocks(fd, &got, BLOCK));
	ck_assert_uint_eq(rig.counters.slow_closed, 0);
	close_with(&rig, fd);
}
END_TEST

/* It asks for less at once, and no edge comes for what it has left. */
START_TEST(a_short_worker_reads_all)
{
	struct rig rig = { .loop_options = { .queue_max = 1 << 20 } };
	int fd;

	(void)open_with(&rig, SHOAL_FULL_CLOSE, &fd);
	rig_write(fd, block->data, 64 * 1024);
	RIG_UNTIL(&rig, rig.bytes == 64 * 1024);
	close_with(&rig, fd);
}
END_TEST

/* It is found out by the write; who follows is told later. */
START_TEST(one_that_was_reset_ends_later)
{
	struct rig rig = { 0 };
	int fd;
	struct sh_conn *conn = open_with(&rig, SHOAL_FULL_PAUSE, &fd);

	rig_reset(fd);
	ck_assert_int_eq(deliver(conn, BIG), SH_DELIVERED_NEITHER);
	ck_assert_int_eq(deliver(conn, BIG), SH_DELIVERED_NEITHER);
	ck_assert_int_eq(ends, 0);
	ck_assert_int_eq(rig.closes, 0);
	ck_assert_uint_eq(sh_conn_queued(conn), 0);
	close_with(&rig, -1);
	ck_assert_uint_eq(rig.counters.slow_closed, 0);
	ck_assert_int_eq(rig.cause, SHOAL_CLOSE_ERROR);
}
END_TEST

START_TEST(one_that_has_ended_its_side_gets_nothing)
{
	struct rig rig = { 0 };
	size_t got = 0;
	int fd, error = -1;
	struct sh_conn *conn = open_with(&rig, SHOAL_FULL_DROP_NEW, &fd);

	ck_assert_int_eq(shoal_conn_send(rig.conn, block->data, 10), 0);
	ck_assert_int_eq(shoal_conn_shutdown(rig.conn), 0);
	ck_assert_int_eq(deliver(conn, 3), SH_DELIVERED_NEITHER);
	RIG_UNTIL(&rig, rig_read(fd, &got, &error));
	ck_assert_uint_eq(got, 10);
	ck_assert_int_eq(error, 0);
	close_with(&rig, fd);
}
END_TEST

SH_SUITE("session/deliver_tcp", bytes_are_sent_as_they_are, full_closes,
    a_batch_comes_alone_when_it_does_not_fit,
    who_follows_is_told_of_the_end_once, what_has_begun_is_sent_whole,
    the_rest_of_one_pauses, a_short_worker_serves_those_that_read,
    a_short_worker_reads_all, one_that_was_reset_ends_later,
    one_that_has_ended_its_side_gets_nothing)
