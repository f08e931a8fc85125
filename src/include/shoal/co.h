/*
 * Coroutines: functions that wait without keeping others waiting.
 *
 * Every callback of a handler, every timer and every hook runs on a coroutine,
 * and may call what begins with shoal_co_: these functions suspend the
 * coroutine, and nothing else does. Coroutines of a process take turns on one
 * thread, so between two such calls nobody else runs.
 *
 * A wait fails with -SHOAL_ECANCELED when the coroutine has been cancelled:
 * then it should put its things in order and return.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <shoal/error.h>
#include <shoal/visibility.h>
#include <shoal/worker.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void shoal_co_fn(void *arg);

/**
 * Run coroutines in a process of their own: without a master, a configuration
 * or a command line. For tools and tests.
 *
 * Starts fn(arg) as the first coroutine and comes back when no coroutine is
 * left, no timer is set and no service is open. When all that are left wait for
 * each other, their names and what they wait for are logged, they are cancelled
 * and the result says so.
 *
 * Returns  0; -SHOAL_EDEADLK; -SHOAL_ENOMEM; -SHOAL_ESTATE when the process
 *          runs coroutines already
 * Context  main(), with or without other threads
 * Blocks   the thread
 * See      epoll_wait(2)
 */
SHOAL_API int shoal_run(shoal_co_fn *fn, void *arg);

/**
 * Start a coroutine. It runs at once, up to its first wait; then this function
 * returns.
 *
 * @param fn    what it does; it ends when fn returns
 * @param arg   handed to fn; the caller keeps it alive
 * @param name  for messages; lent until it and the timers it starts have ended
 *
 * Returns  its number, which is positive and never used again; -SHOAL_ENOMEM,
 *          also when the kernel grants no further stack guard, see
 *          workers.stack_guard in shoal.conf(5); -SHOAL_EPERM outside of a
 *          worker and shoal_run()
 * Context  worker, shoal_run()
 * Blocks   never
 * See      makecontext(3), madvise(2) MADV_GUARD_INSTALL
 */
SHOAL_API int64_t shoal_co_start(shoal_co_fn *fn, void *arg, const char *name);

/** Number of the running coroutine, 0 outside of one. */
SHOAL_API int64_t shoal_co_self(void);

/** Coroutines of this process that have begun and not ended. */
SHOAL_API size_t shoal_co_count(void);

/**
 * Wait for the end of a coroutine.
 *
 * Returns  0 when it has ended, also when it did so long ago;
 *          -SHOAL_ETIMEDOUT; -SHOAL_ECANCELED; -SHOAL_EINVAL for a number that
 *          is not positive or the own one; -SHOAL_ENOMEM, see
 *          shoal_co_may_wait()
 * Context  coroutine
 * Suspends until then
 */
SHOAL_API int shoal_co_join(int64_t co, int timeout_ms);

/**
 * Cancel a coroutine: the wait that it is in fails with -SHOAL_ECANCELED, and
 * so do all later ones. It is not interrupted otherwise. One that goes on
 * waiting is slowed down from the 16th time on, and the log names it.
 *
 * Returns  0; -SHOAL_ENOENT when it has ended
 * Context  worker, shoal_run()
 * Blocks   never
 */
SHOAL_API int shoal_co_cancel(int64_t co);

/** Whether the running coroutine has been cancelled and has no shield. */
SHOAL_API bool shoal_co_is_cancelled(void);

/**
 * Let the running coroutine wait though it is or will be cancelled, to clean
 * up. It does not outlive the worker: see stop.timeout and reload.drain_timeout
 * in shoal.conf(5).
 *
 * @param ms  from now; 0 takes a shield back
 *
 * Returns  0; -SHOAL_EINVAL when negative
 * Context  coroutine
 * Blocks   never
 */
SHOAL_API int shoal_co_shield(int ms);

/**
 * Sleep.
 *
 * @param ms  at least this long; 0 lets all others run once
 *
 * Returns  0; -SHOAL_ECANCELED; -SHOAL_EINVAL when negative; -SHOAL_ENOMEM
 * Context  coroutine
 * Suspends for this time
 * See      clock_gettime(2) CLOCK_MONOTONIC
 */
SHOAL_API int shoal_co_sleep(int ms);

/**
 * Suspend the running coroutine until shoal_co_resume().
 *
 * Returns  the value given there; -SHOAL_ETIMEDOUT; -SHOAL_ECANCELED;
 *          -SHOAL_ENOMEM
 * Context  coroutine
 * Suspends until then
 */
SHOAL_API int shoal_co_suspend(int timeout_ms);

/**
 * Resume a coroutine that is in shoal_co_suspend(). It runs when the present
 * one waits.
 *
 * @param value  what shoal_co_suspend() returns, not negative
 *
 * Returns  0; -SHOAL_ENOENT when it has ended; -SHOAL_ESTATE when it is not
 *          there; -SHOAL_EINVAL
 * Context  worker, shoal_run()
 * Blocks   never
 */
SHOAL_API int shoal_co_resume(int64_t co, int value);

/**
 * Whether the running coroutine may wait. Not so when the kernel had no stack
 * left for an event of a connection: then waits fail with -SHOAL_ENOMEM.
 * False outside of coroutines.
 */
SHOAL_API bool shoal_co_may_wait(void);

/**
 * Call fn(arg) when the running coroutine ends: the last one first, after its
 * function has returned. It may wait; a handler's connection is still there.
 *
 * Returns  0; -SHOAL_ENOMEM
 * Context  coroutine
 * Blocks   never
 */
SHOAL_API int shoal_co_defer(shoal_co_fn *fn, void *arg);

/**
 * Remember a value for the running coroutine.
 *
 * @param key         its address is the key, not its content
 * @param value       NULL forgets it
 * @param free_value  called with the value when it is replaced or forgotten or
 *                    the coroutine ends; NULL for nothing
 *
 * Returns  0; -SHOAL_ENOMEM, with the value before still there
 * Context  coroutine
 * Blocks   never
 */
SHOAL_API int
shoal_co_set(const void *key, void *value, void (*free_value)(void *value));

/** The value of shoal_co_set(), NULL when there is none. */
SHOAL_API void *shoal_co_get(const void *key);

/**
 * Bytes of stack, in whole pages, that the coroutine with the most of them has
 * used so far in this process; workers.stack_size in shoal.conf(5) should be
 * well above. Looks at every stack: some microseconds for each.
 */
SHOAL_API size_t shoal_co_stack_used(void);

#ifdef __cplusplus
}
#endif
