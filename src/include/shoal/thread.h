/*
 * Threads beside a worker's loop: what blocks is done in one of them, and any
 * thread may hand work to the loop.
 *
 * Up to four threads are started when they are needed. All signals are blocked
 * in them and their stacks have 256 KiB. What runs there may call nothing of
 * shoal but what is for any thread.
 */
#pragma once

#include <shoal/co.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a thread does. It may block; results go into what arg points to. */
typedef void shoal_blocking_fn(void *arg);

/* A worker, to threads of its process. */
struct shoal_worker;

/**
 * Call a function that blocks in a thread, and wait until it has returned. Calls
 * begin in the order in which they are asked for, as soon as a thread is free.
 *
 * A cancel keeps fn from being called, but once it has begun it is waited for
 * whatever happens: so fn and arg may use what is on the coroutine's stack.
 *
 * @param arg  handed to fn; borrowed
 *
 * Returns  0 when fn has returned; else it has not been called:
 *          -SHOAL_ECANCELED; -SHOAL_ENOMEM, also when no thread or descriptor
 *          can be had, and see shoal_co_may_wait(); -SHOAL_EINVAL without fn
 * Context  coroutine
 * Suspends until then
 * See      pthread_create(3)
 */
SHOAL_API int shoal_co_blocking(shoal_blocking_fn *fn, void *arg);

/**
 * Likewise, but give up after a time or when cancelled. A function that has
 * begun cannot be interrupted: it goes on, and takes up its thread until it
 * returns.
 *
 * @param arg       handed to fn; taken when the result is negative, else only
 *                  borrowed
 * @param free_arg  called with an arg that was taken, when fn has returned or
 *                  will not be called: in the worker or in any thread, where it
 *                  may not wait. NULL for nothing
 *
 * Returns  0 when fn has returned; -SHOAL_ETIMEDOUT or -SHOAL_ECANCELED,
 *          whether fn has begun or not; -SHOAL_ENOMEM or -SHOAL_EINVAL as
 *          shoal_co_blocking(), when it has not
 * Context  coroutine
 * Suspends until then
 */
SHOAL_API int shoal_co_blocking_for(shoal_blocking_fn *fn, void *arg,
    void (*free_arg)(void *arg), int timeout_ms);

/**
 * This worker, for shoal_post(). From then on shoal_run() takes it that a thread
 * may wake whoever waits, and tells of no deadlock.
 *
 * Returns  lent as long as the process lives, also when the loop has ended;
 *          NULL where there is no loop, or no descriptor for it
 * Context  worker, shoal_run()
 * Blocks   never
 * See      eventfd(2)
 */
SHOAL_API struct shoal_worker *shoal_worker_self(void);

/**
 * Call fn(arg) on a coroutine of a worker of this process. What one thread posts
 * is called in this order; each call runs up to its first wait. What is left
 * when the loop ends is not called, and a loop does not go on for it.
 *
 * @param worker  from shoal_worker_self()
 * @param arg     handed to fn; the caller keeps it alive
 *
 * Returns  0; -SHOAL_ESTATE when the loop has ended; -SHOAL_ENOMEM, also when
 *          1,048,576 of them wait already; -SHOAL_EINVAL without worker or fn
 * Context  any, in any thread; not from a signal handler
 * Blocks   never
 */
SHOAL_API int
shoal_post(struct shoal_worker *worker, shoal_co_fn *fn, void *arg);

#ifdef __cplusplus
}
#endif
