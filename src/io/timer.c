/* This file calls functions of handlers later. */
#include "config.h"

#include "io/timer.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/panic.h"
#include "co/co.h"
#include "io/loop_private.h"

/* Far beyond any uptime, and safe to add to the clock. */
static const int64_t DELAY_MAX_MS = (int64_t)1 << 40;

struct sh_timer {
	struct sh_id_node node;
	struct event event;
	struct sh_loop *loop;
	int64_t due_us;      /* monotonic */
	int64_t interval_us; /* 0: once */
	sh_timer_fn *fn;
	void *arg;
	bool running; /* its function has not returned ... */
	bool calling; /* ... or waited, since it was called ... */
	bool stopped; /* ... and not to be run again */
	char name[];  /* of the handler that started it */
};

static struct sh_timer *
timer_of(struct sh_id_node *node)
{
	return SH_CONTAINER(node, struct sh_timer, node);
}

static int
try_schedule(struct sh_timer *timer)
{
	int64_t wait_us = timer->due_us - sh_clock_us();
	struct timeval wait;

	/* libevent's clock is coarse: a millisecond more, not one less */
	wait_us = wait_us < 0 ? 0 : wait_us + 999;
	wait.tv_sec = wait_us / 1000000;
	wait.tv_usec = wait_us % 1000000;
	return event_add(&timer->event, &wait);
}

static void
schedule_again(struct sh_timer *timer)
{
	/* the heap has kept the place of the event that has just run */
	if (try_schedule(timer) < 0)
		sh_panic(__FILE__, __LINE__, __func__, "out of memory");
}

static void
forget(struct sh_timer *timer)
{
	event_del(&timer->event);
	free(timer);
}

/* The function may wait; it is not called again before it has returned. */
static void
call(void *arg)
{
	struct sh_timer *timer = arg;

	timer->fn(timer->arg);
	/* the name that these run under is the timer's */
	sh_co_end_local();
	timer->running = false;
	if (timer->stopped && !timer->calling)
		forget(timer);
}

static void
run(struct sh_timer *timer)
{
	timer->running = timer->calling = true;
	sh_co_call(timer->loop->coroutines, call, timer, timer->name);
	timer->calling = false;
}

/* Due after the last time; times that have passed already are left out. */
static void
advance(struct sh_timer *timer)
{
	int64_t late_us = sh_clock_us() - timer->due_us;

	timer->due_us += timer->interval_us;
	if (late_us >= timer->interval_us)
		timer->due_us +=
		    late_us / timer->interval_us * timer->interval_us;
}

static void
on_due(evutil_socket_t fd, short what, void *arg)
{
	struct sh_timer *timer = arg;

	if (sh_clock_us() < timer->due_us) {
		schedule_again(timer);
		return;
	}
	if (timer->interval_us == 0) {
		sh_id_table_remove(&timer->loop->timers, &timer->node);
		timer->stopped = true;
	}
	if (!timer->running)
		run(timer);
	if (!timer->stopped) {
		advance(timer);
		schedule_again(timer);
	} else if (!timer->running) {
		forget(timer);
	}
}

/* The name is copied: its owner may end before the timer does. */
static struct sh_timer *
make(const char *name)
{
	size_t size = strlen(name) + 1;
	struct sh_timer *timer = sh_try_calloc(1, sizeof(*timer) + size);

	if (timer != NULL)
		memcpy(timer->name, name, size);
	return timer;
}

int64_t
sh_timer_start(struct sh_loop *loop, int64_t delay_ms, int64_t interval_ms,
    sh_timer_fn *fn, void *arg)
{
	const char *name = sh_co_running_name();
	struct sh_timer *timer;

	if (delay_ms < 0 || delay_ms > DELAY_MAX_MS || interval_ms < 0 ||
	    interval_ms > DELAY_MAX_MS || fn == NULL)
		return -SHOAL_EINVAL;
	timer = make(name != NULL ? name : "timer");
	if (timer == NULL)
		return -SHOAL_ENOMEM;
	timer->loop = loop;
	timer->due_us = sh_clock_us() + delay_ms * 1000;
	timer->interval_us = interval_ms * 1000;
	timer->fn = fn;
	timer->arg = arg;
	timer->node.id = loop->last_timer + 1;
	if (event_assign(&timer->event, loop->base, -1, 0, on_due, timer) < 0 ||
	    sh_id_table_add(&loop->timers, &timer->node) < 0) {
		free(timer);
		return -SHOAL_ENOMEM;
	}
	if (try_schedule(timer) < 0) {
		sh_id_table_remove(&loop->timers, &timer->node);
		free(timer);
		return -SHOAL_ENOMEM;
	}
	loop->last_timer++;
	return (int64_t)timer->node.id;
}

static void
stop(struct sh_loop *loop, struct sh_timer *timer)
{
	sh_id_table_remove(&loop->timers, &timer->node);
	if (timer->running)
		timer->stopped = true;
	else
		forget(timer);
}

int
sh_timer_stop(struct sh_loop *loop, int64_t id)
{
	struct sh_id_node *node = sh_id_table_find(&loop->timers, (uint64_t)id);

	if (node == NULL)
		return -SHOAL_ENOENT;
	stop(loop, timer_of(node));
	return 0;
}

void
sh_timer_stop_all(struct sh_loop *loop)
{
	struct sh_id_node *node;

	while ((node = sh_id_table_any(&loop->timers)) != NULL)
		stop(loop, timer_of(node));
}
