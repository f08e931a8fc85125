/* This file runs functions on pooled coroutines. */
#include "config.h"

#include "co/co.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/panic.h"
#include "co/co_private.h"
#include "co/co_valgrind.h"

enum {
	/* what a stack pointer has below it: a switch and its callers */
	BELOW_FRAMES = 512,
	ALIGNMENT = 64,
	/* a number is made of the index plus one and a generation */
	INDEX_BITS = 24,
	PLACES_MAX = (1 << INDEX_BITS) - 1
};

TAILQ_HEAD(sh_co_list, sh_co);

/* A number of the table: who has it, and how often it was used. */
struct place {
	struct sh_co *co; /* NULL: nobody */
	uint64_t generation;
	uint32_t next_free; /* number plus one; 0: none */
};

struct sh_co_pool {
	struct sh_co_pool_options options;
	struct sh_stack_pool *stacks;
	struct sh_co *warm;    /* free ones, last one first */
	struct sh_co *reserve; /* for when there is no other; may not wait */
	size_t warm_count;
	size_t alive;
	bool has_forgotten; /* some that never end */
	struct sh_co_list woken;
	size_t woken_count;
	struct place *places;
	uint32_t place_count;
	uint32_t free_place; /* number plus one; 0: none */
	uint32_t round;      /* of trimming */
	uint32_t trim_next;
	size_t high_water; /* seen so far */
	uint64_t refused;
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

/* What a coroutine does all its life: one call after another. */
static void
serve(void *arg)
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

static size_t
block_size(const struct sh_co_pool *pool)
{
	size_t size = sizeof(struct sh_co) + pool->options.extra_size;

	return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static int
take_place(struct sh_co_pool *pool, struct sh_co *co)
{
	struct place *list;

	if (pool->free_place == 0) {
		if (pool->place_count == PLACES_MAX)
			return -SHOAL_ENOMEM;
		list = sh_try_grow(
		    pool->places, pool->place_count + 1, sizeof(*list));
		if (list == NULL)
			return -SHOAL_ENOMEM;
		pool->places = list;
		list[pool->place_count] = (struct place){ .generation = 1 };
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
	struct place *place = &pool->places[co->index];

	place->co = NULL;
	place->generation = co->generation;
	place->next_free = pool->free_place;
	pool->free_place = co->index + 1;
}

static struct sh_co *
make(struct sh_co_pool *pool)
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
	sh_co_context_make(&co->inside, stack, size, serve, co);
	return co;
}

static void
note_high_water(struct sh_co *co)
{
	struct sh_co_pool *pool = co->pool;
	size_t used = sh_stack_used(pool->stacks, co->stack);

	if (used > pool->high_water)
		pool->high_water = used;
}

static void
destroy(struct sh_co *co)
{
	struct sh_co_pool *pool = co->pool;

	note_high_water(co);
	if (pool->options.extra_fini != NULL)
		pool->options.extra_fini(sh_co_extra(co));
	give_place(pool, co);
	co->magic = 0;
	sh_valgrind_remove_stack(co->valgrind_id);
	sh_stack_give(pool->stacks, co->stack);
}

static struct sh_co *
take(struct sh_co_pool *pool)
{
	struct sh_co *co = pool->warm;

	if (SH_UNLIKELY(co == NULL)) {
		co = make(pool);
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
		destroy(co);
		return;
	}
	co->below = pool->warm;
	pool->warm = co;
	pool->warm_count++;
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
		pool->reserve = make(pool);
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
	sh_assert(running == NULL || running->pool != p);
	for (i = 0; i < p->place_count; i++)
		if (p->places[i].co != NULL)
			destroy(p->places[i].co);
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

static int64_t
number_of(const struct sh_co *co)
{
	return (int64_t)(co->generation << INDEX_BITS | (co->index + 1));
}

int64_t
sh_co_id(struct sh_co *co)
{
	co->numbered = true;
	return number_of(co);
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
	return co != NULL && has_begun(co) && number_of(co) == id ? co : NULL;
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
		note_high_water(co);
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
			note_high_water(pool->places[i].co);
	return pool->high_water;
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
