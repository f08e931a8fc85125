/* This file runs functions on pooled coroutines. */
#include "config.h"

#include "co/co.h"

#include <stdint.h>
#include <stdlib.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/panic.h"
#include "co/co_switch.h"

enum { CO_MAGIC = 0x6f63 };

enum co_state { CO_FREE, CO_RUNNING };

struct sh_co {
	uint32_t magic;
	enum co_state state;
	struct sh_co_pool *pool;
	struct sh_co *below; /* FREE: the next free one;
					   RUNNING: who called this one */
	void *stack;         /* its lowest byte */
	sh_co_fn *fn;        /* of the running call */
	void *arg;
	const char *name;
	struct sh_co_context inside;  /* where it waits for its next call */
	struct sh_co_context outside; /* where its caller waits */
};

struct sh_co_pool {
	struct sh_stack_pool *stacks;
	struct sh_co *warm; /* free ones, last one first */
	size_t warm_count;
};

/* The one coroutine that has the processor; NULL on the loop's own stack. */
static struct sh_co *running;

/* What a coroutine does all its life: one call after another. */
static void
serve(void *arg)
{
	struct sh_co *co = arg;

	for (;;) {
		co->fn(co->arg);
		sh_co_context_switch(&co->inside, &co->outside);
	}
}

static struct sh_co *
make(struct sh_co_pool *pool)
{
	struct sh_co *co = sh_try_calloc(1, sizeof(*co));

	if (co == NULL)
		return NULL;
	if (sh_stack_take(pool->stacks, &co->stack) < 0) {
		free(co);
		return NULL;
	}
	co->magic = CO_MAGIC;
	co->pool = pool;
	sh_co_context_make(&co->inside, co->stack,
	    sh_stack_pool_size(pool->stacks), serve, co);
	return co;
}

static void
destroy(struct sh_co *co)
{
	sh_stack_give(co->pool->stacks, co->stack);
	co->magic = 0;
	free(co);
}

static struct sh_co *
take(struct sh_co_pool *pool)
{
	struct sh_co *co = pool->warm;

	if (SH_UNLIKELY(co == NULL))
		return make(pool);
	pool->warm = co->below;
	pool->warm_count--;
	return co;
}

static void
give(struct sh_co_pool *pool, struct sh_co *co)
{
	if (SH_UNLIKELY(pool->warm_count >= SH_CO_WARM_MAX)) {
		destroy(co);
		return;
	}
	co->state = CO_FREE;
	co->below = pool->warm;
	pool->warm = co;
	pool->warm_count++;
}

struct sh_co_pool *
sh_co_pool_new(size_t stack_size, enum sh_stack_guard guard)
{
	struct sh_co_pool *pool = sh_try_calloc(1, sizeof(*pool));
	struct sh_co *first;

	if (pool == NULL)
		return NULL;
	pool->stacks = sh_stack_pool_new(stack_size, guard);
	/* the first is made now, so that calls from the loop never fail */
	first = pool->stacks != NULL ? make(pool) : NULL;
	if (first == NULL)
		sh_co_pool_free(&pool);
	else
		give(pool, first);
	return pool;
}

void
sh_co_pool_free(struct sh_co_pool **pool)
{
	struct sh_co *co;

	if (pool == NULL || *pool == NULL)
		return;
	sh_assert(running == NULL || running->pool != *pool);
	while ((co = (*pool)->warm) != NULL) {
		(*pool)->warm = co->below;
		destroy(co);
	}
	sh_stack_pool_free(&(*pool)->stacks);
	free(*pool);
	*pool = NULL;
}

int
sh_co_call(struct sh_co_pool *pool, sh_co_fn *fn, void *arg, const char *name)
{
	struct sh_co *co = take(pool);

	if (SH_UNLIKELY(co == NULL))
		return -SHOAL_ENOMEM;
	sh_assert(co->magic == CO_MAGIC && co->state == CO_FREE);
	co->state = CO_RUNNING;
	co->fn = fn;
	co->arg = arg;
	co->name = name;
	co->below = running;
	running = co;
	sh_co_context_switch(&co->outside, &co->inside);
	running = co->below;
	give(pool, co);
	return 0;
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
