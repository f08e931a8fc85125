/*
 * This file keeps a connection's subscriptions: it asks Redis for channels,
 * gives them up and hands out messages. How it waits is redis_follow.c.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/redis_private.h"

/* --- channels --- */

static struct sh_redis_channel *
find(struct shoal_redis *redis, const char *name, bool is_pattern)
{
	struct sh_redis_channel *channel;

	LIST_FOREACH(channel, &redis->subs.channels, link)
		if (channel->is_pattern == is_pattern &&
		    strcmp(channel->name, name) == 0)
			return channel;
	return NULL;
}

static int
add(struct shoal_redis *redis, const char *name, bool is_pattern)
{
	size_t len = strlen(name) + 1;
	struct sh_redis_channel *channel;

	channel = sh_try_calloc(1, sizeof(*channel) + len);
	if (channel == NULL)
		return -SHOAL_ENOMEM;
	channel->is_pattern = is_pattern;
	memcpy(channel->name, name, len);
	LIST_INSERT_HEAD(&redis->subs.channels, channel, link);
	return 0;
}

static void
drop(struct sh_redis_channel *channel)
{
	if (channel == NULL)
		return;
	LIST_REMOVE(channel, link);
	free(channel);
}

void
sh_redis_subscriptions_free(struct shoal_redis *redis)
{
	while (!LIST_EMPTY(&redis->subs.channels))
		drop(LIST_FIRST(&redis->subs.channels));
	sh_redis_events_free(redis);
}

/* --- subscribe, unsubscribe --- */

static void
begin(struct shoal_redis *redis)
{
	struct sh_redis_subscriptions *subs = &redis->subs;

	if (sh_redis_link_check(&redis->link) < 0)
		sh_redis_link_close(&redis->link);
	subs->on = true;
	subs->lost = false;
	subs->open = subs->complete = sh_redis_link_is_open(&redis->link);
	subs->asked = subs->told = 0;
	subs->epoch++;
	sh_redis_reader_refill(&redis->link.reader);
}

/* No command may be on its way when the first channel is subscribed. */
static int
enter(struct shoal_redis *redis, int64_t deadline_us)
{
	struct sh_redis_turn turn;
	int r = 0;

	if (redis->subs.on)
		return 0;
	r = sh_redis_turn_begin(redis, &turn, deadline_us);
	if (r < 0)
		return r;
	if (!redis->subs.on) {
		if ((redis->state & (SH_REDIS_MULTI | SH_REDIS_WATCH)) != 0)
			r = -SHOAL_ESTATE;
		else
			begin(redis);
	}
	sh_redis_turn_end(redis, &turn);
	return r;
}

/* Redis has answered this, or has a connection on which it was asked with all
 * others. */
static bool
is_answered(const struct shoal_redis *redis, const void *arg)
{
	const struct sh_redis_subscriptions *subs = &redis->subs;
	const struct sh_redis_ticket *ticket = arg;

	if (ticket->refused != 0)
		return true;
	if (!subs->open)
		return !subs->on;
	return ticket->epoch == subs->epoch ? subs->told >= ticket->number
					    : subs->told == subs->asked;
}

/* Send a change on the connection that there is. */
static int
ask(struct shoal_redis *redis, const char *verb, const char *name,
    int64_t deadline_us)
{
	uint64_t epoch = redis->subs.epoch;
	struct sh_buf bytes;
	int r;

	sh_buf_init(&bytes, SIZE_MAX);
	r = sh_redis_append_change(&bytes, verb, name);
	if (r == 0) {
		/* sends are done in the order in which they begin */
		redis->subs.asked++;
		r = sh_redis_link_send(
		    &redis->link, bytes.data, bytes.len, deadline_us);
	}
	sh_buf_fini(&bytes);
	if (redis->closed)
		return -SHOAL_ECANCELED;
	/* it was lost meanwhile, and is asked on the next one */
	if (epoch != redis->subs.epoch)
		return 0;
	if (r < 0)
		sh_redis_lose(redis);
	return sh_redis_is_passing(r) && r != -SHOAL_ETIMEDOUT ? 0 : r;
}

/* Be answered to a change; verb NULL when it has been asked before. */
static int
change(struct shoal_redis *redis, const char *verb, const char *name,
    int64_t deadline_us)
{
	struct sh_redis_subscriptions *subs = &redis->subs;
	struct sh_redis_ticket ticket = { .epoch = 0 };
	const struct sh_redis_goal goal = { .is_reached = is_answered,
		.arg = &ticket };
	int r = 0;

	/* on a connection that is not there it is asked when it is made */
	if (subs->open) {
		ticket.epoch = subs->epoch;
		ticket.number = subs->asked + (verb != NULL ? 1 : 0);
	}
	TAILQ_INSERT_TAIL(&subs->tickets, &ticket, link);
	if (verb != NULL && subs->open)
		r = ask(redis, verb, name, deadline_us);
	if (r == 0)
		r = sh_redis_pursue(redis, &goal, deadline_us);
	TAILQ_REMOVE(&subs->tickets, &ticket, link);
	return r == 0 ? ticket.refused : r;
}

int
sh_redis_subscribe(struct shoal_redis *redis, const char *name, bool is_pattern,
    int64_t deadline_us)
{
	const char *verb = is_pattern ? "PSUBSCRIBE" : "SUBSCRIBE";
	int r;

	if (name == NULL || *name == '\0')
		return -SHOAL_EINVAL;
	r = enter(redis, deadline_us);
	if (r < 0)
		return r;
	if (find(redis, name, is_pattern) != NULL)
		verb = NULL;
	else
		r = add(redis, name, is_pattern);
	if (r < 0) {
		sh_redis_settle(redis);
		return r;
	}
	sh_redis_ref(redis);
	r = change(redis, verb, name, deadline_us);
	if (r == -EACCES) {
		drop(find(redis, name, is_pattern));
		sh_redis_settle(redis);
	}
	sh_redis_unref(redis);
	return r;
}

static bool
is_off(const struct shoal_redis *redis, const void *arg)
{
	return !redis->subs.on;
}

int
sh_redis_unsubscribe(struct shoal_redis *redis, const char *name,
    bool is_pattern, int64_t deadline_us)
{
	static const struct sh_redis_goal off = { .is_reached = is_off };
	struct sh_redis_channel *channel;
	int r = 0;

	channel = name != NULL ? find(redis, name, is_pattern) : NULL;
	if (channel == NULL)
		return -SHOAL_ENOENT;
	sh_redis_ref(redis);
	drop(channel);
	if (redis->subs.open)
		r = change(redis, is_pattern ? "PUNSUBSCRIBE" : "UNSUBSCRIBE",
		    name, deadline_us);
	/* what is still asked there nobody can wait for */
	if (r < 0)
		sh_redis_lose(redis);
	sh_redis_settle(redis);
	if (r == 0 && LIST_EMPTY(&redis->subs.channels))
		r = sh_redis_pursue(redis, &off, deadline_us);
	sh_redis_unref(redis);
	return r;
}

/* --- receive --- */

static bool
has_event(const struct shoal_redis *redis, const void *arg)
{
	const struct sh_redis_event *event = TAILQ_FIRST(&redis->subs.events);

	if (event == NULL)
		return !redis->subs.on;
	/* a gap is told when it has ended */
	return event->reply != NULL || redis->subs.complete || !redis->subs.on;
}

int
sh_redis_receive(struct shoal_redis *redis,
    struct shoal_redis_message **message_out, int64_t deadline_us)
{
	static const struct sh_redis_goal next = { .is_reached = has_event,
		.patient = true };
	struct sh_redis_subscriptions *subs = &redis->subs;
	int r;

	if (subs->receiving)
		return -SHOAL_EBUSY;
	sh_redis_ref(redis);
	subs->receiving = true;
	r = sh_redis_pursue(redis, &next, deadline_us);
	subs->receiving = false;
	if (r == 0 && TAILQ_EMPTY(&subs->events))
		r = -SHOAL_ESTATE;
	else if (r == 0)
		r = sh_redis_event_take(redis, message_out);
	sh_redis_unref(redis);
	return r;
}
