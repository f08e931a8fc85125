/*
 * This file is the carrier through Redis as others see it: what is wanted and
 * published is noted here, and done by the coroutines of its two connections.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/panic.h"
#include "base/server_url.h"
#include "io/await.h"
#include "io/loop.h"
#include "broker/broker.h"
#include "broker/redis_private.h"
#include "topic/filter.h"
#include "topic/keep.h"
#include "topic/publication.h"

enum { DEFAULT_PORT = 6379, BODY_PARTS = 3 };

/* --- its life --- */

void
sh_redis_carrier_ref(struct sh_redis_carrier *carrier)
{
	carrier->refs++;
}

static void
release(struct sh_redis_carrier *carrier)
{
	sh_redis_asks_clear(carrier);
	sh_redis_posts_clear(carrier);
	sh_redis_recalls_clear(carrier);
	sh_redis_wanted_fini(&carrier->wanted);
	sh_hold_fini(&carrier->hold);
	sh_redis_free(&carrier->in);
	sh_redis_free(&carrier->out);
	free(carrier->address);
	free(carrier->prefix);
	free(carrier->peers_channel);
	free(carrier->name);
	free(carrier);
}

void
sh_redis_carrier_unref(struct sh_redis_carrier *carrier)
{
	if (--carrier->refs == 0)
		release(carrier);
}

static void
close_carrier(struct sh_carrier **carrier)
{
	struct sh_redis_carrier *redis = sh_redis_carrier_of(*carrier);

	*carrier = NULL;
	redis->closed = true;
	sh_redis_inbox_end(redis);
	if (redis->follower != NULL)
		sh_await_cancel(redis->follower);
	if (redis->sender != NULL)
		sh_await_cancel(redis->sender);
	sh_redis_carrier_unref(redis);
}

/* --- subscriptions --- */

static int
want(struct sh_carrier *carrier, const char *filter)
{
	struct sh_redis_carrier *redis = sh_redis_carrier_of(carrier);
	bool wild = sh_filter_is_wild(filter, strlen(filter)), first;
	size_t len =
	    sh_redis_name_write(redis->name, redis->prefix, filter, wild);
	int r;

	r = sh_redis_wanted_add(&redis->wanted, redis->name, len, wild, &first);
	if (r < 0 || !first)
		return r;
	r = sh_redis_ask(redis, redis->name, wild, true);
	if (r < 0)
		sh_redis_wanted_remove(&redis->wanted, redis->name, len, wild);
	return r;
}

/* Without memory it goes on coming, and nobody takes it. */
static void
unwant(struct sh_carrier *carrier, const char *filter)
{
	struct sh_redis_carrier *redis = sh_redis_carrier_of(carrier);
	bool wild = sh_filter_is_wild(filter, strlen(filter));
	size_t len =
	    sh_redis_name_write(redis->name, redis->prefix, filter, wild);

	if (sh_redis_wanted_remove(&redis->wanted, redis->name, len, wild))
		(void)sh_redis_ask(redis, redis->name, wild, false);
}

static bool
is_settled(const struct sh_carrier *carrier)
{
	return sh_redis_carrier_of(carrier)->settled;
}

/* --- publishing --- */

/* While it is not there for longer than what waits may, nothing is taken. */
static bool
is_away(struct sh_redis_carrier *redis)
{
	if (redis->out_ended)
		return true;
	return !redis->out_up &&
	    sh_clock_us() - redis->out_down_us > redis->timeout_ms * 1000;
}

static int
publish_plain(struct sh_redis_carrier *redis,
    const struct sh_publication *publication, const struct iovec *body)
{
	struct sh_redis_words words = { .last = body,
		.last_count = BODY_PARTS };
	size_t prefix_len = strlen(redis->prefix);

	memcpy(redis->name, redis->prefix, prefix_len);
	memcpy(redis->name + prefix_len, publication->topic,
	    publication->topic_len);
	sh_redis_word_add(&words, "PUBLISH", strlen("PUBLISH"));
	sh_redis_word_add(
	    &words, redis->name, prefix_len + publication->topic_len);
	if (sh_redis_post_add(redis, SH_REDIS_POST_PUBLISH,
		SH_REDIS_SCRIPT_NONE, &words) == NULL)
		return -SHOAL_ENOMEM;
	return 0;
}

static int
publish(struct sh_carrier *carrier, const struct sh_publication *publication,
    bool kept)
{
	struct sh_redis_carrier *redis = sh_redis_carrier_of(carrier);
	uint8_t number[SH_REDIS_HEAD_LEN], head[SH_PUBLICATION_HEADER_MAX];
	const struct sh_keep *keep = kept
	    ? sh_keep_find(publication->topic, publication->topic_len)
	    : NULL;
	struct iovec body[BODY_PARTS] = {
		{ .iov_base = number, .iov_len = sizeof(number) },
		{ .iov_base = head },
		{ .iov_base = (void *)(uintptr_t)publication->data,
		    .iov_len = publication->len },
	};
	int r;

	if (publication->len > SH_REDIS_MESSAGE_MAX)
		return -SHOAL_EMSGSIZE;
	if (is_away(redis)) {
		sh_redis_posts_expire(redis, false);
		return -SHOAL_ENOTCONN;
	}
	body[1].iov_len = sh_publication_encode(publication, head);
	if (!sh_redis_post_fits(redis, body[1].iov_len + publication->len)) {
		redis->wants_room = true;
		return -SHOAL_EAGAIN;
	}
	sh_redis_head_write(number, redis->process, ++redis->count);
	r = keep != NULL
	    ? sh_redis_keep(redis, publication, keep, body, BODY_PARTS)
	    : publish_plain(redis, publication, body);
	if (r == 0)
		sh_redis_send_wake(redis);
	return r;
}

/* --- the rest --- */

static int
replay(struct sh_carrier *carrier, const struct sh_replay *ask)
{
	return sh_redis_recall(sh_redis_carrier_of(carrier), ask);
}

static void
forget(struct sh_carrier *carrier, void *arg)
{
	sh_redis_recall_forget(sh_redis_carrier_of(carrier), arg);
}

static size_t
peers(const struct sh_carrier *carrier)
{
	const struct sh_redis_carrier *redis = sh_redis_carrier_of(carrier);

	if (!redis->out_up)
		return SIZE_MAX;
	return redis->peers != 0 ? redis->peers : 1;
}

/* What waits goes out in a moment, if there is a connection. */
static bool
is_busy(const struct sh_carrier *carrier)
{
	const struct sh_redis_carrier *redis = sh_redis_carrier_of(carrier);

	return redis->out_up && redis->queued != 0;
}

static const struct sh_carrier_ops ops = {
	.name = "redis",
	.loops_back = true,
	.want = want,
	.unwant = unwant,
	.publish = publish,
	.replay = replay,
	.forget = forget,
	.is_settled = is_settled,
	.peers = peers,
	.is_busy = is_busy,
	.close = close_carrier,
};

/* --- its begin --- */

static int
make_client(const struct sh_broker_options *options,
    const struct sh_server_url *url, const char *name, struct shoal_redis **out)
{
	const char *user = options->user[0] != '\0' ? options->user : url->user;
	struct shoal_redis_options redis = {
		.size = sizeof(redis),
		.user = user[0] != '\0' && options->password[0] != '\0' ? user
									: NULL,
		.password =
		    options->password[0] != '\0' ? options->password : NULL,
		.db = (int)strtol(url->path, NULL, 10),
		.name = name,
		.timeout_ms = (int)options->timeout_ms,
	};
	int r;

	r = sh_redis_new(url->address, &redis, out);
	if (r == 0)
		sh_redis_set_backoff(*out, (uint32_t)options->backoff_first_ms,
		    (uint32_t)options->backoff_max_ms);
	return r;
}

static int
make_clients(
    struct sh_redis_carrier *redis, const struct sh_broker_options *options)
{
	struct sh_server_url url;
	const char *why;
	int r;

	sh_assert(options->url_count == 1);
	r = sh_server_url_parse(&url, options->urls[0], DEFAULT_PORT, &why);
	sh_assert(r == 0);
	redis->address = sh_xstrdup(url.address);
	r = make_client(options, &url, "shoal-subscribe", &redis->in);
	if (r == 0)
		r = make_client(options, &url, "shoal-publish", &redis->out);
	if (r < 0)
		return r;
	redis->in_link = sh_redis_lend_link(redis->in);
	redis->out_link = sh_redis_lend_link(redis->out);
	return 0;
}

static void
fill(struct sh_redis_carrier *redis, struct sh_loop *loop,
    const struct sh_broker_options *options)
{
	struct sh_counters *counters = sh_loop_options(loop)->counters;

	redis->carrier.ops = &ops;
	redis->loop = loop;
	redis->refs = 1;
	redis->timeout_ms = options->timeout_ms;
	redis->queue_max = options->queue_max;
	sh_hold_init(&redis->hold, options->queue_max);
	redis->counters = counters != NULL ? counters : &redis->own_counters;
	redis->prefix = sh_xstrdup(options->prefix);
	redis->peers_channel = sh_xprintf("%s$peers", options->prefix);
	redis->name = sh_xcalloc(1, sh_redis_name_cap(options->prefix));
	redis->out_down_us = sh_clock_us();
	arc4random_buf(&redis->process, sizeof(redis->process));
	STAILQ_INIT(&redis->asks);
	STAILQ_INIT(&redis->waiting);
	STAILQ_INIT(&redis->sent);
	LIST_INIT(&redis->recalls);
	STAILQ_INIT(&redis->answered);
	sh_redis_inbox_init(redis);
	sh_buf_init(&redis->ask_bytes, SIZE_MAX);
}

static int
start(struct sh_redis_carrier *redis)
{
	struct sh_co_pool *pool = sh_loop_coroutines(redis->loop);
	int64_t r;

	sh_redis_carrier_ref(redis);
	r = sh_co_start(pool, sh_redis_follow_main, redis, "broker, receiving");
	if (r < 0) {
		sh_redis_carrier_unref(redis);
		return (int)r;
	}
	sh_redis_carrier_ref(redis);
	r = sh_co_start(pool, sh_redis_send_main, redis, "broker, publishing");
	if (r < 0)
		sh_redis_carrier_unref(redis);
	return r < 0 ? (int)r : 0;
}

int
sh_carrier_redis_open(struct sh_loop *loop,
    const struct sh_broker_options *options, struct sh_carrier **out)
{
	struct sh_redis_carrier *redis = sh_xcalloc(1, sizeof(*redis));
	struct sh_carrier *carrier = &redis->carrier;
	int r;

	fill(redis, loop, options);
	r = make_clients(redis, options);
	if (r == 0)
		r = start(redis);
	if (r < 0)
		close_carrier(&carrier);
	else
		*out = carrier;
	return r;
}
