/* This file tests master/master_listener.c with a whole pool, whose workers are
 * fakes. */
#include "config.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "master/master_listener.h"
#include "pool_rig.h"

static bool
are_listeners_settled(void)
{
	return sh_pool_listeners_settled(&pool);
}

static const struct sh_generation *
current(void)
{
	return sh_pool_generation(&pool, pool.state.current);
}

static void
stop_listener(const char *name, bool close, int64_t deadline_ms)
{
	struct sh_halt halt = { .close = close, .deadline_ms = deadline_ms };

	ck_assert_int_eq(sh_pool_stop_listener(&pool, current(), name, &halt,
			     sh_clock_ms(), pool_why, sizeof(pool_why)),
	    0);
}

static void
start_listener(const char *name)
{
	ck_assert_msg(sh_pool_start_listener(&pool, current(), name, pool_why,
			  sizeof(pool_why)) == 0,
	    "%s", pool_why);
}

START_TEST(stopped_listener_outlives_its_workers)
{
	struct sh_addr addr;
	int fd;

	open_pool(1, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	addr = bound(0)->addr;
	ck_assert(sh_pool_listeners_settled(&pool));
	stop_listener("l0", false, -1);
	ck_assert_str_eq(pool_why, "listener 'l0' stopped: who connects waits");
	ck_assert(!sh_pool_listeners_settled(&pool));
	ck_assert(drive_until(are_listeners_settled));
	fd = connect_to(&addr);
	ck_assert_int_ge(fd, 0);
	kill_worker(0);
	ck_assert(drive_until(is_settled));
	/* a reload, too */
	offer("");
	expect(SH_OUTCOME_SERVING);
	ck_assert_int_eq(bound(0)->state, SH_BOUND_STOPPED);
	start_listener("l0");
	ck_assert(drive_until(are_listeners_settled));
	ck_assert_str_eq(read_line(fd), "slot 0 generation 2 incarnation 3\n");
	close_pool();
}
END_TEST

START_TEST(closed_listener_comes_back_in_every_slot)
{
	struct sh_addr addr;
	int i, fd;

	open_pool(3, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	addr = bound(0)->addr;
	for (i = 0; i < 10; i++) {
		stop_listener("l0", true, -1);
		/* before they have obeyed, or after */
		if (i % 2 == 0) {
			ck_assert(drive_until(are_listeners_settled));
			ck_assert_int_eq(connect_to(&addr), -ECONNREFUSED);
		}
		start_listener("l0");
		ck_assert(drive_until(are_listeners_settled));
		fd = connect_to(&addr);
		ck_assert_int_ge(fd, 0);
		ck_assert_str_ne(read_line(fd), "");
	}
	/* replacements get none, and then theirs */
	stop_listener("l0", true, -1);
	ck_assert(drive_until(are_listeners_settled));
	kill_worker(1);
	ck_assert(drive_until(is_settled));
	ck_assert_uint_eq(report->listeners, 0);
	start_listener("l0");
	ck_assert(drive_until(are_listeners_settled));
	for (i = 0; i < 20; i++)
		ck_assert_str_ne(read_line(connect_to(&addr)), "");
	close_pool();
}
END_TEST

START_TEST(stubborn_worker_is_waited_for_until_it_is_gone)
{
	open_pool(2, 2);
	offer("stubborn");
	expect(SH_OUTCOME_SERVING);
	stop_listener("l0", false, 0);
	sh_pool_turn(&pool, sh_clock_ms());
	ck_assert(!sh_pool_listeners_settled(&pool));
	kill_worker(0);
	kill_worker(1);
	ck_assert(drive_until(are_listeners_settled));
	close_pool();
}
END_TEST

/* What a worker says, as it comes from its channel. */
static void
ask(enum sh_message_type type, int64_t value, const char *name)
{
	struct sh_message message = { .type = type, .value = value };

	snprintf(message.text, sizeof(message.text), "%s", name);
	message.text_len = (uint32_t)strlen(message.text);
	sh_pool_listener_asked(&pool, must_find(0, SH_PROCESS_READY), &message);
}

START_TEST(only_what_makes_sense_is_done_for_workers)
{
	open_pool(1, 2);
	offer("");
	expect(SH_OUTCOME_SERVING);
	ask(SH_MESSAGE_ASK_STOP, sh_message_ask(false, -1), "l1");
	ask(SH_MESSAGE_ASK_STOP, sh_message_ask(false, -1), "");
	ask(SH_MESSAGE_ASK_STOP, sh_message_ask(false, -2), "l0");
	ask(SH_MESSAGE_ASK_STOP, -1, "l0");
	ask(SH_MESSAGE_ASK_STOP, 1LL << 40, "l0");
	ck_assert_int_eq(bound(0)->state, SH_BOUND_LISTENING);
	ask(SH_MESSAGE_ASK_STOP, sh_message_ask(false, 1000), "l0");
	ck_assert_int_eq(bound(0)->state, SH_BOUND_STOPPED);
	ck_assert_int_gt(bound(0)->end_at_ms, 0);
	ask(SH_MESSAGE_ASK_STOP, sh_message_ask(true, -1), "l0");
	ck_assert_int_eq(bound(0)->state, SH_BOUND_CLOSED);
	ck_assert_int_eq(bound(0)->end_at_ms, 0);
	ask(SH_MESSAGE_ASK_START, 77, "l1");
	ck_assert_int_eq(bound(0)->state, SH_BOUND_CLOSED);
	ask(SH_MESSAGE_ASK_START, 77, "l0");
	ck_assert_int_eq(bound(0)->state, SH_BOUND_LISTENING);
	ck_assert(drive_until(are_listeners_settled));
	/* more answers than orders */
	ck_assert_uint_eq(must_find(0, SH_PROCESS_READY)->orders, 0);
	close_pool();
}
END_TEST

START_TEST(unknown_listener_is_answered_with_the_names)
{
	struct sh_halt halt = { .deadline_ms = -1 };

	open_pool(1, 2);
	ck_assert_int_eq(
	    offer_at("", PATIENCE_MS, "127.0.0.1:0", "[::1]:0"), 0);
	expect(SH_OUTCOME_SERVING);
	ck_assert_int_eq(sh_pool_stop_listener(&pool, current(), "x", &halt,
			     sh_clock_ms(), pool_why, sizeof(pool_why)),
	    -SHOAL_ENOENT);
	ck_assert_str_eq(pool_why, "no listener 'x'; there are 'l0', 'l1'");
	ck_assert_int_eq(sh_pool_start_listener(
			     &pool, current(), "x", pool_why, sizeof(pool_why)),
	    -SHOAL_ENOENT);
	/* the names do not fit */
	ck_assert_int_eq(
	    sh_pool_start_listener(&pool, current(), "x", pool_why, 12),
	    -SHOAL_ENOENT);
	ck_assert_str_eq(pool_why, "no listener");
	close_pool();
}
END_TEST

SH_SUITE("process/listeners", stopped_listener_outlives_its_workers,
    closed_listener_comes_back_in_every_slot,
    stubborn_worker_is_waited_for_until_it_is_gone,
    only_what_makes_sense_is_done_for_workers,
    unknown_listener_is_answered_with_the_names)
