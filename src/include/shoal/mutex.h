/*
 * Mutexes between the coroutines of one process.
 *
 * Between two waits nobody else runs, so only what goes on over a wait needs
 * one. A mutex belongs to the coroutine that has locked it, and is handed over
 * in the order in which the others came to wait for it.
 */
#pragma once

#include <stdbool.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_mutex;

/**
 * Make a mutex that is not locked.
 *
 * Returns  the mutex; NULL when out of memory
 * Owner    the caller, who frees it
 * Context  any
 * Blocks   never
 */
SHOAL_API struct shoal_mutex *shoal_mutex_new(void);

/**
 * Free a mutex and set the pointer to NULL; NULL is fine. Those that wait are
 * woken, and their waits fail with -SHOAL_ECLOSED. It is a mistake, which ends
 * the process, while another coroutine has it locked.
 *
 * Context  any; where coroutines run, in their process
 * Blocks   never
 */
SHOAL_API void shoal_mutex_free(struct shoal_mutex **mutex);

/**
 * Lock a mutex, and wait while another coroutine has it. A coroutine that ends
 * without unlocking it leaves it locked for good.
 *
 * When it need not wait it succeeds in a cancelled coroutine too. A coroutine
 * that was handed the mutex has it, though its wait is cancelled or its time
 * ends in the same moment.
 *
 * @param timeout_ms  SHOAL_FOREVER; 0 not to wait
 *
 * Returns  0; -SHOAL_ETIMEDOUT; -SHOAL_ECANCELED; -SHOAL_EDEADLK when this
 *          coroutine has it already; -SHOAL_ECLOSED when it was freed
 *          meanwhile; -SHOAL_ENOMEM, see shoal_co_may_wait()
 * Context  coroutine
 * Suspends until then
 */
SHOAL_API int shoal_co_mutex_lock(struct shoal_mutex *mutex, int timeout_ms);

/**
 * Lock a mutex that is not locked.
 *
 * Returns  0; -SHOAL_EBUSY when it is, by this coroutine too; -SHOAL_EPERM
 *          outside of a coroutine
 * Context  coroutine
 * Blocks   never
 */
SHOAL_API int shoal_mutex_try_lock(struct shoal_mutex *mutex);

/**
 * Unlock a mutex. The first one that waits has it then, even before it runs.
 *
 * Returns  0; -SHOAL_EPERM when the running coroutine has not locked it
 * Context  coroutine
 * Blocks   never
 */
SHOAL_API int shoal_mutex_unlock(struct shoal_mutex *mutex);

/** Whether somebody has locked it. */
SHOAL_API bool shoal_mutex_is_locked(const struct shoal_mutex *mutex);

#ifdef __cplusplus
}
#endif
