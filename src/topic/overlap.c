/*
 * This file drops what comes live and was told by a replay before. It is a holder that
 * holds nothing back, of the few subscriptions that are behind their replay; in a topic
 * where nothing is published, one stays so.
 */
#include "config.h"

#include "topic/overlap.h"

#include <stdlib.h>

#include "base/mem.h"
#include "topic/follow.h"
#include "topic/topics_private.h"

struct sh_overlap {
	struct sh_holder holder; /* has to be the first */
	uint64_t epoch, offset;  /* of the last that was told */
};

bool
sh_overlap_has(
    uint64_t epoch, uint64_t offset, const struct sh_message *message)
{
	const struct sh_publication *publication = &message->publication;

	return publication->offset != 0 && publication->epoch == epoch &&
	    publication->offset <= offset;
}

bool
sh_overlap_is_over(uint64_t epoch, const struct sh_message *message)
{
	return message->publication.offset != 0 &&
	    message->publication.epoch < epoch;
}

/* Whether all of them have come already, and have been handed out. */
static bool
is_past(const struct sh_topic *topic, uint64_t epoch, uint64_t offset)
{
	const struct sh_publication last = {
		.topic = topic->name,
		.topic_len = topic->len,
		.hash = topic->node.hash,
		.epoch = epoch,
		.offset = offset,
	};

	return topic->batch == NULL && STAILQ_EMPTY(&topic->messages) &&
	    sh_follow_has(topic->topics, &last);
}

static void
on_forget(struct sh_subscription *subscription)
{
	free(subscription->holder);
	subscription->holder = NULL;
}

void
sh_overlap_begin(
    struct sh_subscription *subscription, uint64_t epoch, uint64_t offset)
{
	struct sh_overlap *overlap;

	if (is_past(subscription->topic, epoch, offset))
		return;
	overlap = sh_try_calloc(1, sizeof(*overlap));
	if (overlap == NULL)
		return;
	overlap->holder.forget = on_forget;
	overlap->epoch = epoch;
	overlap->offset = offset;
	subscription->holder = &overlap->holder;
}

/* Whether nothing is missing before one that is news: a loss may be told later. */
static bool
goes_on(const struct sh_overlap *overlap, const struct sh_topic *topic,
    const struct sh_message *message)
{
	const struct sh_publication *publication = &message->publication;

	if (publication->offset == 0)
		return true;
	return publication->epoch == overlap->epoch &&
	    (topic->topics->carrier->ops->offsets_skip ||
		publication->offset == overlap->offset + 1);
}

static bool
is_last(const struct sh_overlap *overlap, const struct sh_message *message)
{
	return message->publication.epoch == overlap->epoch &&
	    message->publication.offset == overlap->offset;
}

/* With the first that is news it is over: what comes is in order. */
size_t
sh_overlap_skip(struct sh_subscription *subscription,
    struct sh_message *const *messages, size_t count)
{
	const struct sh_overlap *overlap =
	    (const struct sh_overlap *)(const void *)subscription->holder;
	bool gap = false, over;
	size_t i;

	for (i = 0; i < count; i++) {
		over = sh_overlap_is_over(overlap->epoch, messages[i]);
		gap |= over;
		if (!over &&
		    !sh_overlap_has(
			overlap->epoch, overlap->offset, messages[i]))
			break;
	}
	gap |= i < count && !goes_on(overlap, subscription->topic, messages[i]);
	if (i < count || is_last(overlap, messages[count - 1]))
		on_forget(subscription);
	if (gap)
		sh_trouble_lost(subscription);
	return i;
}
