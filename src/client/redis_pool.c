/* This file is a pool of connections to Redis. */
#include "config.h"

#include "client/redis_pool.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/panic.h"
#include "client/redis_private.h"
#include "io/await.h"
#include "io/loop.h"
#include "io/timer.h"

enum { POOL_MAGIC = 0x4ed15002 };

/* Who waits for a connection; on its coroutine's stack. */
struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct sh_co *co;
	struct shoal_redis *given; /* a connection, */
	bool may_make;             /* or the right to make one */
};

struct shoal_redis_pool {
	uint32_t magic;
	unsigned refs; /* who may free it, each taken connection and use */
	bool closed;
	size_t max, count;         /* connections, also those being made */
	int idle_ms;               /* 0: as long as they want */
	int64_t timer;             /* 0: none */
	struct shoal_redis *model; /* never connected; has the options */
	struct sh_redis_backoff backoff;
	TAILQ_HEAD(sh_redis_idle, shoal_redis)
	idle; /* the last one was used last */
	TAILQ_HEAD(, waiter) waiters;
};

int
sh_redis_pool_new(const char *address,
    const struct shoal_redis_options *options, size_t max, int idle_ms,
    struct shoal_redis_pool **out)
{
	struct shoal_redis_pool *pool;
	int r;

	if (max == 0 || idle_ms < 0)
		return -SHOAL_EINVAL;
	pool = sh_try_calloc(1, sizeof(*pool));
	if (pool == NULL)
		return -SHOAL_ENOMEM;
	r = sh_redis_new(address, options, &pool->model);
	if (r < 0) {
		free(pool);
		return r;
	}
	pool->magic = POOL_MAGIC;
	pool->refs = 1;
	pool->max = max;
	pool->idle_ms = idle_ms;
	TAILQ_INIT(&pool->idle);
	TAILQ_INIT(&pool->waiters);
	*out = pool;
	return 0;
}

static void
unref(struct shoal_redis_pool *pool)
{
	if (--pool->refs != 0)
		return;
	sh_redis_free(&pool->model);
	pool->magic = 0;
	free(pool);
}

bool
sh_redis_pool_is_valid(const struct shoal_redis_pool *pool)
{
	return pool != NULL && pool->magic == POOL_MAGIC;
}

int
sh_redis_pool_timeout_ms(const struct shoal_redis_pool *pool)
{
	return sh_redis_timeout_ms(pool->model);
}

size_t
sh_redis_pool_count(const struct shoal_redis_pool *pool)
{
	return pool->count;
}

/* --- idle connections --- */

static struct shoal_redis *
pop(struct shoal_redis_pool *pool, struct shoal_redis *redis)
{
	TAILQ_REMOVE(&pool->idle, redis, idle_link);
	return redis;
}

static void
close_idle(struct shoal_redis_pool *pool, struct shoal_redis *redis)
{
	redis = pop(pool, redis);
	sh_redis_free(&redis);
	pool->count--;
}

static void on_timer(void *arg);

static void
set_timer(struct shoal_redis_pool *pool)
{
	const struct shoal_redis *oldest = TAILQ_FIRST(&pool->idle);
	int64_t wait_us;

	if (oldest == NULL || pool->idle_ms == 0 || pool->timer > 0)
		return;
	wait_us = oldest->idle_since_us + pool->idle_ms * INT64_C(1000) -
	    sh_clock_us();
	wait_us = wait_us < 0 ? 0 : wait_us;
	/* without memory they are closed a little later */
	pool->timer = sh_timer_start(
	    sh_loop_current(), wait_us / 1000 + 1, 0, on_timer, pool);
}

static void
on_timer(void *arg)
{
	struct shoal_redis_pool *pool = arg;
	int64_t until_us = sh_clock_us() - pool->idle_ms * INT64_C(1000);
	struct shoal_redis *oldest;

	pool->timer = 0;
	while ((oldest = TAILQ_FIRST(&pool->idle)) != NULL &&
	    oldest->idle_since_us <= until_us)
		close_idle(pool, oldest);
	set_timer(pool);
}

void
sh_redis_pool_free(struct shoal_redis_pool **pool)
{
	struct shoal_redis_pool *p = *pool;
	struct waiter *waiter;

	*pool = NULL;
	p->closed = true;
	if (p->timer > 0 && sh_loop_current() != NULL)
		(void)sh_timer_stop(sh_loop_current(), p->timer);
	while (!TAILQ_EMPTY(&p->idle))
		close_idle(p, TAILQ_FIRST(&p->idle));
	TAILQ_FOREACH(waiter, &p->waiters, link)
		sh_co_wake(waiter->co, -SHOAL_ECANCELED);
	unref(p);
}

/* --- take and give --- */

static struct waiter *
next_waiter(struct shoal_redis_pool *pool)
{
	struct waiter *waiter = TAILQ_FIRST(&pool->waiters);

	if (waiter == NULL || pool->closed)
		return NULL;
	TAILQ_REMOVE(&pool->waiters, waiter, link);
	sh_co_wake(waiter->co, 0);
	return waiter;
}

/* There is one connection less. */
static void
free_place(struct shoal_redis_pool *pool)
{
	struct waiter *waiter;

	pool->count--;
	waiter = next_waiter(pool);
	if (waiter == NULL)
		return;
	waiter->may_make = true;
	pool->count++;
}

static void
take_back(struct shoal_redis_pool *pool, struct shoal_redis *redis)
{
	struct waiter *waiter = next_waiter(pool);

	if (waiter != NULL) {
		waiter->given = redis;
		return;
	}
	redis->idle_since_us = sh_clock_us();
	TAILQ_INSERT_TAIL(&pool->idle, redis, idle_link);
	set_timer(pool);
}

/* In a place that is counted already. */
static int
make(struct shoal_redis_pool *pool, int64_t deadline_us,
    struct shoal_redis **out)
{
	struct shoal_redis *redis;
	int r;

	r = sh_redis_new(pool->model->address, &pool->model->options, &redis);
	if (r == 0) {
		/* failures of others count */
		redis->backoff = pool->backoff;
		redis->pool = pool;
		r = sh_redis_connect(redis, deadline_us);
		pool->backoff = redis->backoff;
		if (r == 0 && pool->closed)
			r = -SHOAL_ECANCELED;
		if (r < 0)
			sh_redis_free(&redis);
	}
	if (r < 0)
		free_place(pool);
	else
		*out = redis;
	return r;
}

/* Wait for one. What was given in the very moment of a timeout is taken, and in
 * that of a cancel passed on. */
static int
queue_up(struct shoal_redis_pool *pool, int64_t deadline_us,
    struct shoal_redis **out)
{
	struct waiter waiter = { .co = sh_co_running() };
	int r;

	TAILQ_INSERT_TAIL(&pool->waiters, &waiter, link);
	r = sh_await_peer("shoal_co_redis_pool_take", deadline_us);
	if (waiter.given == NULL && !waiter.may_make) {
		TAILQ_REMOVE(&pool->waiters, &waiter, link);
		sh_assert(r < 0);
		return r;
	}
	if (r == -SHOAL_ECANCELED || pool->closed) {
		if (waiter.given != NULL) {
			pool->refs++;
			sh_redis_pool_give(pool, &waiter.given, true);
		} else {
			free_place(pool);
		}
		return -SHOAL_ECANCELED;
	}
	if (waiter.may_make)
		return make(pool, deadline_us, out);
	*out = waiter.given;
	return 0;
}

static int
take(struct shoal_redis_pool *pool, int64_t deadline_us,
    struct shoal_redis **out)
{
	if (pool->closed)
		return -SHOAL_ECANCELED;
	if (!TAILQ_EMPTY(&pool->idle)) {
		*out = pop(pool, TAILQ_LAST(&pool->idle, sh_redis_idle));
		return 0;
	}
	if (pool->count >= pool->max || !TAILQ_EMPTY(&pool->waiters))
		return queue_up(pool, deadline_us, out);
	pool->count++;
	return make(pool, deadline_us, out);
}

int
sh_redis_pool_take(struct shoal_redis_pool *pool, int64_t deadline_us,
    struct shoal_redis **out)
{
	int r;

	if (sh_co_running() == NULL)
		sh_panic(__FILE__, __LINE__, __func__,
		    "a function that waits was called outside of a coroutine");
	pool->refs++;
	r = take(pool, deadline_us, out);
	/* a taken connection keeps the pool */
	if (r < 0)
		unref(pool);
	return r;
}

void
sh_redis_pool_give(
    struct shoal_redis_pool *pool, struct shoal_redis **redis, bool keep)
{
	struct shoal_redis *r = *redis;

	sh_assert(r->pool == pool);
	*redis = NULL;
	if (sh_redis_tidy(r) && keep && !pool->closed) {
		r->options.timeout_ms = pool->model->options.timeout_ms;
		take_back(pool, r);
	} else {
		r->pool = NULL;
		sh_redis_free(&r);
		free_place(pool);
	}
	unref(pool);
}
