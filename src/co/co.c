/*
 * This file runs functions on coroutines: it begins them, lets them wait, wakes them
 * and goes on with them. Where coroutines come from is co_pool.c.
 */
#include "config.h"

#include "co/co.h"

#include <stdint.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/panic.h"
#include "co/co_private.h"

enum {
	/* what a stack pointer has below it: a switch and its callers */
	BELOW_FRAMES = 512
};

/* The one coroutine that has the processor; NULL on the loop's own stack. */
static struct sh_co *running;

static void
wake_joiners(struct sh_co *co)
{
	struct sh_co_joiner *joiner;

	while ((joiner = co->joiners) != NULL) {
		co->joiners = joiner->next;
		joiner->of = NULL;
		sh_co_wake(joiner->waiter, 0);
	}
}

void
sh_co_serve(void *arg)
{
	struct sh_co *co = arg;

	for (;;) {
		co->fn(co->arg);
		if (SH_UNLIKELY(co->deferred != NULL || co->values != NULL))
			sh_co_local_end(co);
		co->state = SH_CO_FREE;
		if (SH_UNLIKELY(co->joiners != NULL))
			wake_joiners(co);
		running = co->below;
		sh_co_context_switch(&co->inside, co->outside);
	}
}

static struct sh_co *
take(struct sh_co_pool *pool)
{
	struct sh_co *co = pool->warm;

	if (SH_UNLIKELY(co == NULL)) {
		co = sh_co_make(pool);
		pool->refused += co == NULL;
		return co;
	}
	pool->warm = co->below;
	pool->warm_count--;
	return co;
}

static void
give(struct sh_co_pool *pool, struct sh_co *co)
{
	/* millions of calls a second would use numbers up that nobody asked
	 * for */
	co->generation += co->numbered;
	co->numbered = false;
	if (SH_UNLIKELY(!co->may_wait)) {
		pool->reserve = co;
		return;
	}
	if (SH_UNLIKELY(pool->warm_count >= SH_CO_WARM_MAX)) {
		sh_co_destroy(co);
		return;
	}
	co->below = pool->warm;
	pool->warm = co;
	pool->warm_count++;
}

/* Switch to it; back when it has ended or waits. */
static void
enter(struct sh_co *co)
{
	struct sh_co_context here;

	co->outside = &here;
	co->state = SH_CO_RUNNING;
	co->below = running;
	running = co;
	sh_co_context_switch(&here, &co->inside);
}

/* Run a call; true when it has returned, and is someone else's again. */
static bool
begin(struct sh_co *co, sh_co_fn *fn, void *arg, const char *name)
{
	struct sh_co_pool *pool = co->pool;

	sh_assert(co->magic == SH_CO_MAGIC && co->state == SH_CO_FREE);
	co->fn = fn;
	co->arg = arg;
	co->name = name;
	co->cancelled = false;
	co->refused = 0;
	pool->alive++;
	enter(co);
	if (co->state != SH_CO_FREE)
		return false;
	pool->alive--;
	give(pool, co);
	return true;
}

struct sh_co *
sh_co_call(struct sh_co_pool *pool, sh_co_fn *fn, void *arg, const char *name)
{
	struct sh_co *co = take(pool);

	if (SH_UNLIKELY(co == NULL)) {
		co = pool->reserve;
		pool->reserve = NULL;
	}
	if (SH_UNLIKELY(co == NULL)) {
		/* inside of a call that has the reserve: on its stack */
		sh_co_call_local(running, fn, arg);
		return NULL;
	}
	return begin(co, fn, arg, name) ? NULL : co;
}

int64_t
sh_co_start(struct sh_co_pool *pool, sh_co_fn *fn, void *arg, const char *name)
{
	struct sh_co *co = take(pool);
	int64_t id;

	if (co == NULL)
		return -SHOAL_ENOMEM;
	id = sh_co_id(co);
	begin(co, fn, arg, name);
	return id;
}

struct sh_co *
sh_co_running(void)
{
	return running;
}

bool
sh_co_may_wait(const struct sh_co *co)
{
	return co->may_wait;
}

/* Go back to whoever called or resumed it. */
static void
leave(struct sh_co *co, const char *place)
{
	co->place = place;
	co->slept = co->pool->round;
	co->trimmed = false;
	co->frames = (char *)__builtin_frame_address(0) - BELOW_FRAMES;
	running = co->below;
	sh_co_context_switch(&co->inside, co->outside);
}

static void
add_woken(struct sh_co *co, int result)
{
	co->state = SH_CO_WOKEN;
	co->result = result;
	TAILQ_INSERT_TAIL(&co->pool->woken, co, woken);
	co->pool->woken_count++;
}

int
sh_co_wait(const char *place)
{
	struct sh_co *co = running;

	sh_assert(co != NULL && co->may_wait);
	co->state = SH_CO_WAITING;
	leave(co, place);
	return co->result;
}

int
sh_co_wait_turn(const char *place)
{
	struct sh_co *co = running;

	sh_assert(co != NULL && co->may_wait);
	add_woken(co, 0);
	leave(co, place);
	return co->result;
}

void
sh_co_wake(struct sh_co *co, int result)
{
	sh_assert(co->magic == SH_CO_MAGIC);
	if (co->state == SH_CO_WAITING)
		add_woken(co, result);
}

static void
go_on(struct sh_co *co)
{
	struct sh_co_pool *pool = co->pool;

	enter(co);
	if (co->state == SH_CO_FREE) {
		pool->alive--;
		give(pool, co);
	}
}

void
sh_co_resume(struct sh_co *co, int result)
{
	sh_assert(running == NULL && co->state == SH_CO_WAITING);
	co->result = result;
	go_on(co);
}

bool
sh_co_is_waiting(const struct sh_co *co)
{
	return co->state == SH_CO_WAITING;
}

void
sh_co_run_woken(struct sh_co_pool *pool)
{
	size_t n = pool->woken_count;

	while (n-- > 0) {
		struct sh_co *co = TAILQ_FIRST(&pool->woken);

		TAILQ_REMOVE(&pool->woken, co, woken);
		pool->woken_count--;
		go_on(co);
	}
}

bool
sh_co_has_woken(const struct sh_co_pool *pool)
{
	return pool->woken_count != 0;
}

int64_t
sh_co_id(struct sh_co *co)
{
	co->numbered = true;
	return sh_co_number_of(co);
}

static void
forget(struct sh_co *co, void *arg)
{
	struct sh_co_pool *pool = arg;

	if (co->state == SH_CO_WOKEN) {
		TAILQ_REMOVE(&pool->woken, co, woken);
		pool->woken_count--;
	}
	co->state = SH_CO_FORGOTTEN;
	pool->alive--;
}

void
sh_co_forget_all(struct sh_co_pool *pool)
{
	sh_assert(running == NULL);
	pool->has_forgotten = pool->has_forgotten || pool->alive != 0;
	sh_co_each(pool, forget, pool);
}

const char *
sh_co_name(const struct sh_co *co)
{
	return co->name;
}

const char *
sh_co_place(const struct sh_co *co)
{
	return co->place;
}

void
sh_co_set_cancelled(struct sh_co *co)
{
	co->cancelled = true;
}

bool
sh_co_is_cancelled(const struct sh_co *co)
{
	return co->cancelled;
}

unsigned
sh_co_count_refused(struct sh_co *co)
{
	if (co->refused < UINT8_MAX)
		co->refused++;
	return co->refused;
}

void
sh_co_clear_refused(struct sh_co *co)
{
	co->refused = 0;
}

void
sh_co_join_begin(struct sh_co_joiner *joiner, struct sh_co *of)
{
	joiner->waiter = running;
	joiner->of = of;
	joiner->next = of->joiners;
	of->joiners = joiner;
}

void
sh_co_join_end(struct sh_co_joiner *joiner)
{
	struct sh_co_joiner **place;

	if (joiner->of == NULL)
		return;
	place = &joiner->of->joiners;
	while (*place != joiner)
		place = &(*place)->next;
	*place = joiner->next;
}

const char *
sh_co_running_name(void)
{
	return running != NULL ? running->name : NULL;
}

bool
sh_co_is_guard(const void *address)
{
	return running != NULL &&
	    sh_stack_pool_is_guard(running->pool->stacks, address);
}
