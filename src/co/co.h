/*
 * This file runs functions on pooled coroutines; it does not decide when, and
 * knows nothing of descriptors or time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "co/co_stack.h"

struct sh_co_pool;

typedef void sh_co_fn(void *arg);

enum {
	/* coroutines that keep their stack, pages and all, for the next call */
	SH_CO_WARM_MAX = 256
};

/** Make a pool whose coroutines have stacks of stack_size bytes (0: the
 *  default), with one coroutine in it. NULL when out of memory. */
struct sh_co_pool *sh_co_pool_new(size_t stack_size, enum sh_stack_guard guard);
/** Free a pool in which nothing runs. */
void sh_co_pool_free(struct sh_co_pool **pool);

/** Run fn(arg) on a coroutine and come back when it has returned. A call from
 *  within a coroutine runs on a stack of its own. name is lent until then; a
 *  crash report shows it. 0, or -SHOAL_ENOMEM with fn not called: a call from
 *  outside of a coroutine does not fail. */
int
sh_co_call(struct sh_co_pool *pool, sh_co_fn *fn, void *arg, const char *name);

/** Name of the call that runs now; NULL outside of a coroutine.
 *  Async-signal-safe. */
const char *sh_co_running_name(void);
/** Whether an address lies in the guard of a stack of the running coroutine's
 *  pool. Async-signal-safe. */
bool sh_co_is_guard(const void *address);
