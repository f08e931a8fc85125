/* This file tests io/wheel.c. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/timer.h"
#include "io/wheel.h"
#include "support/suite.h"

enum { MANY = 3000, PATIENCE_MS = 15000, REVOLUTION_MS = 51200 };

static struct sh_loop *loop;

#define UNTIL(cond)                                              \
	do {                                                     \
		int64_t end_ms = sh_clock_ms() + PATIENCE_MS;    \
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

/* An object with a deadline; timer comes first. */
struct thing {
	struct sh_wheel_timer timer;
	struct thing *other;
	int64_t due_ms, again_ms;
	int calls;
	bool early, was_set;
};

static void
note(struct sh_wheel_timer *timer)
{
	struct thing *thing = (struct thing *)(void *)timer;

	thing->calls++;
	thing->early = thing->early || sh_loop_now_ms(loop) < thing->due_ms;
	thing->was_set = thing->was_set || sh_wheel_is_set(timer);
}

static void
set_thing(struct thing *thing, int64_t after_ms)
{
	thing->due_ms = sh_loop_now_ms(loop) + after_ms;
	sh_wheel_set(loop, &thing->timer, thing->due_ms);
}

static void
init_thing(struct thing *thing, sh_wheel_fn *fn)
{
	memset(thing, 0, sizeof(*thing));
	sh_wheel_timer_init(&thing->timer, fn);
}

START_TEST(comes_up_once_and_not_early)
{
	static const int64_t after_ms[] = { 0, 1, 99, 100, 101, 250, 700 };
	struct thing things[SH_ARRAY_LEN(after_ms)];
	size_t i;

	open_loop();
	for (i = 0; i < SH_ARRAY_LEN(things); i++) {
		init_thing(&things[i], note);
		ck_assert(!sh_wheel_is_set(&things[i].timer));
		set_thing(&things[i], after_ms[i]);
		ck_assert(sh_wheel_is_set(&things[i].timer));
	}
	for (i = 0; i < SH_ARRAY_LEN(things); i++)
		UNTIL(things[i].calls == 1);
	for (i = 0; i < SH_ARRAY_LEN(things); i++) {
		ck_assert_int_eq(things[i].calls, 1);
		ck_assert(!things[i].early);
		ck_assert(!things[i].was_set);
		ck_assert(!sh_wheel_is_set(&things[i].timer));
	}
	sh_loop_free(&loop);
}
END_TEST

START_TEST(put_off_and_brought_forward)
{
	struct thing later, sooner;

	open_loop();
	init_thing(&later, note);
	init_thing(&sooner, note);
	set_thing(&later, 100);
	set_thing(&later, 400);
	set_thing(&sooner, 3 * REVOLUTION_MS);
	set_thing(&sooner, 200);
	UNTIL(sooner.calls == 1);
	ck_assert(!sooner.early);
	UNTIL(later.calls == 1);
	ck_assert(!later.early);
	sh_loop_free(&loop);
}
END_TEST

START_TEST(cleared_does_not_come)
{
	struct thing cleared, other;

	open_loop();
	init_thing(&cleared, note);
	init_thing(&other, note);
	sh_wheel_clear(loop, &cleared.timer);
	set_thing(&cleared, 50);
	set_thing(&other, 300);
	sh_wheel_clear(loop, &cleared.timer);
	sh_wheel_clear(loop, &cleared.timer);
	ck_assert(!sh_wheel_is_set(&cleared.timer));
	UNTIL(other.calls == 1);
	ck_assert_int_eq(cleared.calls, 0);
	/* and again, when the wheel has been empty */
	set_thing(&cleared, 50);
	UNTIL(cleared.calls == 1);
	sh_loop_free(&loop);
}
END_TEST

static void
clear_other(struct sh_wheel_timer *timer)
{
	struct thing *thing = (struct thing *)(void *)timer;

	note(timer);
	sh_wheel_clear(loop, &thing->other->timer);
}

static void
set_again(struct sh_wheel_timer *timer)
{
	struct thing *thing = (struct thing *)(void *)timer;

	note(timer);
	if (thing->calls < 3)
		set_thing(thing, thing->again_ms);
}

static void
free_itself(struct sh_wheel_timer *timer)
{
	struct thing *thing = (struct thing *)(void *)timer;

	thing->other->calls++;
	free(thing);
}

START_TEST(functions_set_clear_and_free)
{
	struct thing *freed = sh_xcalloc(1, sizeof(*freed));
	struct thing a, b, now, soon, seen;

	open_loop();
	init_thing(&a, clear_other);
	init_thing(&b, clear_other);
	init_thing(&now, set_again);
	init_thing(&soon, set_again);
	init_thing(&seen, note);
	init_thing(freed, free_itself);
	a.other = &b;
	b.other = &a;
	freed->other = &seen;
	soon.again_ms = 100;
	set_thing(&a, 100);
	/* in the same bucket */
	b.due_ms = a.due_ms;
	sh_wheel_set(loop, &b.timer, b.due_ms);
	set_thing(&now, 100);
	set_thing(&soon, 100);
	set_thing(freed, 100);
	UNTIL(soon.calls == 3 && now.calls == 3 && seen.calls == 1);
	ck_assert_int_eq(a.calls + b.calls, 1);
	ck_assert(!now.early && !soon.early);
	sh_loop_free(&loop);
}
END_TEST

/* All over the wheel, and each put off often. */
START_TEST(many)
{
	struct thing *things = sh_xcalloc(MANY, sizeof(*things));
	int i, done = 0;

	open_loop();
	for (i = 0; i < MANY; i++) {
		init_thing(&things[i], note);
		set_thing(&things[i], i * INT64_C(7919) % 300000 + 1);
	}
	for (i = 0; i < MANY; i += 2)
		set_thing(&things[i], i % 600);
	for (i = 1; i < MANY; i += 4)
		sh_wheel_clear(loop, &things[i].timer);
	for (i = 0; i < MANY; i += 2)
		UNTIL(things[i].calls == 1);
	for (i = 0; i < MANY; i++) {
		ck_assert(!things[i].early);
		ck_assert_int_le(things[i].calls, 1);
		done += i % 4 == 1 && things[i].calls != 0;
	}
	ck_assert_int_eq(done, 0);
	sh_loop_free(&loop);
	free(things);
}
END_TEST

/* Who has one finds it unset when the loop has gone, and the loop does not
 * count it. */
START_TEST(loop_goes_first)
{
	struct thing near, far;

	open_loop();
	init_thing(&near, note);
	init_thing(&far, note);
	set_thing(&near, 1000);
	set_thing(&far, 10 * REVOLUTION_MS);
	ck_assert(sh_loop_is_empty(loop));
	sh_loop_free(&loop);
	ck_assert(!sh_wheel_is_set(&near.timer));
	ck_assert(!sh_wheel_is_set(&far.timer));
	sh_wheel_clear(loop, &near.timer);
	ck_assert_int_eq(near.calls + far.calls, 0);
}
END_TEST

SH_SUITE("io/wheel", comes_up_once_and_not_early, put_off_and_brought_forward,
    cleared_does_not_come, functions_set_clear_and_free, many, loop_goes_first)
