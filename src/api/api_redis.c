/* This file is <shoal/redis.h>. */
#include "config.h"

#include <shoal/redis.h>

#include <string.h>

#include <shoal/co.h>

#include "base/panic.h"
#include "client/redis.h"
#include "client/redis_command.h"
#include "client/redis_pool.h"
#include "client/redis_private.h"
#include "client/redis_reply.h"
#include "io/await.h"

/* The connection that a caller has; it ends here if that is none. */
static struct shoal_redis *
valid(struct shoal_redis *redis)
{
	sh_assert(sh_redis_is_valid(redis));
	return redis;
}

int
shoal_co_redis_connect(const char *address,
    const struct shoal_redis_options *options, int timeout_ms,
    struct shoal_redis **out)
{
	struct shoal_redis *redis;
	int r;

	r = sh_redis_new(address, options, &redis);
	if (r < 0)
		return r;
	r = sh_redis_connect(redis, sh_deadline_us(timeout_ms));
	if (r < 0)
		sh_redis_free(&redis);
	else
		*out = redis;
	return r;
}

void
shoal_redis_free(struct shoal_redis **redis)
{
	if (redis == NULL || *redis == NULL)
		return;
	if (valid(*redis)->pool != NULL)
		sh_redis_pool_give((*redis)->pool, redis, false);
	else
		sh_redis_free(redis);
}

void
shoal_redis_set_timeout(struct shoal_redis *redis, int ms)
{
	sh_redis_set_timeout(valid(redis), ms);
}

/* --- commands --- */

/* Takes the command. */
static int
run(struct shoal_redis *redis, struct sh_redis_command *command,
    struct shoal_redis_reply **reply_out, int64_t deadline_us)
{
	int r = sh_redis_exchange(redis, command, reply_out, 1, deadline_us);

	sh_redis_command_free(command);
	return r;
}

int
shoal_co_redis_commandv(struct shoal_redis *redis,
    struct shoal_redis_reply **reply_out, int timeout_ms, const char *format,
    va_list args)
{
	struct sh_redis_command command;
	int r = sh_redis_command_format(&command, format, args);

	if (r < 0)
		return r;
	return run(
	    valid(redis), &command, reply_out, sh_deadline_us(timeout_ms));
}

int
shoal_co_redis_command(struct shoal_redis *redis,
    struct shoal_redis_reply **reply_out, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = shoal_co_redis_commandv(
	    redis, reply_out, sh_redis_timeout_ms(valid(redis)), format, args);
	va_end(args);
	return r;
}

int
shoal_co_redis_command_argv(struct shoal_redis *redis,
    struct shoal_redis_reply **reply_out, int argc, const char *const *argv,
    const size_t *lens, int timeout_ms)
{
	struct sh_redis_command command;
	int r = sh_redis_command_argv(&command, argc, argv, lens);

	if (r < 0)
		return r;
	return run(
	    valid(redis), &command, reply_out, sh_deadline_us(timeout_ms));
}

/* Takes the command. */
static int
append(struct shoal_redis *redis, struct sh_redis_command *command)
{
	int r = sh_redis_append(redis, command);

	sh_redis_command_free(command);
	return r;
}

int
shoal_redis_append(struct shoal_redis *redis, const char *format, ...)
{
	struct sh_redis_command command;
	va_list args;
	int r;

	va_start(args, format);
	r = sh_redis_command_format(&command, format, args);
	va_end(args);
	return r < 0 ? r : append(valid(redis), &command);
}

int
shoal_redis_append_argv(struct shoal_redis *redis, int argc,
    const char *const *argv, const size_t *lens)
{
	struct sh_redis_command command;
	int r = sh_redis_command_argv(&command, argc, argv, lens);

	return r < 0 ? r : append(valid(redis), &command);
}

size_t
shoal_redis_appended(const struct shoal_redis *redis)
{
	return sh_redis_appended(redis);
}

int
shoal_co_redis_exchange(struct shoal_redis *redis,
    struct shoal_redis_reply **replies_out, size_t n, int timeout_ms)
{
	return sh_redis_exchange_appended(
	    valid(redis), replies_out, n, sh_deadline_us(timeout_ms));
}

void
shoal_redis_reply_free(struct shoal_redis_reply **reply)
{
	sh_redis_reply_free(reply);
}

bool
shoal_redis_reply_is_error(
    const struct shoal_redis_reply *reply, const char *kind)
{
	size_t len;

	if (reply == NULL || reply->type != SHOAL_REDIS_ERROR)
		return false;
	if (kind == NULL)
		return true;
	len = strlen(kind);
	return strncmp(reply->text, kind, len) == 0 &&
	    (reply->text[len] == ' ' || reply->text[len] == '\0');
}

/* --- subscriptions --- */

int
shoal_co_redis_subscribe(
    struct shoal_redis *redis, const char *channel, int timeout_ms)
{
	return sh_redis_subscribe(
	    valid(redis), channel, false, sh_deadline_us(timeout_ms));
}

int
shoal_co_redis_psubscribe(
    struct shoal_redis *redis, const char *pattern, int timeout_ms)
{
	return sh_redis_subscribe(
	    valid(redis), pattern, true, sh_deadline_us(timeout_ms));
}

int
shoal_co_redis_unsubscribe(
    struct shoal_redis *redis, const char *channel, int timeout_ms)
{
	return sh_redis_unsubscribe(
	    valid(redis), channel, false, sh_deadline_us(timeout_ms));
}

int
shoal_co_redis_punsubscribe(
    struct shoal_redis *redis, const char *pattern, int timeout_ms)
{
	return sh_redis_unsubscribe(
	    valid(redis), pattern, true, sh_deadline_us(timeout_ms));
}

int
shoal_co_redis_receive(struct shoal_redis *redis,
    struct shoal_redis_message **message_out, int timeout_ms)
{
	return sh_redis_receive(
	    valid(redis), message_out, sh_deadline_us(timeout_ms));
}

void
shoal_redis_message_free(struct shoal_redis_message **message)
{
	sh_redis_message_free(message);
}

/* --- a pool --- */

int
shoal_redis_pool_new(const char *address,
    const struct shoal_redis_options *options, size_t max, int idle_ms,
    struct shoal_redis_pool **out)
{
	return sh_redis_pool_new(address, options, max, idle_ms, out);
}

static struct shoal_redis_pool *
valid_pool(struct shoal_redis_pool *pool)
{
	sh_assert(sh_redis_pool_is_valid(pool));
	return pool;
}

void
shoal_redis_pool_free(struct shoal_redis_pool **pool)
{
	if (pool != NULL && *pool != NULL && valid_pool(*pool) != NULL)
		sh_redis_pool_free(pool);
}

int
shoal_co_redis_pool_take(
    struct shoal_redis_pool *pool, int timeout_ms, struct shoal_redis **out)
{
	return sh_redis_pool_take(
	    valid_pool(pool), sh_deadline_us(timeout_ms), out);
}

void
shoal_redis_pool_give(struct shoal_redis_pool *pool, struct shoal_redis **redis)
{
	if (redis != NULL && *redis != NULL)
		sh_redis_pool_give(valid_pool(pool), redis, true);
}

/* Takes the command. */
static int
run_in_pool(struct shoal_redis_pool *pool, struct sh_redis_command *command,
    struct shoal_redis_reply **reply_out)
{
	int64_t deadline_us = sh_deadline_us(sh_redis_pool_timeout_ms(pool));
	struct shoal_redis *redis;
	int r;

	r = sh_redis_pool_take(pool, deadline_us, &redis);
	if (r == 0) {
		r = sh_redis_exchange(
		    redis, command, reply_out, 1, deadline_us);
		sh_redis_pool_give(pool, &redis, true);
	}
	sh_redis_command_free(command);
	return r;
}

int
shoal_co_redis_pool_command(struct shoal_redis_pool *pool,
    struct shoal_redis_reply **reply_out, const char *format, ...)
{
	struct sh_redis_command command;
	va_list args;
	int r;

	va_start(args, format);
	r = sh_redis_command_format(&command, format, args);
	va_end(args);
	return r < 0 ? r : run_in_pool(valid_pool(pool), &command, reply_out);
}

size_t
shoal_redis_pool_count(const struct shoal_redis_pool *pool)
{
	return sh_redis_pool_count(pool);
}
