/*
 * Channels: queues between the coroutines of one process.
 *
 * Items come out in the order in which they went in. Who waits is served in
 * the order in which it came, and nobody comes in between: the item or the
 * place that one was woken for is its own already. So a wait that has been
 * served succeeds, though it is cancelled or its time ends in the same moment;
 * one that fails has put or taken nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <shoal/error.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shoal_channel;

/**
 * Make a channel.
 *
 * @param capacity   items that it holds; 0: none, each is handed over directly
 *                   by one who puts to one who gets, when both are there
 * @param item_size  bytes of an item, which are copied in and out; 0 for
 *                   items that say nothing but that they came
 *
 * Returns  the channel; NULL when out of memory
 * Owner    the caller, who frees it
 * Context  any
 * Blocks   never
 */
SHOAL_API struct shoal_channel *
shoal_channel_new(size_t capacity, size_t item_size);

/**
 * Free a channel, with the items in it, and set the pointer to NULL; NULL is
 * fine. Those that wait are woken, and their waits fail with -SHOAL_ECLOSED.
 *
 * Context  any; where coroutines run, in their process
 * Blocks   never
 */
SHOAL_API void shoal_channel_free(struct shoal_channel **channel);

/**
 * Put an item in, and wait for room when there is none. It does not wait for
 * anybody to get the item, unless the capacity is 0.
 *
 * When it need not wait it succeeds in a cancelled coroutine too.
 *
 * @param item        borrowed, copied; may be NULL when items have no bytes
 * @param timeout_ms  SHOAL_FOREVER; 0 not to wait
 *
 * Returns  0; -SHOAL_ETIMEDOUT, -SHOAL_ECANCELED or -SHOAL_ECLOSED with nothing
 *          put; -SHOAL_ENOMEM, see shoal_co_may_wait()
 * Context  coroutine
 * Suspends until there is room
 */
SHOAL_API int shoal_co_channel_put(
    struct shoal_channel *channel, const void *item, int timeout_ms);

/**
 * Get the oldest item, and wait for one when there is none. What is in a
 * channel that was closed can still be got.
 *
 * When it need not wait it succeeds in a cancelled coroutine too.
 *
 * @param item_out    set only on success; NULL throws the item away
 * @param timeout_ms  SHOAL_FOREVER; 0 not to wait
 *
 * Returns  0; -SHOAL_ETIMEDOUT or -SHOAL_ECANCELED with nothing taken;
 *          -SHOAL_ECLOSED when it is closed and empty; -SHOAL_ENOMEM, see
 *          shoal_co_may_wait()
 * Context  coroutine
 * Suspends until there is an item
 */
SHOAL_API int shoal_co_channel_get(
    struct shoal_channel *channel, void *item_out, int timeout_ms);

/**
 * Put an item in if there is room, or somebody waits for it.
 *
 * @param item  borrowed, copied; may be NULL when items have no bytes
 *
 * Returns  0; -SHOAL_EAGAIN when it would have to wait; -SHOAL_ECLOSED
 * Context  any; where coroutines run, in their process
 * Blocks   never
 */
SHOAL_API int
shoal_channel_try_put(struct shoal_channel *channel, const void *item);

/**
 * Get the oldest item if there is one, or somebody waits to put it.
 *
 * @param item_out  set only on success; NULL throws the item away
 *
 * Returns  0; -SHOAL_EAGAIN when it would have to wait; -SHOAL_ECLOSED when it
 *          is closed and empty
 * Context  any; where coroutines run, in their process
 * Blocks   never
 */
SHOAL_API int
shoal_channel_try_get(struct shoal_channel *channel, void *item_out);

/**
 * Close a channel: nothing can be put any more, what is in it can still be
 * got. Waits that are under way fail with -SHOAL_ECLOSED; the items of those
 * that waited to put are not taken. Once more is fine.
 *
 * Context  any; where coroutines run, in their process
 * Blocks   never
 */
SHOAL_API void shoal_channel_close(struct shoal_channel *channel);

/** Items that are in a channel, without those that wait to be put. */
SHOAL_API size_t shoal_channel_count(const struct shoal_channel *channel);

/** Whether a channel was closed; there may still be items in it. */
SHOAL_API bool shoal_channel_is_closed(const struct shoal_channel *channel);

#ifdef __cplusplus
}
#endif
