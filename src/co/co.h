/*
 * This file runs functions on pooled coroutines, suspends and resumes them; it
 * does not decide when, and knows nothing of descriptors or time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "co/co_stack.h"

struct sh_co;
struct sh_co_pool;

typedef void sh_co_fn(void *arg);

enum {
	/* coroutines that keep their stack, pages and all, for the next call */
	SH_CO_WARM_MAX = 256
};

struct sh_co_pool_options {
	size_t stack_size; /* bytes; 0: the default */
	enum sh_stack_guard guard;
	bool unguarded;    /* rather a stack without a guard than none */
	size_t extra_size; /* bytes beside each coroutine, zeroed once */
	void (*extra_fini)(void *extra); /* before they go; NULL */
};

/** Make a pool with one coroutine in it. NULL when out of memory. */
struct sh_co_pool *sh_co_pool_new(const struct sh_co_pool_options *options);
/** Free a pool. Coroutines that have not ended are forgotten: what they hold
 *  stays held. */
void sh_co_pool_free(struct sh_co_pool **pool);
/** Coroutines that have begun and not ended. */
size_t sh_co_pool_alive(const struct sh_co_pool *pool);
/** Whether there are any, or were when they were forgotten: somebody may know
 *  what is on their stacks. */
bool sh_co_pool_has_frames(const struct sh_co_pool *pool);
/** The guard in use; AUTO before the first one. */
enum sh_stack_guard sh_co_pool_guard(const struct sh_co_pool *pool);

/** Run fn(arg) on a coroutine until it returns or waits. NULL when it has
 *  returned, else the coroutine. name is lent until it ends; a crash report
 *  shows it. Never fails: without a stack to spare it runs on one that may not
 *  wait, see sh_co_may_wait(). */
struct sh_co *
sh_co_call(struct sh_co_pool *pool, sh_co_fn *fn, void *arg, const char *name);
/** Likewise, but fail with -SHOAL_ENOMEM rather than run where it may not wait.
 *  Its id, which is positive. */
int64_t
sh_co_start(struct sh_co_pool *pool, sh_co_fn *fn, void *arg, const char *name);

/** The coroutine that has the processor, NULL on the loop's own stack. */
struct sh_co *sh_co_running(void);
/** Give the processor back until someone wakes it; the result is the waker's.
 *  place tells where, for people; lent. Nothing else than await.c calls it. */
int sh_co_wait(const char *place);
/** Let the others that were woken go first. 0. */
int sh_co_wait_turn(const char *place);
/** Whether the running coroutine may wait. */
bool sh_co_may_wait(const struct sh_co *co);
/** Let a waiting coroutine go on with a result when its turn comes; when it is
 *  not waiting, or woken already, nothing. */
void sh_co_wake(struct sh_co *co, int result);
/** Let a waiting coroutine go on now; comes back when it waits again or
 *  ends. On the loop's own stack only. */
void sh_co_resume(struct sh_co *co, int result);
/** Whether it waits and has not been woken. */
bool sh_co_is_waiting(const struct sh_co *co);
/** Run those that have been woken, not those that are woken meanwhile. */
void sh_co_run_woken(struct sh_co_pool *pool);
/** Whether someone has been woken and has not run. */
bool sh_co_has_woken(const struct sh_co_pool *pool);

/** The number of a coroutine, never used again. */
int64_t sh_co_id(struct sh_co *co);
/** The coroutine of a number, NULL when it has ended. */
struct sh_co *sh_co_find(const struct sh_co_pool *pool, int64_t id);
/** Call fn for each one that has not ended; fn may not start or end any. */
void sh_co_each(struct sh_co_pool *pool,
    void (*fn)(struct sh_co *co, void *arg), void *arg);
/** What it was called with. */
const char *sh_co_name(const struct sh_co *co);
/** Where it waits. Lent. */
const char *sh_co_place(const struct sh_co *co);
/** The bytes beside it. */
void *sh_co_extra(struct sh_co *co);
/** The coroutine that has these bytes. */
struct sh_co *sh_co_of_extra(struct sh_co_pool *pool, void *extra);

/** Never let those run again that have begun and not ended; they keep their
 *  stacks. On the loop's own stack only. */
void sh_co_forget_all(struct sh_co_pool *pool);

/** Note that it is to end: await.c obeys. */
void sh_co_set_cancelled(struct sh_co *co);
/** Whether that was done. */
bool sh_co_is_cancelled(const struct sh_co *co);
/** Count a wait that was refused for it; their number in a row. */
unsigned sh_co_count_refused(struct sh_co *co);
/** One was not refused. */
void sh_co_clear_refused(struct sh_co *co);

/** Wait for the end of a coroutine: put a place on its list. */
struct sh_co_joiner {
	struct sh_co *waiter, *of; /* of: NULL when it has ended */
	struct sh_co_joiner *next;
};
/** The running coroutine is woken with 0 when `of' ends. */
void sh_co_join_begin(struct sh_co_joiner *joiner, struct sh_co *of);
/** Take the place back; also when it has ended. */
void sh_co_join_end(struct sh_co_joiner *joiner);

/** Look at up to max coroutines, the next ones each time, and give the pages
 *  below the frames of those that have waited since the call before the last
 *  one back to the kernel. */
void sh_co_trim(struct sh_co_pool *pool, size_t max);
/** Most bytes of a stack that were in use at once, as far as known; looks at up
 *  to max of those that are there. */
size_t sh_co_stack_high_water(struct sh_co_pool *pool, size_t max);
/** How often there was no stack to have. */
uint64_t sh_co_pool_refused(const struct sh_co_pool *pool);

/** Name of the call that runs now; NULL outside of a coroutine.
 *  Async-signal-safe. */
const char *sh_co_running_name(void);
/** Whether an address lies in the guard of a stack of the running coroutine's
 *  pool. Async-signal-safe. */
bool sh_co_is_guard(const void *address);

/* --- co_local.c: what belongs to one coroutine ----------------------------- */

/** Call fn(arg) when the running coroutine ends, the last one first. 0 or
 *  -SHOAL_ENOMEM. */
int sh_co_defer(sh_co_fn *fn, void *arg);
/** Remember a value under the address of a key; free_value is called with it
 *  when it is replaced or the coroutine ends, or NULL. NULL forgets. 0 or
 *  -SHOAL_ENOMEM. */
int sh_co_set(const void *key, void *value, void (*free_value)(void *value));
/** That value, NULL when there is none. */
void *sh_co_get(const void *key);
/** Do now what is due at the end of the running coroutine, of which the user's
 *  part is over. It may wait. */
void sh_co_end_local(void);
