/*
 * This file is what the files of a connection to Redis (redis*.c) know of each
 * other; it is not for anybody else.
 */
#pragma once

#include <sys/queue.h>
#include "base/buf.h"
#include "client/redis.h"
#include "client/redis_link.h"
#include "client/redis_message.h"
#include "co/co.h"

/* A coroutine that uses a connection, or waits for its turn. */
struct sh_redis_turn {
	TAILQ_ENTRY(sh_redis_turn) link;
	struct sh_co *co;
	int64_t begun_us;
};
TAILQ_HEAD(sh_redis_turns, sh_redis_turn);

/* When to try again after failures. */
struct sh_redis_backoff {
	uint32_t first_ms, max_ms;
	unsigned failures;
	int error;         /* of the last one */
	int64_t failed_us; /* when that was */
	int64_t until_us;
};

/* A channel or pattern that is to be subscribed. */
struct sh_redis_channel {
	LIST_ENTRY(sh_redis_channel) link;
	bool is_pattern;
	char name[];
};
LIST_HEAD(sh_redis_channels, sh_redis_channel);

/* What has come: a message, or without a reply a gap. */
struct sh_redis_event {
	TAILQ_ENTRY(sh_redis_event) link;
	struct shoal_redis_reply *reply;
	struct shoal_redis_message message;
};
TAILQ_HEAD(sh_redis_events, sh_redis_event);

/* Who waits for the answer to a subscription; on its coroutine's stack. */
struct sh_redis_ticket {
	TAILQ_ENTRY(sh_redis_ticket) link;
	uint64_t epoch, number;
	int refused; /* 0, or why */
};
TAILQ_HEAD(sh_redis_tickets, sh_redis_ticket);

/* Who waits while another one reads; likewise. */
struct sh_redis_follower {
	TAILQ_ENTRY(sh_redis_follower) link;
	struct sh_co *co;
};
TAILQ_HEAD(sh_redis_followers, sh_redis_follower);

struct sh_redis_subscriptions {
	bool on;        /* the connection takes no commands */
	bool reading;   /* somebody reads, or connects */
	bool receiving; /* somebody is in receive */
	bool open;      /* changes are asked on the connection */
	bool complete;  /* it has all subscriptions of before */
	bool lost;      /* such a one broke: there will be a gap */
	struct sh_redis_channels channels;
	struct sh_redis_events events;
	size_t events_size;   /* bytes of their replies */
	uint64_t epoch;       /* of the connection: which one it is */
	uint64_t asked, told; /* changes sent, and answered, in this epoch */
	struct sh_redis_tickets tickets;
	struct sh_redis_followers followers;
};

struct shoal_redis {
	uint32_t magic;
	unsigned refs; /* who may free it, and every use */
	bool closed;   /* freed, and kept for those who still use it */
	bool was_up;
	char *address, *user, *password, *name;
	struct shoal_redis_options options;
	struct sh_redis_link link;
	unsigned state; /* SH_REDIS_MULTI ... */
	struct sh_redis_backoff backoff;
	struct sh_redis_turns turns; /* the first one has it */
	struct sh_buf appended;
	size_t appended_count;
	struct sh_redis_effect appended_effect;
	struct sh_redis_subscriptions subs;

	struct shoal_redis_pool *pool; /* it belongs to, or NULL */
	TAILQ_ENTRY(shoal_redis) idle_link;
	int64_t idle_since_us;
};

/* --- redis.c ---------------------------------------------------------------- */

/** Be a user. */
void sh_redis_ref(struct shoal_redis *redis);
/** Be none any longer; it may be gone afterwards. */
void sh_redis_unref(struct shoal_redis *redis);
/** Wait for the turn. On failure there is nothing to end. */
int sh_redis_turn_begin(
    struct shoal_redis *redis, struct sh_redis_turn *turn, int64_t deadline_us);
/** Give it to the next one; redis may be gone afterwards. */
void sh_redis_turn_end(struct shoal_redis *redis, struct sh_redis_turn *turn);

/* --- redis_connect.c -------------------------------------------------------- */

/** Connect and say who we are, not before its time after a failure. Whoever
 *  calls it is the only one. */
int sh_redis_link_up(struct shoal_redis *redis, int64_t deadline_us);

/* --- redis_message.c -------------------------------------------------------- */

/** Queue a message (takes the reply) or, with NULL, a gap, but not two in a
 *  row. -SHOAL_ENOMEM; -SHOAL_EMSGSIZE when there are too many: the reply has
 *  been freed. */
int sh_redis_event_add(struct shoal_redis *redis,
    struct shoal_redis_reply *reply, const struct shoal_redis_message *message);
/** Hand out the first of them: 0, or -SHOAL_ECONNRESET for a gap. */
int sh_redis_event_take(
    struct shoal_redis *redis, struct shoal_redis_message **message_out);
/** Free all of them. */
void sh_redis_events_free(struct shoal_redis *redis);

/* --- redis_follow.c --------------------------------------------------------- */

/* What a coroutine waits for. */
struct sh_redis_goal {
	bool (*is_reached)(const struct shoal_redis *redis, const void *arg);
	const void *arg;
	bool patient; /* connects again and again until the time is over */
};

/** Read and connect, or wait for who does, until the goal is reached: 0; or as
 *  sh_redis_link_up() and sh_redis_link_read(). */
int sh_redis_pursue(struct shoal_redis *redis, const struct sh_redis_goal *goal,
    int64_t deadline_us);
/** The connection is gone, and with it what was asked on it. */
void sh_redis_lose(struct shoal_redis *redis);
/** Without a channel it becomes an ordinary connection again. */
void sh_redis_settle(struct shoal_redis *redis);
/** Whether an error may be none in a moment. */
bool sh_redis_is_passing(int error);
/** Append the bytes of a change, such as SUBSCRIBE of a channel. */
int sh_redis_append_change(
    struct sh_buf *bytes, const char *verb, const char *name);
/** Wake all who wait, to see what has changed. */
void sh_redis_subscriptions_wake(struct shoal_redis *redis);

/* --- redis_subscribe.c ------------------------------------------------------ */

/** Forget channels and messages. */
void sh_redis_subscriptions_free(struct shoal_redis *redis);
