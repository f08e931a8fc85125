/* This file is <shoal/co.h>. */
#include "config.h"

#include <shoal/co.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "co/co.h"
#include "io/await.h"
#include "io/loop.h"
#include "io/timer.h"
#include "topic/topics.h"

/* How long those that were in a deadlock have to end. */
enum { BROKEN_US = 2 * 1000 * 1000 };

/* Where shoal_co_suspend() waits; told apart by its address. */
static const char suspended[] = "shoal_co_suspend";

/* The coroutines of this process, NULL when it has no loop. */
static struct sh_co_pool *
coroutines(void)
{
	struct sh_loop *loop = sh_loop_current();

	return loop != NULL ? sh_loop_coroutines(loop) : NULL;
}

int64_t
shoal_co_start(shoal_co_fn *fn, void *arg, const char *name)
{
	struct sh_co_pool *pool = coroutines();

	return pool != NULL ? sh_co_start(pool, fn, arg, name) : -SHOAL_EPERM;
}

int64_t
shoal_co_self(void)
{
	struct sh_co *co = sh_co_running();

	return co != NULL ? sh_co_id(co) : 0;
}

size_t
shoal_co_count(void)
{
	struct sh_co_pool *pool = coroutines();

	return pool != NULL ? sh_co_pool_alive(pool) : 0;
}

int
shoal_co_join(int64_t co, int timeout_ms)
{
	struct sh_co_joiner joiner;
	struct sh_co_pool *pool;
	struct sh_co *of;
	int r;

	if (co <= 0 || co == shoal_co_self())
		return -SHOAL_EINVAL;
	pool = coroutines();
	of = pool != NULL ? sh_co_find(pool, co) : NULL;
	if (of == NULL)
		return 0;
	(void)sh_await_self(__func__);
	sh_co_join_begin(&joiner, of);
	r = sh_await_peer("shoal_co_join", sh_deadline_us(timeout_ms));
	sh_co_join_end(&joiner);
	return r;
}

int
shoal_co_cancel(int64_t co)
{
	struct sh_co_pool *pool = coroutines();
	struct sh_co *found = pool != NULL ? sh_co_find(pool, co) : NULL;

	if (found == NULL)
		return -SHOAL_ENOENT;
	sh_await_cancel(found);
	return 0;
}

bool
shoal_co_is_cancelled(void)
{
	return sh_co_running() != NULL && sh_await_is_cancelled();
}

int
shoal_co_shield(int ms)
{
	if (ms < 0)
		return -SHOAL_EINVAL;
	sh_await_shield(ms);
	return 0;
}

int
shoal_co_sleep(int ms)
{
	int r;

	if (ms < 0)
		return -SHOAL_EINVAL;
	if (ms == 0)
		return sh_await_turn("shoal_co_sleep");
	r = sh_await("shoal_co_sleep", sh_deadline_us(ms));
	return r == -SHOAL_ETIMEDOUT ? 0 : r;
}

int
shoal_co_suspend(int timeout_ms)
{
	return sh_await_peer(suspended, sh_deadline_us(timeout_ms));
}

int
shoal_co_resume(int64_t co, int value)
{
	struct sh_co_pool *pool = coroutines();
	struct sh_co *found = pool != NULL ? sh_co_find(pool, co) : NULL;

	if (value < 0)
		return -SHOAL_EINVAL;
	if (found == NULL)
		return -SHOAL_ENOENT;
	if (!sh_co_is_waiting(found) || sh_co_place(found) != suspended)
		return -SHOAL_ESTATE;
	sh_co_wake(found, value);
	return 0;
}

bool
shoal_co_may_wait(void)
{
	struct sh_co *co = sh_co_running();

	return co != NULL && sh_co_may_wait(co);
}

int
shoal_co_defer(shoal_co_fn *fn, void *arg)
{
	return sh_co_defer(fn, arg);
}

int
shoal_co_set(const void *key, void *value, void (*free_value)(void *value))
{
	return sh_co_set(key, value, free_value);
}

void *
shoal_co_get(const void *key)
{
	return sh_co_get(key);
}

size_t
shoal_co_stack_used(void)
{
	struct sh_co_pool *pool = coroutines();

	return pool != NULL ? sh_co_stack_high_water(pool, SIZE_MAX) : 0;
}

static void
tell_waiting(struct sh_co *co, void *arg)
{
	sh_log_err("deadlock: coroutine '%s' (%lld) waits in %s",
	    sh_co_name(co), (long long)sh_co_id(co), sh_co_place(co));
}

/* Nobody can wake them, so they are told to end. */
static void
break_deadlock(struct sh_loop *loop)
{
	sh_co_each(sh_loop_coroutines(loop), tell_waiting, NULL);
	sh_await_cancel_all(loop);
}

static int
run_until_empty(struct sh_loop *loop)
{
	int64_t until_us = SH_NEVER;
	int r = 0;

	while (r == 0 && !sh_loop_is_empty(loop) && sh_clock_us() < until_us) {
		if (until_us == SH_NEVER && sh_loop_is_quiet(loop) &&
		    sh_await_is_deadlock(loop)) {
			break_deadlock(loop);
			until_us = sh_clock_us() + BROKEN_US;
		}
		r = sh_loop_turn(loop);
	}
	if (r < 0)
		return r;
	return until_us == SH_NEVER ? 0 : -SHOAL_EDEADLK;
}

int
shoal_run(shoal_co_fn *fn, void *arg)
{
	const struct sh_loop_options options = { .incarnation = 1 };
	struct sh_loop *loop;
	int64_t id;
	int r;

	if (sh_loop_current() != NULL)
		return -SHOAL_ESTATE;
	r = sh_loop_new(&options, &loop);
	if (r < 0)
		return r;
	id = sh_co_start(sh_loop_coroutines(loop), fn, arg, "main");
	r = id < 0 ? (int)id : run_until_empty(loop);
	sh_topics_close_current();
	sh_loop_free(&loop);
	return r;
}
