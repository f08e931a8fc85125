/*
 * This file waits on a connection with subscriptions, and makes it again. It
 * does not decide what is subscribed.
 *
 * One of those who wait reads (or connects) for all of them: what comes is a
 * message for who receives, or an answer for who has subscribed. The others
 * follow: they are woken after each step, and one of them goes on when who
 * read has left. Answers come in the order of the questions, so a question is
 * known by its number.
 */
#include "config.h"

#include "base/clock.h"
#include "client/redis_private.h"
#include "io/await.h"

static const char place[] = "shoal_co_redis_receive";

/* --- who waits --- */

void
sh_redis_subscriptions_wake(struct shoal_redis *redis)
{
	struct sh_redis_follower *follower;

	TAILQ_FOREACH(follower, &redis->subs.followers, link)
		sh_co_wake(follower->co, 0);
}

static int
follow(struct shoal_redis *redis, int64_t deadline_us)
{
	struct sh_redis_follower follower = { .co = sh_co_running() };
	int r;

	TAILQ_INSERT_TAIL(&redis->subs.followers, &follower, link);
	r = sh_await_peer(place, deadline_us);
	TAILQ_REMOVE(&redis->subs.followers, &follower, link);
	return r;
}

/* The connection is gone, and with it what was asked on it. */
void
sh_redis_lose(struct shoal_redis *redis)
{
	struct sh_redis_subscriptions *subs = &redis->subs;

	sh_redis_link_close(&redis->link);
	subs->lost |= subs->complete;
	subs->open = subs->complete = false;
	subs->epoch++;
	subs->asked = subs->told = 0;
}

/* --- what comes --- */

static void
refuse(struct shoal_redis *redis)
{
	struct sh_redis_subscriptions *subs = &redis->subs;
	struct sh_redis_ticket *ticket;

	TAILQ_FOREACH(ticket, &subs->tickets, link)
		if (ticket->epoch == subs->epoch &&
		    ticket->number == subs->told)
			ticket->refused = -EACCES;
}

/* Takes the reply. */
static int
dispatch(struct shoal_redis *redis, struct shoal_redis_reply *reply)
{
	struct sh_redis_subscriptions *subs = &redis->subs;
	struct shoal_redis_message message;
	enum sh_redis_kind kind = sh_redis_message_read(reply, &message);

	if (kind == SH_REDIS_KIND_MESSAGE)
		return sh_redis_event_add(redis, reply, &message);
	sh_redis_reply_free(&reply);
	if (kind == SH_REDIS_KIND_PONG)
		return 0;
	if (kind == SH_REDIS_KIND_OTHER || subs->told == subs->asked)
		return -SHOAL_EPROTO;
	subs->told++;
	if (kind == SH_REDIS_KIND_ERROR)
		refuse(redis);
	return 0;
}

static int
read_one(struct shoal_redis *redis, int64_t deadline_us,
    enum shoal_redis_type *type_out)
{
	struct shoal_redis_reply *reply = NULL;
	int r;

	r = sh_redis_link_read(&redis->link, deadline_us, &reply);
	if (r < 0)
		return r;
	*type_out = reply->type;
	sh_redis_reader_refill(&redis->link.reader);
	return dispatch(redis, reply);
}

/* --- a connection --- */

int
sh_redis_append_change(struct sh_buf *bytes, const char *verb, const char *name)
{
	const char *words[] = { verb, name };
	struct sh_redis_command command;
	int r = sh_redis_command_raw(&command, 2, words, NULL);

	if (r < 0)
		return r;
	r = sh_buf_add(bytes, command.data, command.len);
	sh_redis_command_free(&command);
	return r;
}

/* Ask for all channels. */
static int
ask_all(struct shoal_redis *redis, int64_t deadline_us)
{
	struct sh_redis_channel *channel;
	struct sh_buf bytes;
	int r = 0;

	sh_buf_init(&bytes, SIZE_MAX);
	LIST_FOREACH(channel, &redis->subs.channels, link) {
		r = sh_redis_append_change(&bytes,
		    channel->is_pattern ? "PSUBSCRIBE" : "SUBSCRIBE",
		    channel->name);
		if (r < 0)
			break;
		redis->subs.asked++;
	}
	redis->subs.open = r == 0;
	if (r == 0 && bytes.len != 0)
		r = sh_redis_link_send(
		    &redis->link, bytes.data, bytes.len, deadline_us);
	sh_buf_fini(&bytes);
	return r;
}

static int
await_all(struct shoal_redis *redis, int64_t deadline_us)
{
	struct sh_redis_subscriptions *subs = &redis->subs;
	enum shoal_redis_type type;
	uint64_t all = subs->asked;
	int r = 0;

	while (r == 0 && subs->told < all) {
		r = read_one(redis, deadline_us, &type);
		if (r == 0 && type == SHOAL_REDIS_ERROR)
			r = -EACCES;
	}
	return r;
}

/* Connect, subscribe to everything, and only then tell of the gap: who hears
 * of it can look for what it has missed, and misses nothing after. */
static int
restore(struct shoal_redis *redis, int64_t deadline_us)
{
	struct sh_redis_subscriptions *subs = &redis->subs;
	int r;

	r = sh_redis_link_up(redis, deadline_us);
	if (r < 0)
		return r;
	if (subs->lost)
		r = sh_redis_event_add(redis, NULL, NULL);
	if (r == 0)
		r = ask_all(redis, deadline_us);
	if (r == 0)
		r = await_all(redis, deadline_us);
	if (r < 0) {
		sh_redis_lose(redis);
	} else {
		subs->lost = false;
		subs->complete = true;
	}
	return r;
}

/* --- waiting --- */

/* Whether it may be different in a moment. */
bool
sh_redis_is_passing(int error)
{
	switch (error) {
	case -SHOAL_ECANCELED:
	case -SHOAL_ENOMEM:
	case -SHOAL_EINVAL:
	case -SHOAL_EPROTO:
	case -SHOAL_EMSGSIZE:
	case -SHOAL_ENOTCONN:
	case -EACCES:
	case -EREMOTEIO: return false;
	default: return true;
	}
}

/* Connect. The next attempt fails at once when there is no time for it. */
static int
step_up(struct shoal_redis *redis, bool patient, int64_t deadline_us)
{
	int r = restore(redis, deadline_us);

	if (!patient || !sh_redis_is_passing(r) || sh_clock_us() >= deadline_us)
		return r;
	return 0;
}

static int
step(struct shoal_redis *redis, bool patient, int64_t deadline_us)
{
	enum shoal_redis_type type;
	int r;

	if (!sh_redis_link_is_open(&redis->link))
		r = step_up(redis, patient, deadline_us);
	else
		r = read_one(redis, deadline_us, &type);
	/* another coroutine has closed what this one waited on */
	if (r == -SHOAL_ECANCELED && !sh_await_is_cancelled())
		return 0;
	if (r == 0 || r == -SHOAL_ETIMEDOUT || r == -SHOAL_ECANCELED ||
	    !sh_redis_link_is_open(&redis->link))
		return r;
	sh_redis_lose(redis);
	return sh_redis_is_passing(r) ? 0 : r;
}

/* Without a channel it becomes an ordinary connection again. */
void
sh_redis_settle(struct shoal_redis *redis)
{
	struct sh_redis_subscriptions *subs = &redis->subs;

	if (!subs->on || subs->reading || !LIST_EMPTY(&subs->channels) ||
	    subs->told != subs->asked)
		return;
	subs->on = false;
	subs->lost = false;
	sh_redis_reader_trim(&redis->link.reader);
}

static int
lead(struct shoal_redis *redis, bool patient, int64_t deadline_us)
{
	int r;

	redis->subs.reading = true;
	r = step(redis, patient, deadline_us);
	redis->subs.reading = false;
	sh_redis_settle(redis);
	sh_redis_subscriptions_wake(redis);
	return redis->closed ? -SHOAL_ECANCELED : r;
}

int
sh_redis_pursue(struct shoal_redis *redis, const struct sh_redis_goal *goal,
    int64_t deadline_us)
{
	int r = 0;

	while (r == 0 && !goal->is_reached(redis, goal->arg)) {
		if (redis->closed)
			return -SHOAL_ECANCELED;
		r = redis->subs.reading
		    ? follow(redis, deadline_us)
		    : lead(redis, goal->patient, deadline_us);
	}
	return r;
}
