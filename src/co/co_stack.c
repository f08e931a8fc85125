/* This file hands out stacks with a guard below each. */
#include "config.h"

#include "co/co_stack.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

enum {
	SLAB_STACKS = 64,
	STACK_PAGES_LOOKED_AT = 256,
	/* kept for everything that is not a stack */
	MAP_RESERVE = 8192,
	MAPS_PER_STACK = 2,
	MAX_MAP_COUNT_DEFAULT = 65530
};

/* One mapping: SLAB_STACKS times a guard and the stack above it. */
struct slab {
	struct slab *next;
	char *base;
	size_t carved; /* stacks that have been used at least once */
};

struct sh_stack_pool {
	size_t size; /* of a stack, a multiple of a page */
	size_t page;
	enum sh_stack_guard guard;
	bool unguarded;     /* rather no guard than no stack ... */
	bool lacks_guards;  /* ... and that has happened */
	struct slab *slabs; /* newest first; only that has room */
	void **given;       /* stacks given back, last one on top */
	size_t given_count;
	size_t stack_count; /* ever carved; the capacity of given */
	size_t stack_max;
};

/* An odd number of pages: with a power of two the upper ends of all stacks, the
 * part that is in use, would share a few lines of the processor's caches. */
static size_t
pitch(const struct sh_stack_pool *pool)
{
	size_t pages = (pool->size + SH_STACK_GUARD_SIZE) / pool->page;

	return (pages | 1) * pool->page;
}

struct sh_stack_pool *
sh_stack_pool_new(size_t size, enum sh_stack_guard guard, bool unguarded)
{
	struct sh_stack_pool *pool = sh_try_calloc(1, sizeof(*pool));
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	if (pool == NULL)
		return NULL;
	if (size == 0)
		size = SH_STACK_SIZE_DEFAULT;
#ifdef SH_SANITIZE
	size *= 8; /* red zones make frames several times as large */
#endif
	pool->size = (size + page - 1) / page * page;
	pool->page = page;
	pool->guard = guard;
	pool->unguarded = unguarded;
	pool->stack_max = SIZE_MAX;
	return pool;
}

void
sh_stack_pool_free(struct sh_stack_pool **pool)
{
	struct slab *slab;

	if (pool == NULL || *pool == NULL)
		return;
	while ((slab = (*pool)->slabs) != NULL) {
		(*pool)->slabs = slab->next;
		munmap(slab->base, SLAB_STACKS * pitch(*pool));
		free(slab);
	}
	free((*pool)->given);
	free(*pool);
	*pool = NULL;
}

size_t
sh_stack_pool_size(const struct sh_stack_pool *pool)
{
	return pool->size;
}

enum sh_stack_guard
sh_stack_pool_guard(const struct sh_stack_pool *pool)
{
	return pool->lacks_guards ? SH_STACK_GUARD_NONE : pool->guard;
}

/* Half of the mappings that the kernel grants a process. */
static size_t
read_stack_max(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	long maps = MAX_MAP_COUNT_DEFAULT;

	if (file != NULL) {
		if (fscanf(file, "%ld", &maps) != 1)
			maps = MAX_MAP_COUNT_DEFAULT;
		fclose(file);
	}
	return maps > MAP_RESERVE
	    ? (size_t)(maps - MAP_RESERVE) / MAPS_PER_STACK
	    : 1;
}

static int
add_slab(struct sh_stack_pool *pool)
{
	struct slab *slab = sh_try_calloc(1, sizeof(*slab));
	size_t len = SLAB_STACKS * pitch(pool);

	if (slab == NULL)
		return -SHOAL_ENOMEM;
	slab->base = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (slab->base == MAP_FAILED) {
		free(slab);
		return -SHOAL_ENOMEM;
	}
	/* a huge page would make 2 MiB of every few touched stacks */
	(void)madvise(slab->base, len, MADV_NOHUGEPAGE);
	slab->next = pool->slabs;
	pool->slabs = slab;
	return 0;
}

/* Put the guard in place; the first call finds out which kind. */
static int
install_guard(struct sh_stack_pool *pool, char *base)
{
	if (pool->guard != SH_STACK_GUARD_MPROTECT) {
		if (madvise(base, SH_STACK_GUARD_SIZE, MADV_GUARD_INSTALL) ==
		    0) {
			pool->guard = SH_STACK_GUARD_MADVISE;
			return 0;
		}
		if (pool->guard == SH_STACK_GUARD_MADVISE || errno != EINVAL)
			return -SHOAL_ENOMEM;
		pool->guard = SH_STACK_GUARD_MPROTECT;
	}
	if (pool->stack_max == SIZE_MAX)
		pool->stack_max = read_stack_max();
	if (pool->stack_count >= pool->stack_max ||
	    mprotect(base, SH_STACK_GUARD_SIZE, PROT_NONE) < 0)
		return -SHOAL_ENOMEM;
	return 0;
}

/* Use a stack for the first time. */
static int
carve(struct sh_stack_pool *pool, void **low_out)
{
	void **given;
	char *base;
	int r;

	if (pool->slabs == NULL || pool->slabs->carved == SLAB_STACKS) {
		r = add_slab(pool);
		if (r < 0)
			return r;
	}
	/* make room for it to be given back, which may not fail */
	given = sh_try_grow(pool->given, pool->stack_count + 1, sizeof(*given));
	if (given == NULL)
		return -SHOAL_ENOMEM;
	pool->given = given;
	base = pool->slabs->base + pool->slabs->carved * pitch(pool);
	r = install_guard(pool, base);
	if (r < 0 && !pool->unguarded)
		return r;
	pool->lacks_guards = pool->lacks_guards || r < 0;
	pool->slabs->carved++;
	pool->stack_count++;
	*low_out = base + SH_STACK_GUARD_SIZE;
	return 0;
}

int
sh_stack_take(struct sh_stack_pool *pool, void **low_out)
{
	if (pool->given_count == 0)
		return carve(pool, low_out);
	*low_out = pool->given[--pool->given_count];
	return 0;
}

void
sh_stack_trim(const struct sh_stack_pool *pool, void *low, char *below)
{
	char *end = (char *)((uintptr_t)below / pool->page * pool->page);

	if (end > (char *)low)
		(void)madvise(low, (size_t)(end - (char *)low), MADV_DONTNEED);
}

size_t
sh_stack_used(const struct sh_stack_pool *pool, void *low)
{
	unsigned char resident[STACK_PAGES_LOOKED_AT];
	size_t pages = pool->size / pool->page, i = 0, n;

	/* the stack grows down, so the first page from below is the mark */
	for (; i < pages; i += n) {
		size_t j;

		n = pages - i < sizeof(resident) ? pages - i : sizeof(resident);
		if (mincore((char *)low + i * pool->page, n * pool->page,
			resident) < 0)
			return 0;
		for (j = 0; j < n; j++)
			if (resident[j] & 1)
				return (pages - i - j) * pool->page;
	}
	return 0;
}

void
sh_stack_give(struct sh_stack_pool *pool, void *low)
{
	sh_assert(pool->given_count < pool->stack_count);
	(void)madvise(low, pool->size, MADV_DONTNEED);
	pool->given[pool->given_count++] = low;
}

bool
sh_stack_pool_is_guard(const struct sh_stack_pool *pool, const void *address)
{
	const struct slab *slab;
	uintptr_t at = (uintptr_t)address;

	for (slab = pool->slabs; slab != NULL; slab = slab->next) {
		uintptr_t base = (uintptr_t)slab->base;

		if (at >= base && at < base + slab->carved * pitch(pool))
			return (at - base) % pitch(pool) < SH_STACK_GUARD_SIZE;
	}
	return false;
}
