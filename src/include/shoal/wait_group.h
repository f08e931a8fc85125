/*
 * Wait groups: wait until a number of things have been done, by coroutines or
 * callbacks of one process.
 */
#pragma once

#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_wait_group;

/**
 * Make a wait group. Nothing is outstanding.
 *
 * Returns  the group; NULL when out of memory
 * Owner    the caller, who frees it
 * Context  any
 * Blocks   never
 */
SHOAL_API struct shoal_wait_group *shoal_wait_group_new(void);

/**
 * Free a wait group and set the pointer to NULL; NULL is fine. Those that wait
 * are woken, and their waits fail with -SHOAL_ECLOSED.
 *
 * Context  any; where coroutines run, in their process
 * Blocks   never
 */
SHOAL_API void shoal_wait_group_free(struct shoal_wait_group **group);

/**
 * Say that n more things are outstanding. To be called before they are begun,
 * and not by what does them: nobody may wait before.
 *
 * Returns  0; -SHOAL_EINVAL when n is negative, or when more than INT_MAX would
 *          be outstanding, with nothing added
 * Context  any
 * Blocks   never
 */
SHOAL_API int shoal_wait_group_add(struct shoal_wait_group *group, int n);

/**
 * Say that one of them is done. When it was the last one, all that wait are
 * woken.
 *
 * Returns  0; -SHOAL_ESTATE when nothing was outstanding
 * Context  any; where coroutines run, in their process
 * Blocks   never
 */
SHOAL_API int shoal_wait_group_done(struct shoal_wait_group *group);

/** Things that are outstanding. */
SHOAL_API int shoal_wait_group_count(const struct shoal_wait_group *group);

/**
 * Wait until nothing is outstanding. When that was reached the wait succeeds,
 * though more is added before the coroutine has its turn.
 *
 * @param timeout_ms  SHOAL_FOREVER; 0 not to wait
 *
 * Returns  0, at once when nothing is outstanding; -SHOAL_ETIMEDOUT;
 *          -SHOAL_ECANCELED; -SHOAL_ECLOSED when it was freed meanwhile;
 *          -SHOAL_ENOMEM, see shoal_co_may_wait()
 * Context  coroutine
 * Suspends until then
 */
SHOAL_API int
shoal_co_wait_group_wait(struct shoal_wait_group *group, int timeout_ms);

#ifdef __cplusplus
}
#endif
