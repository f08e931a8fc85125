/*
 * This file is how messages get to other processes and machines: a small table
 * that the bus of this server, Redis and NATS each fill in. A carrier does not know
 * who has subscribed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sh_carrier;
struct sh_publication;

/* What a carrier tells, all in the worker's own thread and never from within a call
 * of it. */
struct sh_carrier_events {
	/* A message that was wanted, or is for everybody; borrowed. The epochs
	 * of a topic go up, as far as clocks do. */
	void (*arrived)(const struct sh_publication *publication, void *arg);
	/* Messages were lost, of one topic or filter, NULL: of any. */
	void (*lost)(const char *filter, void *arg);
	/* publish() may be tried again after -SHOAL_EAGAIN. */
	void (*room)(void *arg);
	/* All that was wanted is in effect, see is_settled. */
	void (*settled)(void *arg);
	void *arg;
};

/* What is asked of a history. */
struct sh_replay {
	const char *topic; /* borrowed */
	size_t topic_len;
	uint64_t epoch, offset; /* behind which; 0, 0: from the first */
	size_t max;             /* so many of the latest, SIZE_MAX: all */
	/* Called for each message, oldest first; borrowed. Later, never from
	 * within replay(). */
	void (*message)(const struct sh_publication *publication, void *arg);
	/* The last call: 0, -SHOAL_ETIMEDOUT, -SHOAL_ENOTCONN, -SHOAL_ENOENT
	 * (it keeps none). epoch and offset: of the latest there is. gap: some
	 * behind the offset that was asked for are lost. */
	void (*done)(
	    int result, uint64_t epoch, uint64_t offset, bool gap, void *arg);
	void *arg;
};

struct sh_carrier_ops {
	const char *name; /* "bus", "redis", "nats" */
	/* What is published comes back by arrived(), in the order of all, if it
	 * is wanted; otherwise who publishes delivers in this process itself. What
	 * goes to a topic with a history always comes back. */
	bool loops_back;
	/* Offsets go up, but not by 1: what is missing is told by lost() alone. */
	bool offsets_skip;
	/* The first subscription to a filter, or the last is gone. Topics that
	 * begin with '$' are shoal's own and are wanted like others. 0 or
	 * -SHOAL_ENOMEM. */
	int (*want)(struct sh_carrier *carrier, const char *filter);
	void (*unwant)(struct sh_carrier *carrier, const char *filter);
	/* Publish; kept says that the topic keeps a history. 0;
	 * -SHOAL_EAGAIN; -SHOAL_EMSGSIZE; -SHOAL_ENOTCONN; -SHOAL_ENOMEM. */
	int (*publish)(struct sh_carrier *carrier,
	    const struct sh_publication *publication, bool kept);
	/* Ask for a history: answered when all that was wanted before is in
	 * effect, so that nothing falls between. What is told by it may come by
	 * arrived() too, before or after that. The struct is copied, what it points to is not
	 * needed after the return. 0; -SHOAL_ENOMEM; then done() does not come. */
	int (*replay)(
	    struct sh_carrier *carrier, const struct sh_replay *replay);
	/* Forget the replays with this arg: done() does not come. */
	void (*forget)(struct sh_carrier *carrier, void *arg);
	/* Whether all that was wanted is in effect. */
	bool (*is_settled)(const struct sh_carrier *carrier);
	/* How many processes take part, this one too, as far as is known;
	 * SIZE_MAX while the others cannot be reached. */
	size_t (*peers)(const struct sh_carrier *carrier);
	/* Ask those who publish to a topic to wait, once more or less; NULL: it
	 * cannot be done. is_paused: whether somebody does. */
	void (*pause)(struct sh_carrier *carrier, uint64_t hash, bool yes);
	bool (*is_paused)(const struct sh_carrier *carrier, uint64_t hash);
	/* The worker drains: others serve from now on, but its clients go on.
	 * NULL: does not matter. */
	void (*drain)(struct sh_carrier *carrier);
	/* Whether something would be lost if the process ended now, and not if
	 * it waited a little. NULL: nothing ever is. */
	bool (*is_busy)(const struct sh_carrier *carrier);
	/* End it and free it. */
	void (*close)(struct sh_carrier **carrier);
};

/* What every carrier begins with. */
struct sh_carrier {
	const struct sh_carrier_ops *ops;
	struct sh_carrier_events events; /* set before the first call */
};
