/*
 * This file lends connections to Redis to coroutines, at most so many, to who
 * came first. What is done with them is redis.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shoal/redis.h>

/** Make a pool; nothing is connected. -SHOAL_EINVAL, -SHOAL_ENOMEM,
 *  -SHOAL_EPERM without a loop. */
int sh_redis_pool_new(const char *address,
    const struct shoal_redis_options *options, size_t max, int idle_ms,
    struct shoal_redis_pool **out);
/** Close what is idle and refuse who waits; the rest goes with the last
 *  connection that is given back. */
void sh_redis_pool_free(struct shoal_redis_pool **pool);
/** Whether it is one. */
bool sh_redis_pool_is_valid(const struct shoal_redis_pool *pool);
/** Take a connection, as shoal_co_redis_pool_take(). */
int sh_redis_pool_take(struct shoal_redis_pool *pool, int64_t deadline_us,
    struct shoal_redis **out);
/** Give it back; it is closed when it is not as new, or if the caller says
 *  so. */
void sh_redis_pool_give(
    struct shoal_redis_pool *pool, struct shoal_redis **redis, bool keep);
/** The timeout of its connections. */
int sh_redis_pool_timeout_ms(const struct shoal_redis_pool *pool);
/** Connections that it has, taken or not. */
size_t sh_redis_pool_count(const struct shoal_redis_pool *pool);
