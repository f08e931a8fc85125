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

/* With the first that is news it is over: what comes is in order. */
size_t
sh_overlap_skip(struct sh_subscription *subscription,
    struct sh_message *const *messages, size_t count)
{
	const struct sh_overlap *overlap =
	    (const struct sh_overlap *)(const void *)subscription->holder;
	size_t i = 0;
	bool gap;

	while (i < count &&
	    sh_overlap_has(overlap->epoch, overlap->offset, messages[i]))
		i++;
	gap = i < count && !goes_on(overlap, subscription->topic, messages[i]);
	if (i < count ||
	    messages[count - 1]->publication.offset == overlap->offset)
		on_forget(subscription);
	if (gap)
		sh_trouble_lost(subscription);
	return i;
}
