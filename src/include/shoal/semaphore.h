/*
 * Semaphores between the coroutines of one process: at most so many of them at
 * something. Those that wait are served in the order in which they came.
 */
#pragma once

#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_semaphore;

/**
 * Make a semaphore.
 *
 * @param value  how many may pass before one has to wait
 *
 * Returns  the semaphore; NULL when out of memory
 * Owner    the caller, who frees it
 * Context  any
 * Blocks   never
 */
SHOAL_API struct shoal_semaphore *shoal_semaphore_new(unsigned value);

/**
 * Free a semaphore and set the pointer to NULL; NULL is fine. Those that wait
 * are woken, and their waits fail with -SHOAL_ECLOSED.
 *
 * Context  any; where coroutines run, in their process
 * Blocks   never
 */
SHOAL_API void shoal_semaphore_free(struct shoal_semaphore **semaphore);

/**
 * Take one from the value, and wait while it is 0.
 *
 * When it need not wait it succeeds in a cancelled coroutine too. One that was
 * let through succeeds, though its wait is cancelled or its time ends in the
 * same moment.
 *
 * @param timeout_ms  SHOAL_FOREVER; 0 not to wait
 *
 * Returns  0; -SHOAL_ETIMEDOUT or -SHOAL_ECANCELED with nothing taken;
 *          -SHOAL_ECLOSED when it was freed meanwhile; -SHOAL_ENOMEM, see
 *          shoal_co_may_wait()
 * Context  coroutine
 * Suspends until then
 */
SHOAL_API int
shoal_co_semaphore_wait(struct shoal_semaphore *semaphore, int timeout_ms);

/**
 * Take one from the value unless it is 0.
 *
 * Returns  0; -SHOAL_EAGAIN
 * Context  any
 * Blocks   never
 */
SHOAL_API int shoal_semaphore_try_wait(struct shoal_semaphore *semaphore);

/**
 * Let the first one through that waits, or add one to the value.
 *
 * Returns  0; -EOVERFLOW when the value is UINT_MAX
 * Context  any; where coroutines run, in their process
 * Blocks   never
 */
SHOAL_API int shoal_semaphore_post(struct shoal_semaphore *semaphore);

/** The value; 0 while somebody waits. */
SHOAL_API unsigned
shoal_semaphore_value(const struct shoal_semaphore *semaphore);

#ifdef __cplusplus
}
#endif
