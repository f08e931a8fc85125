/*
 * This file is where coroutines come from and go to: a pool makes them, each on a
 * stack of its own, and has a table of their numbers. It runs nothing.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "co/co_private.h"
#include "co/co_valgrind.h"

enum {
	ALIGNMENT = 64, /* of the block beside the stack */
	PLACES_MAX = (1 << SH_CO_INDEX_BITS) - 1
};

static size_t
block_size(const struct sh_co_pool *pool)
{
	size_t size = sizeof(struct sh_co) + pool->options.extra_size;

	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static int
take_place(struct sh_co_pool *pool, struct sh_co *co)
{
	struct sh_co_number *list;

	if (pool->free_place == 0) {
		if (pool->place_count == PLACES_MAX)
			return -SHOAL_ENOMEM;
		list = sh_try_grow(
		    pool->places, pool->place_count + 1, sizeof(*list));
		if (list == NULL)
			return -SHOAL_ENOMEM;
		pool->places = list;
		list[pool->place_count] =
		    (struct sh_co_number){ .generation = 1 };
		pool->free_place = ++pool->place_count;
	}
	co->index = pool->free_place - 1;
	co->generation = pool->places[co->index].generation;
	pool->free_place = pool->places[co->index].next_free;
	pool->places[co->index].co = co;
	return 0;
}

static void
give_place(struct sh_co_pool *pool, const struct sh_co *co)
{
	struct sh_co_number *place = &pool->places[co->index];

	place->co = NULL;
	place->generation = co->generation;
	place->next_free = pool->free_place;
	pool->free_place = co->index + 1;
}

struct sh_co *
sh_co_make(struct sh_co_pool *pool)
{
	size_t size = sh_stack_pool_size(pool->stacks) - block_size(pool);
	struct sh_co *co;
	void *stack;

	if (sh_stack_take(pool->stacks, &stack) < 0)
		return NULL;
	co = (void *)((char *)stack + size);
	/* pages given back are not, if the process has locked its memory */
	memset(co, 0, block_size(pool));
	if (take_place(pool, co) < 0) {
		sh_stack_give(pool->stacks, stack);
		return NULL;
	}
	co->magic = SH_CO_MAGIC;
	co->pool = pool;
	co->stack = stack;
	co->may_wait = true;
	co->valgrind_id = sh_valgrind_add_stack(stack, size);
	sh_co_context_make(&co->inside, stack, size, sh_co_serve, co);
	return co;
}

void
sh_co_destroy(struct sh_co *co)
{
	struct sh_co_pool *pool = co->pool;

	sh_co_note_high_water(co);
	if (pool->options.extra_fini != NULL)
		pool->options.extra_fini(sh_co_extra(co));
	give_place(pool, co);
	co->magic = 0;
	sh_valgrind_remove_stack(co->valgrind_id);
	sh_stack_give(pool->stacks, co->stack);
}

struct sh_co_pool *
sh_co_pool_new(const struct sh_co_pool_options *options)
{
	struct sh_co_pool *pool = sh_try_calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->options = *options;
	TAILQ_INIT(&pool->woken);
	pool->stacks = sh_stack_pool_new(
	    options->stack_size, options->guard, options->unguarded);
	/* made now, so that calls never fail */
	if (pool->stacks != NULL)
		pool->reserve = sh_co_make(pool);
	if (pool->reserve == NULL) {
		sh_co_pool_free(&pool);
		return NULL;
	}
	pool->reserve->may_wait = false;
	return pool;
}

void
sh_co_pool_free(struct sh_co_pool **pool)
{
	struct sh_co_pool *p;
	uint32_t i;

	if (pool == NULL || *pool == NULL)
		return;
	p = *pool;
	sh_assert(sh_co_running() == NULL || sh_co_running()->pool != p);
	for (i = 0; i < p->place_count; i++)
		if (p->places[i].co != NULL)
			sh_co_destroy(p->places[i].co);
	free(p->places);
	sh_stack_pool_free(&p->stacks);
	free(p);
	*pool = NULL;
}

size_t
sh_co_pool_alive(const struct sh_co_pool *pool)
{
	return pool->alive;
}

bool
sh_co_pool_has_frames(const struct sh_co_pool *pool)
{
	return pool->alive != 0 || pool->has_forgotten;
}

uint64_t
sh_co_pool_refused(const struct sh_co_pool *pool)
{
	return pool->refused;
}

enum sh_stack_guard
sh_co_pool_guard(const struct sh_co_pool *pool)
{
	return sh_stack_pool_guard(pool->stacks);
}

static bool
has_begun(const struct sh_co *co)
{
	return co->state != SH_CO_FREE && co->state != SH_CO_FORGOTTEN;
}

struct sh_co *
sh_co_find(const struct sh_co_pool *pool, int64_t id)
{
	uint32_t index = ((uint32_t)id & PLACES_MAX) - 1;
	struct sh_co *co;

	if (id <= 0 || index >= pool->place_count)
		return NULL;
	co = pool->places[index].co;
	return co != NULL && has_begun(co) && sh_co_number_of(co) == id ? co
									: NULL;
}

void
sh_co_each(
    struct sh_co_pool *pool, void (*fn)(struct sh_co *co, void *arg), void *arg)
{
	uint32_t i;

	for (i = 0; i < pool->place_count; i++) {
		struct sh_co *co = pool->places[i].co;

		if (co != NULL && has_begun(co))
			fn(co, arg);
	}
}

void *
sh_co_extra(struct sh_co *co)
{
	return co + 1;
}

struct sh_co *
sh_co_of_extra(struct sh_co_pool *pool, void *extra)
{
	struct sh_co *co = (struct sh_co *)extra - 1;

	sh_assert(co->magic == SH_CO_MAGIC && co->pool == pool);
	return co;
}
