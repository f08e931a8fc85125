/* Timers of a worker, on the monotonic clock. */
#pragma once

#include <stdint.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef void shoal_timer_fn(void *arg);

/**
 * Call a function once.
 *
 * @param delay_ms  milliseconds from now, >= 0
 * @param fn        called on a coroutine of this worker; may wait
 * @param arg       handed to fn; the caller keeps it alive
 *
 * Returns  the timer's number, > 0, never used again in this worker;
 *          -SHOAL_EINVAL, -SHOAL_ENOMEM, -SHOAL_EPERM outside a worker
 * Context  worker
 * Blocks   never
 * See      clock_gettime(2) CLOCK_MONOTONIC
 */
SHOAL_API int64_t shoal_timer_after(
    int delay_ms, shoal_timer_fn *fn, void *arg);

/**
 * Call a function again and again.
 *
 * The next call is due interval_ms after the last one was due; calls that were
 * missed while the worker was busy, or the function itself waited, are left
 * out: it is not called again before it has returned.
 *
 * @param interval_ms  milliseconds, > 0
 *
 * Returns  as shoal_timer_after()
 * Context  worker
 * Blocks   never
 */
SHOAL_API int64_t shoal_timer_every(
    int interval_ms, shoal_timer_fn *fn, void *arg);

/**
 * Cancel a timer. It may be called inside the timer's own function, or while
 * that waits, which then goes on.
 *
 * Returns  0; -SHOAL_ENOENT when it has run already or was cancelled;
 *          -SHOAL_EPERM outside a worker
 * Context  worker
 * Blocks   never
 */
SHOAL_API int shoal_timer_cancel(int64_t timer);

#ifdef __cplusplus
}
#endif
