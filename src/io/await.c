/* This file is where coroutines wait. */
#include "config.h"

#include "io/await.h"

#include <errno.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/panic.h"
#include "io/loop_private.h"

enum {
	/* a loop that takes no cancel for an answer is slowed down after */
	REFUSED_MAX = 16,
	REFUSED_PAUSE_US = 100 * 1000
};

/*
 * Beside every coroutine. The event is left armed when a wait ends before its
 * deadline, and armed again only for an earlier one: a peer that always answers
 * within its time makes no work for the heap.
 */
struct sh_alarm {
	struct event event;
	int64_t armed_us; /* when it will go off; 0: it will not */
	int64_t deadline_us;
	int64_t shield_us;  /* a cancel counts only from then on ... */
	int64_t shield_for; /* ... for this coroutine's number */
};

/* On the stack of who waits. */
struct sh_fd_wait {
	struct event event;
	LIST_ENTRY(sh_fd_wait) next;
};

int64_t
sh_deadline_us(int timeout_ms)
{
	if (timeout_ms < 0)
		return SH_NEVER;
	return timeout_ms == 0 ? 0 : sh_clock_us() + timeout_ms * INT64_C(1000);
}

static struct sh_alarm *
alarm_of(struct sh_co *co)
{
	return sh_co_extra(co);
}

size_t
sh_await_extra_size(void)
{
	return sizeof(struct sh_alarm);
}

void
sh_await_extra_fini(void *extra)
{
	struct sh_alarm *alarm = extra;

	if (event_initialized(&alarm->event))
		event_del(&alarm->event);
}

static int arm(struct sh_loop *loop, struct sh_alarm *alarm);

static bool
is_shielded(struct sh_co *co)
{
	const struct sh_alarm *alarm = alarm_of(co);

	return alarm->shield_for == sh_co_id(co) &&
	    sh_clock_us() < alarm->shield_us;
}

static void
on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct sh_loop *loop = sh_loop_current();
	struct sh_alarm *alarm = arg;
	struct sh_co *co = sh_co_of_extra(loop->coroutines, alarm);

	alarm->armed_us = 0;
	if (!sh_co_is_waiting(co) || alarm->deadline_us == SH_NEVER)
		return;
	/* also when libevent's clock, which is coarse, was ahead */
	if (sh_clock_us() < alarm->deadline_us) {
		(void)arm(loop, alarm);
		return;
	}
	sh_co_wake(co,
	    sh_co_is_cancelled(co) && !is_shielded(co) ? -SHOAL_ECANCELED
						       : -SHOAL_ETIMEDOUT);
}

/* See to it that it goes off at its deadline. */
static int
arm(struct sh_loop *loop, struct sh_alarm *alarm)
{
	int64_t wait_us;
	struct timeval wait;

	if (alarm->armed_us != 0 && alarm->armed_us <= alarm->deadline_us)
		return 0;
	if (!event_initialized(&alarm->event) &&
	    event_assign(&alarm->event, loop->base, -1, 0, on_alarm, alarm) < 0)
		return -SHOAL_ENOMEM;
	wait_us = alarm->deadline_us - sh_clock_us();
	wait_us = wait_us < 0 ? 0 : wait_us;
	wait.tv_sec = wait_us / 1000000;
	wait.tv_usec = wait_us % 1000000;
	if (event_add(&alarm->event, &wait) < 0)
		return -SHOAL_ENOMEM;
	alarm->armed_us = alarm->deadline_us;
	return 0;
}

static int
wait_until(struct sh_co *co, const char *place, int64_t deadline_us)
{
	struct sh_loop *loop = sh_loop_current();
	struct sh_alarm *alarm = alarm_of(co);
	int r;

	alarm->deadline_us = deadline_us;
	if (deadline_us != SH_NEVER && arm(loop, alarm) < 0)
		return -SHOAL_ENOMEM;
	r = sh_co_wait(place);
	alarm->deadline_us = SH_NEVER;
	return r;
}

static void
tell_refused(const struct sh_co *co, const char *place)
{
	if (sh_co_is_cancelled(co))
		sh_log_warning("handler '%s' was cancelled and goes on waiting "
			       "(%s); it should return when a wait fails with "
			       "ECANCELED",
		    sh_co_name(co), place);
	else
		sh_log_warning(
		    "handler '%s' goes on with a connection that has "
		    "ended (%s); it should return then",
		    sh_co_name(co), place);
}

/* A wait of a cancelled coroutine. One that goes on asking is told so again,
 * but not at the cost of everybody else. */
static int
refuse(struct sh_co *co, const char *place)
{
	struct sh_loop *loop = sh_loop_current();
	unsigned n = sh_co_count_refused(co);
	int r;

	if (n < REFUSED_MAX)
		return -SHOAL_ECANCELED;
	if (n == REFUSED_MAX)
		tell_refused(co, place);
	loop->outside_waits++;
	r = wait_until(co, place, sh_clock_us() + REFUSED_PAUSE_US);
	loop->outside_waits--;
	return r;
}

static int
await(struct sh_co *co, const char *place, int64_t deadline_us)
{
	const struct sh_alarm *alarm = alarm_of(co);

	if (SH_UNLIKELY(!sh_co_may_wait(co)))
		return -SHOAL_ENOMEM;
	if (SH_UNLIKELY(sh_co_is_cancelled(co))) {
		if (!is_shielded(co))
			return refuse(co, place);
		if (alarm->shield_us < deadline_us)
			deadline_us = alarm->shield_us;
	}
	if (deadline_us == 0)
		return -SHOAL_ETIMEDOUT;
	sh_co_clear_refused(co);
	return wait_until(co, place, deadline_us);
}

struct sh_co *
sh_await_self(const char *place)
{
	struct sh_co *co = sh_co_running();

	if (SH_UNLIKELY(co == NULL))
		sh_panic(__FILE__, __LINE__, place,
		    "a function that waits was called outside of a coroutine");
	return co;
}

int
sh_await(const char *place, int64_t deadline_us)
{
	struct sh_co *co = sh_await_self(place);
	struct sh_loop *loop = sh_loop_current();
	int r;

	loop->outside_waits++;
	r = await(co, place, deadline_us);
	loop->outside_waits--;
	return r;
}

int
sh_await_peer(const char *place, int64_t deadline_us)
{
	if (deadline_us != SH_NEVER)
		return sh_await(place, deadline_us);
	return await(sh_await_self(place), place, deadline_us);
}

void
sh_await_firmly(const char *place)
{
	struct sh_co *co = sh_await_self(place);
	struct sh_loop *loop = sh_loop_current();

	alarm_of(co)->deadline_us = SH_NEVER;
	loop->outside_waits++;
	(void)sh_co_wait(place);
	loop->outside_waits--;
}

void
sh_await_slow_down(const char *place)
{
	struct sh_co *co = sh_await_self(place);

	if (sh_co_may_wait(co))
		(void)refuse(co, place);
}

int
sh_await_turn(const char *place)
{
	struct sh_co *co = sh_await_self(place);
	struct sh_alarm *alarm = alarm_of(co);

	if (!sh_co_may_wait(co))
		return -SHOAL_ENOMEM;
	if (sh_co_is_cancelled(co) && !is_shielded(co))
		return refuse(co, place);
	alarm->deadline_us = SH_NEVER;
	return sh_co_wait_turn(place);
}

static void
on_fd(evutil_socket_t fd, short what, void *arg)
{
	sh_co_wake(arg, what & (EV_READ | EV_WRITE));
}

int
sh_await_fd(int fd, short what, const char *place, int64_t deadline_us)
{
	struct sh_loop *loop = sh_loop_current();
	struct sh_fd_wait wait;
	int r;

	if (event_assign(&wait.event, loop->base, fd, what, on_fd,
		sh_await_self(place)) < 0)
		return -SHOAL_EINVAL;
	errno = 0;
	if (event_add(&wait.event, NULL) < 0)
		return errno != 0 ? -errno : -SHOAL_EINVAL;
	LIST_INSERT_HEAD(&loop->fd_waits, &wait, next);
	r = sh_await(place, deadline_us);
	LIST_REMOVE(&wait, next);
	event_del(&wait.event);
	return r;
}

void
sh_await_forget_fds(struct sh_loop *loop)
{
	struct sh_fd_wait *wait;

	while ((wait = LIST_FIRST(&loop->fd_waits)) != NULL) {
		LIST_REMOVE(wait, next);
		event_del(&wait->event);
	}
}

void
sh_await_cancel(struct sh_co *co)
{
	struct sh_alarm *alarm = alarm_of(co);
	bool before = sh_co_is_cancelled(co);

	sh_co_set_cancelled(co);
	/* a wait that it has begun since has its own end */
	if (before || !sh_co_is_waiting(co))
		return;
	if (is_shielded(co) && alarm->shield_us >= alarm->deadline_us)
		return;
	if (is_shielded(co)) {
		alarm->deadline_us = alarm->shield_us;
		if (arm(sh_loop_current(), alarm) == 0)
			return;
	}
	sh_co_wake(co, -SHOAL_ECANCELED);
}

static void
cancel_one(struct sh_co *co, void *arg)
{
	sh_await_cancel(co);
}

void
sh_await_cancel_all(struct sh_loop *loop)
{
	sh_co_each(loop->coroutines, cancel_one, NULL);
}

void
sh_await_shield(int64_t ms)
{
	struct sh_co *co = sh_await_self(__func__);
	struct sh_alarm *alarm = alarm_of(co);

	alarm->shield_for = sh_co_id(co);
	alarm->shield_us = sh_clock_us() + ms * 1000;
}

bool
sh_await_is_cancelled(void)
{
	struct sh_co *co = sh_await_self(__func__);

	return SH_UNLIKELY(sh_co_is_cancelled(co)) && !is_shielded(co);
}

/* Its shield ends, and so does its wait. */
static void
count_alarm(struct sh_co *co, void *arg)
{
	size_t *count = arg;

	if (sh_co_is_waiting(co) && alarm_of(co)->deadline_us != SH_NEVER)
		++*count;
}

bool
sh_await_is_deadlock(struct sh_loop *loop)
{
	size_t alarms = 0;

	if (sh_co_pool_alive(loop->coroutines) == 0 ||
	    loop->outside_waits != 0 || loop->has_posters ||
	    sh_co_has_woken(loop->coroutines))
		return false;
	sh_co_each(loop->coroutines, count_alarm, &alarms);
	return alarms == 0;
}

void
sh_await_expect_posts(struct sh_loop *loop)
{
	loop->has_posters = true;
}
