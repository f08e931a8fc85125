/*
 * This file is messages on their way: which go together as a batch, along which
 * filters, as what they are sent, and who needs them no more. It sends nothing.
 */
#include "config.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/mem.h"
#include "io/shared.h"
#include "topic/fanout_private.h"

enum {
	/* bytes of messages that go together, unless one has more; each has some
	 * besides, so that empty ones do not all go together */
	BATCH_SIZE = 16 * 1024,
	MESSAGE_SIZE = 32
};

/* --- begin ---------------------------------------------------------------------- */

static size_t
count_messages(const struct sh_topic *topic)
{
	const struct sh_message *message = STAILQ_FIRST(&topic->messages);
	uint64_t key = message->key;
	size_t n = 0, size = 0;

	for (; message != NULL; message = STAILQ_NEXT(message, next)) {
		size += message->publication.len + MESSAGE_SIZE;
		if (n != 0 &&
		    (size > BATCH_SIZE || message->key != key ||
			sh_loss_is_before(topic->topics, message)))
			break;
		n++;
	}
	return n;
}

static void
fill(struct sh_batch *batch, size_t count)
{
	struct sh_topic *topic = batch->topic;

	while (batch->count < count) {
		struct sh_message *message = STAILQ_FIRST(&topic->messages);
		uint64_t id = sh_excluded_sender(topic->topics, message);

		STAILQ_REMOVE_HEAD(&topic->messages, next);
		batch->messages[batch->count++] = message;
		batch->size += sh_message_size(message);
		if (id != 0)
			batch->senders |= sh_sender_bit(id);
	}
	batch->first = batch->messages[0]->seq;
	batch->last = batch->messages[count - 1]->seq;
	batch->key = batch->messages[0]->key;
}

void
sh_batch_begin_match(struct sh_batch *batch)
{
	struct sh_topic *match = sh_matches_at(&batch->matches, batch->at);

	batch->cursor.next = TAILQ_FIRST(&match->subscriptions);
	LIST_INSERT_HEAD(&match->cursors, &batch->cursor, link);
}

static void
hold_matches(struct sh_batch *batch)
{
	size_t i;

	for (i = 0; i < batch->matches.count; i++)
		sh_topic_hold(sh_matches_at(&batch->matches, i));
	if (batch->matches.count != 0)
		sh_batch_begin_match(batch);
}

struct sh_batch *
sh_batch_begin(struct sh_topic *topic)
{
	struct sh_topics *topics = topic->topics;
	size_t count = count_messages(topic);
	struct sh_batch *batch = sh_try_calloc(
	    1, sizeof(*batch) + count * sizeof(struct sh_message *));

	if (batch == NULL)
		return NULL;
	if (sh_matches_find(
		&batch->matches, topics, topic, topic->name, topic->len) < 0) {
		free(batch);
		return NULL;
	}
	batch->topic = topic;
	sh_topic_hold(topic);
	LIST_INIT(&batch->renderings);
	fill(batch, count);
	hold_matches(batch);
	LIST_INSERT_HEAD(&topics->batches, batch, link);
	topic->batch = batch;
	return batch;
}

/* --- what is sent --------------------------------------------------------------- */

static uint64_t
rendering_hash(const struct sh_batch *batch, const struct sh_form *form)
{
	return sh_hash_pair((uintptr_t)batch, (uintptr_t)form);
}

static struct sh_rendering *
find_rendering(const struct sh_batch *batch, const struct sh_form *form)
{
	struct sh_hash_node *node = sh_hash_find(
	    &form->topics->renderings, rendering_hash(batch, form));

	for (; node != NULL; node = sh_hash_find_next(node)) {
		struct sh_rendering *rendering =
		    SH_CONTAINER(node, struct sh_rendering, node);

		if (rendering->batch == batch && rendering->form == form)
			return rendering;
	}
	return NULL;
}

bool
sh_batch_render(
    struct sh_batch *batch, struct sh_form *form, struct sh_conn *conn)
{
	struct sh_rendering *rendering = find_rendering(batch, form);

	if (rendering == NULL) {
		rendering =
		    sh_form_render(form, conn, batch->messages, batch->count);
		if (rendering == NULL)
			return false;
		rendering->batch = batch;
		rendering->node.hash = rendering_hash(batch, form);
		sh_hash_add(&form->topics->renderings, &rendering->node);
		LIST_INSERT_HEAD(&batch->renderings, rendering, link);
	}
	form->batch = batch;
	form->rendering = rendering;
	return true;
}

void
sh_batch_drop_rendering(struct sh_batch *batch, struct sh_rendering *rendering)
{
	if (rendering->form->batch == batch)
		rendering->form->batch = NULL;
	LIST_REMOVE(rendering, link);
	sh_hash_remove(&batch->topic->topics->renderings, &rendering->node);
	sh_rendering_free(&rendering);
}

static void
drop_renderings(struct sh_batch *batch)
{
	struct sh_rendering *rendering;

	while ((rendering = LIST_FIRST(&batch->renderings)) != NULL)
		sh_batch_drop_rendering(batch, rendering);
}

/* --- end ------------------------------------------------------------------------ */

static void
drop_matches(struct sh_batch *batch)
{
	size_t i;

	if (batch->at < batch->matches.count)
		LIST_REMOVE(&batch->cursor, link);
	for (i = 0; i < batch->matches.count; i++)
		sh_topic_release(sh_matches_at(&batch->matches, i));
	sh_matches_fini(&batch->matches);
}

void
sh_batch_end(struct sh_batch *batch)
{
	struct sh_topic *topic = batch->topic;
	struct sh_served *served;
	size_t i;

	topic->batch = NULL;
	LIST_REMOVE(batch, link);
	drop_renderings(batch);
	drop_matches(batch);
	while ((served = batch->served) != NULL) {
		batch->served = served->next;
		free(served);
	}
	for (i = 0; i < batch->count; i++)
		sh_message_drop(&batch->messages[i]);
	sh_publish_went(topic, batch->size);
	free(batch);
	sh_topic_release(topic);
}

/* --- a subscription ends ---------------------------------------------------------- */

/* Whether the batch has gone past a subscription, which stand in their order. */
static bool
is_past(
    const struct sh_batch *batch, const struct sh_subscription *subscription)
{
	size_t i;

	/* it has come too late for the batch */
	if (subscription->since > batch->last)
		return false;
	for (i = 0; i < batch->at && i < batch->matches.count; i++)
		if (sh_matches_at(&batch->matches, i) == subscription->topic)
			return true;
	return i < batch->matches.count &&
	    sh_matches_at(&batch->matches, i) == subscription->topic &&
	    (batch->cursor.next == NULL ||
		subscription->since < batch->cursor.next->since);
}

/* What it got through this filter it is not to get through another one. Without
 * memory it does. */
static void
note_served(struct sh_batch *batch, const struct sh_subscription *subscription)
{
	struct sh_served *served = sh_try_calloc(1, sizeof(*served));

	if (served == NULL)
		return;
	served->subscriber = subscription->subscriber;
	served->next = batch->served;
	batch->served = served;
}

void
sh_fanout_forget(struct sh_subscription *subscription)
{
	struct sh_topic *topic = subscription->topic;
	struct sh_cursor *cursor;
	struct sh_batch *batch;

	if (subscription->subscriber->count > 1)
		LIST_FOREACH(batch, &topic->topics->batches, link)
			if (batch->matches.count > 1 &&
			    is_past(batch, subscription))
				note_served(batch, subscription);
	LIST_FOREACH(cursor, &topic->cursors, link)
		if (cursor->next == subscription)
			cursor->next = TAILQ_NEXT(subscription, of_topic);
}
