/*
 * This file hands out stacks with a guard below each; it does not run anything
 * on them. Stacks live in large slabs that are mapped once and never given
 * back, only their pages are.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "base/stack_guard.h"

struct sh_stack_pool;

enum {
	SH_STACK_SIZE_DEFAULT = 64 * 1024,
	/* a guard of one page is jumped over by one large local */
	SH_STACK_GUARD_SIZE = 64 * 1024
};

/** Make an empty pool. size is rounded up to pages, 0 means the default.
 *  unguarded: when the kernel grants no further guard, stacks go without.
 *  NULL when out of memory. */
struct sh_stack_pool *
sh_stack_pool_new(size_t size, enum sh_stack_guard guard, bool unguarded);
/** Unmap everything; no stack may be in use. */
void sh_stack_pool_free(struct sh_stack_pool **pool);
/** Bytes of every stack of the pool. */
size_t sh_stack_pool_size(const struct sh_stack_pool *pool);
/** The guard in use; AUTO until the first stack was taken. */
enum sh_stack_guard sh_stack_pool_guard(const struct sh_stack_pool *pool);
/** Take a stack, the one given back last first. 0 with its lowest byte in
 *  *low_out; -SHOAL_ENOMEM, also when the kernel has no mapping left for
 *  another guard. */
int sh_stack_take(struct sh_stack_pool *pool, void **low_out);
/** Give the pages below an address of the stack to the kernel; the content is
 *  lost. */
void sh_stack_trim(const struct sh_stack_pool *pool, void *low, char *below);
/** Bytes of the stack that have been used, in whole pages. */
size_t sh_stack_used(const struct sh_stack_pool *pool, void *low);
/** Give a stack back, and its pages to the kernel; the content is lost. */
void sh_stack_give(struct sh_stack_pool *pool, void *low);
/** Whether an address lies in the guard below one of the stacks.
 *  Async-signal-safe. */
bool
sh_stack_pool_is_guard(const struct sh_stack_pool *pool, const void *address);
