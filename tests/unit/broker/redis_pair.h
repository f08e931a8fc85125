/*
 * This file is two carriers through Redis in one loop, as two servers would have
 * them; it notes what comes, and what is wrong with it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <shoal/error.h>

#include "topic/carrier.h"
#include "topic/publication.h"
#include "unit/client/rig.h"

enum { SENDERS = 2, TOPICS = 64 };

struct side {
	struct sh_carrier *carrier;
	uint64_t number; /* its sender */
	int arrived, room, settled, lost;
	int last;                /* the number in the last message */
	uint64_t epoch, offset;  /* of the last message */
	int latest[SENDERS + 1]; /* number by sender, -1 none */
	const char *wrong;
};

struct pair {
	struct side a, b;
};

/* 0 and NULL: as in shoal.conf(5). */
struct pair_options {
	size_t queue_max;
	int64_t timeout_ms;
	const char *password;
};

/** Open both; the prefix is "test:". Nothing is wanted. */
void pair_open(struct pair *pair, const struct pair_options *options);
/** Wait until both are settled. */
void pair_settle(struct pair *pair);
/** Close both, and wait until nothing of them is left. */
void pair_close(struct pair *pair);
void side_want(struct side *side, const char *filter);
void side_unwant(struct side *side, const char *filter);
/** Publish a number. As ops->publish(). */
int side_try(struct side *side, const char *topic, int number);
/** Likewise, which succeeds. */
void side_publish(struct side *side, const char *topic, int number);
/** Publish so many bytes to a topic with a history. As ops->publish(). */
int side_try_keep(struct side *side, const char *topic, int number, size_t size,
    int64_t time_ms);
/** Likewise, which succeeds. */
void side_keep(struct side *side, const char *topic, int number, size_t size,
    int64_t time_ms);

/* Wait until it holds; it is looked at no more once it has. */
#define WAIT_FOR(condition)                                               \
	do {                                                              \
		int wait_ms_ = 0;                                         \
		bool holds_;                                              \
		while (!(holds_ = (condition)) && wait_ms_++ < WAIT_MS && \
		    rig_wrong == NULL)                                    \
			shoal_co_sleep(1);                                \
		if (!holds_)                                              \
			OK(!#condition);                                  \
	} while (0)
