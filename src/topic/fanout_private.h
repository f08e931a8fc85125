/*
 * This file is what the files fanout*.c know of messages on their way; it is not for
 * anybody else.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include "topic/topics_private.h"

/* Who was served through a filter, and has ended its subscription to it since. */
struct sh_served {
	struct sh_served *next;
	const struct sh_subscriber *subscriber; /* if it is there still */
};

/* Messages on their way. */
struct sh_batch {
	struct sh_topic *topic; /* held */
	LIST_ENTRY(sh_batch) link;
	uint64_t first, last;      /* seq */
	uint64_t key;              /* of all of them */
	size_t size;               /* what sh_topic.pending has for it */
	uint64_t senders;          /* bits of those that get some of them not */
	struct sh_matches matches; /* held */
	size_t at;                 /* the one that is served */
	struct sh_cursor cursor;   /* in its subscriptions */
	struct sh_served *served;
	LIST_HEAD(, sh_rendering) renderings;
	size_t count;
	struct sh_message *messages[]; /* held */
};

/* The bit of sh_batch.senders that a connection has, with others. */
static inline uint64_t
sh_sender_bit(uint64_t id)
{
	return UINT64_C(1) << ((id * UINT64_C(0x9e3779b97f4a7c15)) >> 58);
}

/* The connection that does not get a message though it has subscribed; 0: none. */
static inline uint64_t
sh_excluded_sender(
    const struct sh_topics *topics, const struct sh_message *message)
{
	const struct sh_publication *publication = &message->publication;

	if ((publication->flags & SH_PUBLICATION_NOT_TO_SENDER) == 0 ||
	    publication->node != topics->node)
		return 0;
	return publication->sender;
}

/* --- fanout_batch.c ---------------------------------------------------------------- */

/** Take what has come of a topic together, and hold whom it goes to. NULL without
 *  memory: then all is as before. */
struct sh_batch *sh_batch_begin(struct sh_topic *topic);
/** It has been all the way, or goes no further: free it. */
void sh_batch_end(struct sh_batch *batch);
/** Point at the first subscription of the filter that is served now. */
void sh_batch_begin_match(struct sh_batch *batch);
/** Let the form know what its subscribers are sent of the batch. False without
 *  memory. It may call the user's function, after which anything may have ended. */
bool sh_batch_render(
    struct sh_batch *batch, struct sh_form *form, struct sh_conn *conn);
/** Nobody is sent it any more (takes the rendering). */
void
sh_batch_drop_rendering(struct sh_batch *batch, struct sh_rendering *rendering);
