/*
 * This file is what <shoal/redis.h> promises of one connection: turns,
 * commands, reconnects and subscriptions. Pools are redis_pool.h.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "client/redis_command.h"

#include <shoal/redis.h>

struct sh_redis_link;

/* --- redis.c ---------------------------------------------------------------- */

/** Check the options and keep a copy, without connecting. -SHOAL_EINVAL,
 *  -SHOAL_ENOMEM, -SHOAL_EPERM without a loop. */
int sh_redis_new(const char *address, const struct shoal_redis_options *options,
    struct shoal_redis **out);
/** Close it and make those who use it leave; the last of them frees it. */
void sh_redis_free(struct shoal_redis **redis);
/** Whether it is one. */
bool sh_redis_is_valid(const struct shoal_redis *redis);
/** Make the first connection. */
int sh_redis_connect(struct shoal_redis *redis, int64_t deadline_us);
/** The timeout of calls without one. */
int sh_redis_timeout_ms(const struct shoal_redis *redis);
/** Change it. */
void sh_redis_set_timeout(struct shoal_redis *redis, int ms);
/** Pauses after failed attempts: the first, and the longest. */
void sh_redis_set_backoff(
    struct shoal_redis *redis, uint32_t first_ms, uint32_t max_ms);
/** The connection that was made was of no use: the next attempt is put off, as after
 *  a failed one. */
void sh_redis_put_off(struct shoal_redis *redis, int error);
/** Its connection, for a single owner who speaks on it himself and calls nothing else
 *  than sh_redis_connect(), which makes it again after he has closed it. Lent. */
struct sh_redis_link *sh_redis_lend_link(struct shoal_redis *redis);
/** Send a command, of n ones, and wait for n replies; replies_out may be
 *  NULL. */
int sh_redis_exchange(struct shoal_redis *redis,
    const struct sh_redis_command *command,
    struct shoal_redis_reply **replies_out, size_t n, int64_t deadline_us);
/** Append a command to those of the next exchange (copies). */
int sh_redis_append(
    struct shoal_redis *redis, const struct sh_redis_command *command);
/** Their number. */
size_t sh_redis_appended(const struct shoal_redis *redis);
/** Send them. */
int sh_redis_exchange_appended(struct shoal_redis *redis,
    struct shoal_redis_reply **replies_out, size_t n, int64_t deadline_us);
/** Make it as new, for somebody else: whether that is possible. */
bool sh_redis_tidy(struct shoal_redis *redis);

/* --- redis_subscribe.c ------------------------------------------------------ */

/** Subscribe to a channel or a pattern. */
int sh_redis_subscribe(struct shoal_redis *redis, const char *name,
    bool is_pattern, int64_t deadline_us);
/** Give that up. */
int sh_redis_unsubscribe(struct shoal_redis *redis, const char *name,
    bool is_pattern, int64_t deadline_us);
/** Wait for a message. */
int sh_redis_receive(struct shoal_redis *redis,
    struct shoal_redis_message **message_out, int64_t deadline_us);
/** Free one. */
void sh_redis_message_free(struct shoal_redis_message **message);
