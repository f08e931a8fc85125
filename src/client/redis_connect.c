/*
 * This file connects to Redis and says who we are; after failures it waits
 * before the next attempt. It does not know why there has to be a connection.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "client/redis_private.h"
#include "io/await.h"

/* What is said at the beginning of a connection. */
struct greeting {
	struct sh_buf bytes;
	size_t count;
};

static int
add(struct greeting *greeting, int argc, const char *const *argv)
{
	struct sh_redis_command command;
	int r = sh_redis_command_raw(&command, argc, argv, NULL);

	if (r < 0)
		return r;
	r = sh_buf_add(&greeting->bytes, command.data, command.len);
	sh_redis_command_free(&command);
	greeting->count++;
	return r;
}

static int
add_auth(struct greeting *greeting, const struct shoal_redis_options *options)
{
	const char *with_user[] = { "AUTH", options->user, options->password };
	const char *without[] = { "AUTH", options->password };

	if (options->user != NULL)
		return add(greeting, 3, with_user);
	return add(greeting, 2, without);
}

static int
add_select(struct greeting *greeting, int db)
{
	char number[16];
	const char *words[] = { "SELECT", number };

	snprintf(number, sizeof(number), "%d", db);
	return add(greeting, 2, words);
}

static int
compose(struct greeting *greeting, const struct shoal_redis_options *options)
{
	const char *name[] = { "CLIENT", "SETNAME", options->name };
	int r = 0;

	if (options->password != NULL)
		r = add_auth(greeting, options);
	if (r == 0 && options->db != 0)
		r = add_select(greeting, options->db);
	if (r == 0 && options->name != NULL)
		r = add(greeting, 3, name);
	return r;
}

static bool
is_kind(const struct shoal_redis_reply *reply, const char *const *kinds)
{
	for (; *kinds != NULL; kinds++)
		if (strncmp(reply->text, *kinds, strlen(*kinds)) == 0)
			return true;
	return false;
}

static int
judge(const struct shoal_redis_reply *reply)
{
	static const char *const no_entry[] = { "WRONGPASS", "NOAUTH", "NOPERM",
		"ERR invalid password", "ERR AUTH ", "ERR Client sent AUTH",
		NULL };
	static const char *const not_now[] = { "LOADING", "MASTERDOWN", "BUSY",
		"ERR max number of clients", NULL };

	if (reply->type != SHOAL_REDIS_ERROR)
		return 0;
	if (is_kind(reply, no_entry))
		return -EACCES;
	return is_kind(reply, not_now) ? -SHOAL_EAGAIN : -EREMOTEIO;
}

static int
read_answers(struct shoal_redis *redis, size_t n, int64_t deadline_us)
{
	struct shoal_redis_reply *reply = NULL;
	int r = 0;

	while (r == 0 && n-- > 0) {
		r = sh_redis_link_read(&redis->link, deadline_us, &reply);
		if (r == 0) {
			r = judge(reply);
			sh_redis_reply_free(&reply);
		}
	}
	return r;
}

static int
greet(struct shoal_redis *redis, int64_t deadline_us)
{
	struct greeting greeting = { .count = 0 };
	int r;

	sh_buf_init(&greeting.bytes, SIZE_MAX);
	r = compose(&greeting, &redis->options);
	if (r == 0 && greeting.count != 0)
		r = sh_redis_link_send(&redis->link, greeting.bytes.data,
		    greeting.bytes.len, deadline_us);
	/* there is a password in it */
	if (greeting.bytes.data != NULL)
		explicit_bzero(greeting.bytes.data, greeting.bytes.len);
	sh_buf_fini(&greeting.bytes);
	return r < 0 ? r : read_answers(redis, greeting.count, deadline_us);
}

/* Failures in a row are put off longer and longer; by chance, so that all who
 * lost their connection at the same moment do not come back at the same. */
static void
note_failure(struct sh_redis_backoff *backoff, int error)
{
	uint32_t ms = backoff->first_ms, i;

	for (i = 0; i < backoff->failures && ms < backoff->max_ms; i++)
		ms *= 2;
	if (ms > backoff->max_ms)
		ms = backoff->max_ms;
	ms = ms / 2 + arc4random_uniform(ms / 2 + 1);
	backoff->failures++;
	backoff->error = error;
	backoff->failed_us = sh_clock_us();
	backoff->until_us = backoff->failed_us + (int64_t)ms * 1000;
}

void
sh_redis_put_off(struct shoal_redis *redis, int error)
{
	note_failure(&redis->backoff, error);
}

static int
wait_for_its_time(struct shoal_redis *redis, int64_t deadline_us)
{
	const struct sh_redis_backoff *backoff = &redis->backoff;
	int r;

	if (backoff->failures == 0 || backoff->until_us <= sh_clock_us())
		return 0;
	if (deadline_us < backoff->until_us)
		return backoff->error;
	r = sh_await(
	    "shoal_co_redis, before it connects again", backoff->until_us);
	if (redis->closed)
		return -SHOAL_ECANCELED;
	return r == -SHOAL_ETIMEDOUT ? 0 : r;
}

/* No attempt takes longer than the options say. */
static int64_t
attempt_deadline_us(const struct shoal_redis *redis, int64_t deadline_us)
{
	int64_t other_us = sh_deadline_us(redis->options.timeout_ms);

	return other_us < deadline_us && other_us != 0 ? other_us : deadline_us;
}

static int
attempt(struct shoal_redis *redis, int64_t deadline_us)
{
	int r;

	r = sh_redis_link_open(&redis->link, redis->address, deadline_us);
	if (r == 0 && redis->closed)
		r = -SHOAL_ECANCELED;
	sh_redis_reader_refill(&redis->link.reader);
	if (r == 0)
		r = greet(redis, deadline_us);
	if (r == 0 && !sh_redis_reader_is_empty(&redis->link.reader))
		r = -SHOAL_EPROTO;
	if (r < 0)
		sh_redis_link_close(&redis->link);
	return r;
}

int
sh_redis_link_up(struct shoal_redis *redis, int64_t deadline_us)
{
	int r;

	if (redis->was_up && redis->options.no_reconnect)
		return -SHOAL_ENOTCONN;
	r = wait_for_its_time(redis, deadline_us);
	if (r < 0)
		return r;
	r = attempt(redis, attempt_deadline_us(redis, deadline_us));
	if (redis->closed)
		return -SHOAL_ECANCELED;
	if (r == 0) {
		redis->was_up = true;
		redis->backoff.failures = 0;
	} else if (r != -SHOAL_ECANCELED && r != -SHOAL_ENOMEM) {
		note_failure(&redis->backoff, r);
	}
	return r;
}

int
sh_redis_connect(struct shoal_redis *redis, int64_t deadline_us)
{
	struct sh_redis_turn turn;
	int r;

	r = sh_redis_turn_begin(redis, &turn, deadline_us);
	if (r < 0)
		return r;
	r = sh_redis_link_up(redis, deadline_us);
	sh_redis_turn_end(redis, &turn);
	return r;
}
