/*
 * This file tests how messages for many go to a TCP connection, and who is told
 * of its end.
 */
#include "config.h"

#include <string.h>
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

SH_SUITE("session/deliver_tcp", bytes_are_sent_as_they_are, full_closes,
    a_batch_comes_alone_when_it_does_not_fit,
    who_follows_is_told_of_the_end_once)
