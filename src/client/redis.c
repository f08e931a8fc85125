/*
 * This file sends commands on a connection to Redis and reads the answers, one
 * caller after the other. It does not connect and knows no subscriptions.
 */
#include "config.h"

#include "client/redis.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/co.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/panic.h"
#include "client/redis_private.h"
#include "io/await.h"
#include "io/loop.h"

enum {
	MAGIC = 0x4ed15000,
	TIMEOUT_MS = 5000,
	BACKOFF_FIRST_MS = 50,
	BACKOFF_MAX_MS = 1000,
	REPLY_MAX = 64 * 1024 * 1024,
	APPEND_MAX = 64 * 1024 * 1024
};

static const char place[] = "shoal_co_redis";

static int
copy_text(char **copy_out, const char *text)
{
	*copy_out = text != NULL ? strdup(text) : NULL;
	return text != NULL && *copy_out == NULL ? -SHOAL_ENOMEM : 0;
}

static int
copy_texts(struct shoal_redis *redis, const char *address,
    const struct shoal_redis_options *options)
{
	int r = copy_text(&redis->address, address);

	if (r == 0)
		r = copy_text(&redis->user, options->user);
	if (r == 0)
		r = copy_text(&redis->password, options->password);
	if (r == 0)
		r = copy_text(&redis->name, options->name);
	redis->options.user = redis->user;
	redis->options.password = redis->password;
	redis->options.name = redis->name;
	return r;
}

static void
release(struct shoal_redis *redis)
{
	sh_redis_link_close(&redis->link);
	sh_redis_subscriptions_free(redis);
	sh_buf_fini(&redis->appended);
	if (redis->password != NULL)
		explicit_bzero(redis->password, strlen(redis->password));
	free(redis->address);
	free(redis->user);
	free(redis->password);
	free(redis->name);
	redis->magic = 0;
	free(redis);
}

static int
check_options(const char *address, const struct shoal_redis_options *options)
{
	if (address == NULL || options->size < sizeof(*options) ||
	    options->db < 0 || options->timeout_ms < SHOAL_FOREVER ||
	    options->reply_max > SH_REDIS_REPLY_CEILING ||
	    (options->user != NULL && options->password == NULL))
		return -SHOAL_EINVAL;
	return sh_loop_current() == NULL ? -SHOAL_EPERM : 0;
}

static void
set_defaults(struct shoal_redis_options *options)
{
	if (options->timeout_ms == 0)
		options->timeout_ms = TIMEOUT_MS;
	if (options->reply_max == 0)
		options->reply_max = REPLY_MAX;
	if (options->append_max == 0)
		options->append_max = APPEND_MAX;
}

int
sh_redis_new(const char *address, const struct shoal_redis_options *options,
    struct shoal_redis **out)
{
	static const struct shoal_redis_options none = { .size = sizeof(none) };
	struct shoal_redis *redis;
	int r;

	if (options == NULL)
		options = &none;
	r = check_options(address, options);
	if (r < 0)
		return r;
	redis = sh_try_calloc(1, sizeof(*redis));
	if (redis == NULL)
		return -SHOAL_ENOMEM;
	redis->magic = MAGIC;
	redis->refs = 1;
	redis->options = *options;
	set_defaults(&redis->options);
	sh_redis_set_backoff(redis, BACKOFF_FIRST_MS, BACKOFF_MAX_MS);
	TAILQ_INIT(&redis->turns);
	TAILQ_INIT(&redis->subs.events);
	TAILQ_INIT(&redis->subs.tickets);
	TAILQ_INIT(&redis->subs.followers);
	sh_buf_init(&redis->appended, redis->options.append_max);
	sh_redis_link_init(&redis->link, redis->options.reply_max);
	r = copy_texts(redis, address, options);
	if (r < 0)
		release(redis);
	else
		*out = redis;
	return r;
}

bool
sh_redis_is_valid(const struct shoal_redis *redis)
{
	return redis != NULL && redis->magic == MAGIC;
}

void
sh_redis_ref(struct shoal_redis *redis)
{
	redis->refs++;
}

void
sh_redis_unref(struct shoal_redis *redis)
{
	if (--redis->refs == 0)
		release(redis);
}

void
sh_redis_free(struct shoal_redis **redis)
{
	struct shoal_redis *r = *redis;
	struct sh_redis_turn *turn;

	*redis = NULL;
	r->closed = true;
	sh_redis_link_close(&r->link);
	/* the first one is told by its socket, or sees it at its next step */
	TAILQ_FOREACH(turn, &r->turns, link) {
		if (turn != TAILQ_FIRST(&r->turns))
			sh_co_wake(turn->co, -SHOAL_ECANCELED);
	}
	sh_redis_subscriptions_wake(r);
	sh_redis_unref(r);
}

int
sh_redis_timeout_ms(const struct shoal_redis *redis)
{
	return redis->options.timeout_ms;
}

void
sh_redis_set_timeout(struct shoal_redis *redis, int ms)
{
	redis->options.timeout_ms = ms < 0 ? SHOAL_FOREVER : ms;
}

void
sh_redis_set_backoff(
    struct shoal_redis *redis, uint32_t first_ms, uint32_t max_ms)
{
	redis->backoff.first_ms = first_ms;
	redis->backoff.max_ms = max_ms;
}

struct sh_redis_link *
sh_redis_lend_link(struct shoal_redis *redis)
{
	return &redis->link;
}

int
sh_redis_turn_begin(
    struct shoal_redis *redis, struct sh_redis_turn *turn, int64_t deadline_us)
{
	int r = 0;

	turn->co = sh_co_running();
	if (turn->co == NULL)
		sh_panic(__FILE__, __LINE__, __func__,
		    "a function that waits was called outside of a coroutine");
	turn->begun_us = sh_clock_us();
	sh_redis_ref(redis);
	TAILQ_INSERT_TAIL(&redis->turns, turn, link);
	while (r == 0 && TAILQ_FIRST(&redis->turns) != turn)
		r = sh_await_peer(place, deadline_us);
	if (r == 0 && redis->closed)
		r = -SHOAL_ECANCELED;
	if (r < 0)
		sh_redis_turn_end(redis, turn);
	return r;
}

void
sh_redis_turn_end(struct shoal_redis *redis, struct sh_redis_turn *turn)
{
	bool had_it = TAILQ_FIRST(&redis->turns) == turn;

	TAILQ_REMOVE(&redis->turns, turn, link);
	if (had_it && !TAILQ_EMPTY(&redis->turns))
		sh_co_wake(TAILQ_FIRST(&redis->turns)->co, 0);
	sh_redis_unref(redis);
}

/* Have a connection that works as far as one can tell; nothing has been sent
 * yet, so this may make another one. The look costs a recv(2) each time, which
 * is what it takes not to lose the first command after a restart of Redis. */
static int
make_ready(struct shoal_redis *redis, const struct sh_redis_turn *turn,
    int64_t deadline_us)
{
	const struct sh_redis_backoff *backoff = &redis->backoff;
	int r;

	if (redis->subs.on)
		return -SHOAL_ESTATE;
	r = sh_redis_link_check(&redis->link);
	if (r != -SHOAL_ENOTCONN)
		return r;
	sh_redis_link_close(&redis->link);
	if (redis->state != 0) {
		redis->state = 0;
		return -SHOAL_ECONNRESET;
	}
	if (backoff->failures != 0 && backoff->failed_us > turn->begun_us)
		return backoff->error;
	return sh_redis_link_up(redis, deadline_us);
}

static void
free_replies(struct shoal_redis_reply **replies, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		sh_redis_reply_free(&replies[i]);
}

/* Read n replies; those that nobody wants are freed one by one, and tell by
 * *refused_out whether one was an error. */
static int
read_replies(struct shoal_redis *redis, struct shoal_redis_reply **replies,
    size_t n, bool *refused_out, int64_t deadline_us)
{
	struct shoal_redis_reply *reply = NULL;
	size_t i;
	int r;

	*refused_out = false;
	for (i = 0; i < n; i++) {
		r = sh_redis_link_read(&redis->link, deadline_us, &reply);
		if (r < 0) {
			if (replies != NULL)
				free_replies(replies, i);
			return r;
		}
		if (reply->type == SHOAL_REDIS_ERROR)
			*refused_out = true;
		if (replies != NULL)
			replies[i] = reply;
		else
			sh_redis_reply_free(&reply);
	}
	return 0;
}

/* After this failed nobody knows what Redis has done. */
static int
transfer(struct shoal_redis *redis, const struct sh_redis_command *command,
    struct shoal_redis_reply **replies, size_t n, int64_t deadline_us)
{
	bool refused = false;
	int r;

	sh_redis_reader_refill(&redis->link.reader);
	r = sh_redis_link_send(
	    &redis->link, command->data, command->len, deadline_us);
	if (r == 0)
		r = read_replies(redis, replies, n, &refused, deadline_us);
	/* an answer too many: who knows to which command these belong */
	if (r == 0 && !sh_redis_reader_is_empty(&redis->link.reader)) {
		if (replies != NULL)
			free_replies(replies, n);
		r = -SHOAL_EPROTO;
	}
	if (r < 0) {
		sh_redis_link_close(&redis->link);
		redis->state = 0;
		return redis->closed ? -SHOAL_ECANCELED : r;
	}
	sh_redis_reader_trim(&redis->link.reader);
	redis->state = (redis->state & ~(unsigned)command->effect.clear) |
	    command->effect.set;
	return refused && replies == NULL ? -EREMOTEIO : 0;
}

static int
exchange(struct shoal_redis *redis, const struct sh_redis_command *command,
    struct shoal_redis_reply **replies, size_t n, int64_t deadline_us)
{
	struct sh_redis_turn turn;
	int r;

	r = sh_redis_turn_begin(redis, &turn, deadline_us);
	if (r < 0)
		return r;
	r = make_ready(redis, &turn, deadline_us);
	if (r == 0)
		r = transfer(redis, command, replies, n, deadline_us);
	sh_redis_turn_end(redis, &turn);
	return r;
}

int
sh_redis_exchange(struct shoal_redis *redis,
    const struct sh_redis_command *command,
    struct shoal_redis_reply **replies_out, size_t n, int64_t deadline_us)
{
	struct shoal_redis_reply *reply = NULL, **replies = NULL;
	int r;

	if (replies_out == NULL)
		return exchange(redis, command, NULL, n, deadline_us);
	if (n == 1) {
		r = exchange(redis, command, &reply, n, deadline_us);
		if (r == 0)
			*replies_out = reply;
		return r;
	}
	replies = sh_try_calloc(n, sizeof(struct shoal_redis_reply *));
	if (replies == NULL)
		return -SHOAL_ENOMEM;
	r = exchange(redis, command, replies, n, deadline_us);
	if (r == 0)
		memcpy(replies_out, replies,
		    n * sizeof(struct shoal_redis_reply *));
	free(replies);
	return r;
}

int
sh_redis_append(
    struct shoal_redis *redis, const struct sh_redis_command *command)
{
	int r = sh_buf_add(&redis->appended, command->data, command->len);

	/* the commands before it are there all the same */
	redis->appended.failed = false;
	if (r < 0)
		return r;
	redis->appended_effect =
	    sh_redis_effect_then(redis->appended_effect, command->effect);
	redis->appended_count++;
	return 0;
}

size_t
sh_redis_appended(const struct shoal_redis *redis)
{
	return redis->appended_count;
}

static void
forget_appended(struct shoal_redis *redis)
{
	sh_buf_fini(&redis->appended);
	sh_buf_init(&redis->appended, redis->options.append_max);
	redis->appended_count = 0;
	redis->appended_effect = (struct sh_redis_effect){ 0 };
}

int
sh_redis_exchange_appended(struct shoal_redis *redis,
    struct shoal_redis_reply **replies_out, size_t n, int64_t deadline_us)
{
	struct sh_redis_command command;
	struct sh_buf appended = redis->appended;
	int r;

	if (n == 0 || n != redis->appended_count)
		return -SHOAL_EINVAL;
	command.data = appended.data;
	command.len = appended.len;
	command.effect = redis->appended_effect;
	/* others may append while these are on their way */
	sh_buf_init(&redis->appended, redis->options.append_max);
	forget_appended(redis);
	r = sh_redis_exchange(redis, &command, replies_out, n, deadline_us);
	sh_buf_fini(&appended);
	return r;
}

bool
sh_redis_tidy(struct shoal_redis *redis)
{
	forget_appended(redis);
	return sh_redis_link_is_open(&redis->link) && redis->state == 0 &&
	    !redis->subs.on && TAILQ_EMPTY(&redis->subs.events) &&
	    TAILQ_EMPTY(&redis->turns);
}
