/* This file tests io/loop.c, io/watch.c and <shoal/counter.h>. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <shoal/counter.h>

#include "base/clock.h"
#include "base/counters.h"
#include "io/loop.h"
#include "support/suite.h"

static struct sh_loop *loop;

struct seen {
	int calls;
	struct sh_watch *watch;
};

static void
read_and_stop(int fd, void *arg)
{
	struct seen *seen = arg;
	char byte;

	seen->calls++;
	if (read(fd, &byte, 1) == 1 && byte == '.') {
		sh_loop_unwatch(&seen->watch);
		sh_loop_stop(loop);
	}
}

START_TEST(watch_is_level_triggered)
{
	static const struct sh_loop_options options;
	struct seen seen = { 0 };
	int fds[2];

	ck_assert_ptr_null(sh_loop_current());
	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
	ck_assert_ptr_eq(sh_loop_current(), loop);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], "abc.", 4), 4);
	ck_assert_int_eq(
	    sh_loop_watch(loop, fds[0], read_and_stop, &seen, &seen.watch), 0);
	ck_assert_int_eq(sh_loop_run(loop), 0);
	ck_assert_int_eq(seen.calls, 4);
	ck_assert_ptr_null(seen.watch);
	sh_loop_unwatch(&seen.watch);
	sh_loop_free(&loop);
	ck_assert_ptr_null(sh_loop_current());
}
END_TEST

START_TEST(heartbeat_moves_while_idle)
{
	_Atomic uint64_t heartbeat = 0;
	const struct sh_loop_options options = { .heartbeat = &heartbeat };
	int64_t start_ms = sh_clock_ms();

	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
	ck_assert_int_eq(sh_loop_turn(loop), 0);
	ck_assert_int_eq(sh_loop_turn(loop), 0);
	ck_assert_uint_eq(heartbeat, 2);
	ck_assert_int_ge(sh_clock_ms() - start_ms, 1500);
	ck_assert_int_le(sh_clock_ms() - start_ms, 10000);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(time_is_near_the_clock)
{
	static const struct sh_loop_options options;
	int64_t difference_ms;

	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
	difference_ms = sh_clock_ms() - sh_loop_now_ms(loop);
	ck_assert_int_ge(difference_ms, 0);
	ck_assert_int_le(difference_ms, 1000);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(counters_are_found_by_name)
{
	static struct shoal_counter block[SH_USER_COUNTERS];
	const struct sh_loop_options options = { .user_counters = block };
	struct shoal_counter *logins, *users;
	char name[32];
	int i;

	ck_assert_ptr_null(shoal_counter_get("logins"));
	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
	logins = shoal_counter_get("logins");
	users = shoal_gauge_get("users");
	ck_assert_ptr_eq(shoal_counter_get("logins"), logins);
	ck_assert_ptr_null(shoal_gauge_get("logins"));
	shoal_counter_add(logins, 3);
	shoal_counter_add(logins, -1);
	shoal_gauge_set(logins, 9);
	ck_assert_int_eq(shoal_counter_value(logins), 3);
	shoal_gauge_set(users, 5);
	shoal_counter_add(users, -7);
	ck_assert_int_eq(shoal_counter_value(users), -2);
	ck_assert_int_eq(block[0].used, SH_COUNTER_COUNTER);
	for (i = 2; i < SHOAL_COUNTERS_MAX; i++) {
		snprintf(name, sizeof(name), "c_%d", i);
		ck_assert_ptr_nonnull(shoal_counter_get(name));
	}
	ck_assert_ptr_null(shoal_counter_get("one_too_many"));
	ck_assert_ptr_eq(shoal_gauge_get("users"), users);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(bad_counter_names_are_refused)
{
	static struct shoal_counter block[SH_USER_COUNTERS];
	const struct sh_loop_options options = { .user_counters = block };
	static const char *const names[] = { "", "A", "1a", "_a", "a-b", "a b",
		"a23456789012345678901234567890123456789012345678" };
	size_t i;

	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_ptr_null(shoal_counter_get(names[i]));
	ck_assert_ptr_nonnull(shoal_counter_get(
	    "a2345678901234567890123456789012345678901234567"));
	shoal_counter_add(NULL, 1);
	shoal_gauge_set(NULL, 1);
	ck_assert_int_eq(shoal_counter_value(NULL), 0);
	sh_loop_free(&loop);
}
END_TEST

/* --- work for several turns ------------------------------------------------- */

struct work {
	struct sh_loop_task task;
	int left, done;
	struct work *other; /* is begun by the first part */
};

static bool
do_part(void *arg)
{
	struct work *work = arg;

	work->done++;
	if (work->other != NULL)
		sh_loop_task_begin(loop, &work->other->task);
	return --work->left > 0;
}

START_TEST(tasks_have_one_part_a_turn)
{
	static const struct sh_loop_options options;
	struct work second = { .task.fn = do_part, .left = 1 };
	struct work first = { .task.fn = do_part, .left = 3, .other = &second };
	struct work never = { .task.fn = do_part, .left = 1 };
	int i;

	first.task.arg = &first;
	second.task.arg = &second;
	never.task.arg = &never;
	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
	ck_assert(sh_loop_is_quiet(loop));
	sh_loop_task_begin(loop, &first.task);
	sh_loop_task_begin(loop, &first.task);
	sh_loop_task_begin(loop, &never.task);
	sh_loop_task_end(loop, &never.task);
	sh_loop_task_end(loop, &never.task);
	ck_assert(!sh_loop_is_quiet(loop));
	for (i = 1; i <= 3; i++) {
		ck_assert_int_eq(sh_loop_turn(loop), 0);
		ck_assert_int_eq(first.done, i);
		/* one that is begun by another has the next turn */
		ck_assert_int_eq(second.done, i - 1);
		second.left = 1;
	}
	ck_assert(!sh_loop_is_quiet(loop));
	ck_assert_int_eq(sh_loop_turn(loop), 0);
	ck_assert_int_eq(second.done, 3);
	ck_assert_int_eq(first.done, 3);
	ck_assert_int_eq(never.done, 0);
	ck_assert(sh_loop_is_quiet(loop));
	sh_loop_free(&loop);
}
END_TEST

SH_SUITE("io/loop", tasks_have_one_part_a_turn, watch_is_level_triggered,
    heartbeat_moves_while_idle, time_is_near_the_clock,
    counters_are_found_by_name, bad_counter_names_are_refused)
