/* This file tests io/timer.c, through <shoal/timer.h>. */
#include "config.h"

#include <shoal/timer.h>

#include "base/clock.h"
#include "co/co.h"
#include "io/loop.h"
#include "support/suite.h"

static struct sh_loop *loop;
static const int64_t DEADLINE_MS = 10000;

#define UNTIL(cond)                                              \
	do {                                                     \
		int64_t end_ms = sh_clock_ms() + DEADLINE_MS;    \
                                                                 \
		while (!(cond) && sh_clock_ms() < end_ms)        \
			ck_assert_int_eq(sh_loop_turn(loop), 0); \
		ck_assert_msg((cond), "in time: " #cond);        \
	} while (0)

static void
open_loop(void)
{
	static const struct sh_loop_options options;

	ck_assert_int_eq(sh_loop_new(&options, &loop), 0);
}

struct seen {
	int calls;
	int64_t at_us, timer;
	int cancel_result;
	bool in_coroutine;
};

static void
note(void *arg)
{
	struct seen *seen = arg;

	seen->calls++;
	seen->at_us = sh_clock_us();
	seen->in_coroutine = sh_co_running_name() != NULL;
}

static void
note_and_cancel(void *arg)
{
	struct seen *seen = arg;

	note(seen);
	seen->cancel_result = shoal_timer_cancel(seen->timer);
}

START_TEST(one_shot_runs_once_and_not_early)
{
	struct seen seen = { 0 }, other = { 0 };
	int64_t start_us;
	int i;

	open_loop();
	for (i = 1; i < 12; i++) {
		seen.calls = 0;
		start_us = sh_clock_us();
		ck_assert_int_gt(shoal_timer_after(i, note, &seen), 0);
		UNTIL(seen.calls == 1);
		ck_assert_int_ge(seen.at_us - start_us, i * 1000);
		ck_assert(seen.in_coroutine);
	}
	shoal_timer_after(0, note, &other);
	UNTIL(other.calls == 1);
	ck_assert_int_eq(seen.calls, 1);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(periodic_keeps_its_rhythm)
{
	struct seen seen = { 0 };
	int64_t start_us;

	open_loop();
	start_us = sh_clock_us();
	seen.timer = shoal_timer_every(10, note, &seen);
	UNTIL(seen.calls >= 10);
	ck_assert_int_ge(seen.at_us - start_us, seen.calls * 10000);
	ck_assert_int_eq(shoal_timer_cancel(seen.timer), 0);
	ck_assert_int_eq(shoal_timer_cancel(seen.timer), -SHOAL_ENOENT);
	sh_loop_free(&loop);
}
END_TEST

static void
be_slow(void *arg)
{
	struct seen *seen = arg;
	int64_t end_us = sh_clock_us() + (seen->calls == 0 ? 55000 : 0);

	while (sh_clock_us() < end_us)
		continue;
	note(seen);
}

START_TEST(missed_calls_are_left_out)
{
	struct seen seen = { 0 };
	int64_t first_us;

	open_loop();
	seen.timer = shoal_timer_every(10, be_slow, &seen);
	UNTIL(seen.calls == 1);
	first_us = seen.at_us;
	UNTIL(seen.calls == 4);
	/* the five that were missed did not come at once */
	ck_assert_int_ge(seen.at_us - first_us, 20000);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(cancel_inside_its_function)
{
	struct seen periodic = { .cancel_result = 1 };
	struct seen once = { .cancel_result = 1 };

	open_loop();
	periodic.timer = shoal_timer_every(1, note_and_cancel, &periodic);
	once.timer = shoal_timer_after(20, note_and_cancel, &once);
	UNTIL(once.calls == 1);
	ck_assert_int_eq(periodic.calls, 1);
	ck_assert_int_eq(periodic.cancel_result, 0);
	ck_assert_int_eq(once.cancel_result, -SHOAL_ENOENT);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(numbers_are_not_used_again)
{
	struct seen seen = { 0 };
	int64_t a, b;

	open_loop();
	a = shoal_timer_after(0, note, &seen);
	UNTIL(seen.calls == 1);
	b = shoal_timer_after(1000, note, &seen);
	ck_assert_int_gt(b, a);
	ck_assert_int_eq(shoal_timer_cancel(a), -SHOAL_ENOENT);
	ck_assert_int_eq(shoal_timer_cancel(0), -SHOAL_ENOENT);
	ck_assert_int_eq(shoal_timer_cancel(-5), -SHOAL_ENOENT);
	/* and the loop frees those that are still pending */
	sh_loop_free(&loop);
}
END_TEST

START_TEST(bad_calls_are_refused)
{
	ck_assert_int_eq(shoal_timer_after(0, note, NULL), -SHOAL_EPERM);
	ck_assert_int_eq(shoal_timer_every(1, note, NULL), -SHOAL_EPERM);
	ck_assert_int_eq(shoal_timer_cancel(1), -SHOAL_EPERM);
	open_loop();
	ck_assert_int_eq(shoal_timer_after(-1, note, NULL), -SHOAL_EINVAL);
	ck_assert_int_eq(shoal_timer_after(1, NULL, NULL), -SHOAL_EINVAL);
	ck_assert_int_eq(shoal_timer_every(0, note, NULL), -SHOAL_EINVAL);
	sh_loop_free(&loop);
}
END_TEST

SH_SUITE("io/timer", one_shot_runs_once_and_not_early,
    periodic_keeps_its_rhythm, missed_calls_are_left_out,
    cancel_inside_its_function, numbers_are_not_used_again,
    bad_calls_are_refused)
