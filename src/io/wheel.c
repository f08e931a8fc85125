/*
 * This file is deadlines by the ten thousand. They hang in buckets, one a tick
 * and all over again after a revolution. One that is put off stays where it is,
 * and moves on when its bucket comes up.
 */
#include "config.h"

#include "io/wheel.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/panic.h"
#include "io/loop_private.h"

/* 51 s a revolution; later ones are looked at once in between */
enum { BUCKETS = 512 };

LIST_HEAD(bucket, sh_wheel_timer);

struct sh_wheel {
	struct sh_loop *loop;
	struct event event; /* for the next bucket that is not empty */
	int64_t armed;      /* that bucket's tick; INT64_MAX: none */
	int64_t swept;      /* tick of the last one that was looked at */
	size_t count;       /* timers that are set */
	struct bucket buckets[BUCKETS];
};

static struct bucket *
bucket_of(struct sh_wheel *wheel, int64_t tick)
{
	return &wheel->buckets[tick % BUCKETS];
}

static void
arm(struct sh_wheel *wheel, int64_t tick)
{
	int64_t wait_ms = tick * SH_WHEEL_TICK_MS - sh_loop_now_ms(wheel->loop);
	struct timeval wait;

	/* the coarse clock may be behind libevent's */
	wait_ms = wait_ms < 1 ? 1 : wait_ms;
	wait.tv_sec = wait_ms / 1000;
	wait.tv_usec = wait_ms % 1000 * 1000;
	if (event_add(&wheel->event, &wait) < 0)
		sh_panic(__FILE__, __LINE__, __func__, "out of memory");
	wheel->armed = tick;
}

/* Hang it where it is looked at when it is due, or a revolution from now. */
static void
insert(struct sh_wheel *wheel, struct sh_wheel_timer *timer)
{
	int64_t tick =
	    (timer->due_ms + SH_WHEEL_TICK_MS - 1) / SH_WHEEL_TICK_MS;

	if (tick <= wheel->swept)
		tick = wheel->swept + 1;
	if (tick > wheel->swept + BUCKETS)
		tick = wheel->swept + BUCKETS;
	LIST_INSERT_HEAD(bucket_of(wheel, tick), timer, link);
	if (tick < wheel->armed)
		arm(wheel, tick);
}

static void
arm_next(struct sh_wheel *wheel)
{
	int64_t tick = wheel->swept + 1;

	wheel->armed = INT64_MAX;
	if (wheel->count == 0)
		return;
	/* all that are set are within a revolution */
	while (LIST_EMPTY(bucket_of(wheel, tick)))
		tick++;
	arm(wheel, tick);
}

/* Look at those of one bucket. It is emptied first: those that are hung into it
 * meanwhile are for the next revolution. */
static void
sweep(struct sh_wheel *wheel, struct bucket *bucket, int64_t now_ms)
{
	struct bucket due = { LIST_FIRST(bucket) };
	struct sh_wheel_timer *timer;

	if (LIST_EMPTY(&due))
		return;
	LIST_INIT(bucket);
	LIST_FIRST(&due)->link.le_prev = &due.lh_first;
	while ((timer = LIST_FIRST(&due)) != NULL) {
		LIST_REMOVE(timer, link);
		if (timer->due_ms > now_ms) {
			insert(wheel, timer);
			continue;
		}
		timer->due_ms = 0;
		wheel->count--;
		timer->fn(timer);
	}
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct sh_wheel *wheel = arg;
	int64_t now_ms = sh_loop_now_ms(wheel->loop);
	int64_t tick = now_ms / SH_WHEEL_TICK_MS;

	/* it goes off in this call's end, at the latest */
	wheel->armed = 0;
	if (tick - wheel->swept > BUCKETS)
		wheel->swept = tick - BUCKETS;
	while (wheel->swept < tick) {
		wheel->swept++;
		sweep(wheel, bucket_of(wheel, wheel->swept), now_ms);
	}
	arm_next(wheel);
}

static struct sh_wheel *
need_wheel(struct sh_loop *loop)
{
	struct sh_wheel *wheel = loop->timer_wheel;

	if (wheel != NULL)
		return wheel;
	wheel = sh_xcalloc(1, sizeof(*wheel));
	wheel->loop = loop;
	wheel->armed = INT64_MAX;
	event_assign(&wheel->event, loop->base, -1, 0, on_tick, wheel);
	loop->timer_wheel = wheel;
	return wheel;
}

void
sh_wheel_timer_init(struct sh_wheel_timer *timer, sh_wheel_fn *fn)
{
	timer->fn = fn;
	timer->due_ms = 0;
}

void
sh_wheel_set(struct sh_loop *loop, struct sh_wheel_timer *timer, int64_t due_ms)
{
	struct sh_wheel *wheel = need_wheel(loop);
	int64_t before_ms = timer->due_ms;

	sh_assert(due_ms > 0);
	timer->due_ms = due_ms;
	if (before_ms != 0) {
		if (due_ms >= before_ms)
			return;
		LIST_REMOVE(timer, link);
	} else if (wheel->count++ == 0 && wheel->armed == INT64_MAX) {
		wheel->swept = sh_loop_now_ms(loop) / SH_WHEEL_TICK_MS;
	}
	insert(wheel, timer);
}

void
sh_wheel_clear(struct sh_loop *loop, struct sh_wheel_timer *timer)
{
	if (timer->due_ms == 0)
		return;
	timer->due_ms = 0;
	LIST_REMOVE(timer, link);
	/* a tick that finds nothing is cheaper than to go for the event */
	loop->timer_wheel->count--;
}

void
sh_wheel_free(struct sh_wheel **wheel)
{
	size_t i;

	if (wheel == NULL || *wheel == NULL)
		return;
	for (i = 0; i < BUCKETS; i++) {
		struct bucket *bucket = &(*wheel)->buckets[i];

		while (!LIST_EMPTY(bucket)) {
			LIST_FIRST(bucket)->due_ms = 0;
			LIST_REMOVE(LIST_FIRST(bucket), link);
		}
	}
	event_del(&(*wheel)->event);
	free(*wheel);
	*wheel = NULL;
}
