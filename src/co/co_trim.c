/*
 * This file gives the pages back that sleeping coroutines do not need, and knows how
 * much of a stack has been needed at most.
 */
#include "config.h"

#include <stdint.h>

#include "co/co_private.h"

void
sh_co_note_high_water(struct sh_co *co)
{
	struct sh_co_pool *pool = co->pool;
	size_t used = sh_stack_used(pool->stacks, co->stack);

	if (used > pool->high_water)
		pool->high_water = used;
}

static bool
is_trimmable(const struct sh_co *co, uint32_t round)
{
	return co != NULL && co->state == SH_CO_WAITING && !co->trimmed &&
	    round - co->slept >= 2;
}

void
sh_co_trim(struct sh_co_pool *pool, size_t max)
{
	uint32_t i;

	pool->round++;
	for (i = 0; i < pool->place_count && i < max; i++) {
		struct sh_co *co;

		if (pool->trim_next >= pool->place_count)
			pool->trim_next = 0;
		co = pool->places[pool->trim_next++].co;
		if (!is_trimmable(co, pool->round))
			continue;
		sh_co_note_high_water(co);
		sh_stack_trim(pool->stacks, co->stack, co->frames);
		co->trimmed = true;
	}
}

size_t
sh_co_stack_high_water(struct sh_co_pool *pool, size_t max)
{
	uint32_t i;

	for (i = 0; i < pool->place_count && i < max; i++)
		if (pool->places[i].co != NULL)
			sh_co_note_high_water(pool->places[i].co);
	return pool->high_water;
}
