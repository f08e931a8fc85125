/*
 * This file brings messages to the subscribers of this process, in bounded steps.
 *
 * Messages of a topic that have come are taken together as a batch, which goes to
 * one subscriber after the other, and the next batch goes when it has been all the
 * way; so everybody gets them in order. Topics take turns. Who subscribes meanwhile
 * stands at the end of a list and has a higher number than what came before.
 */
#include "config.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/panic.h"
#include "io/shared.h"
#include "topic/overlap.h"
#include "topic/replay.h"
#include "topic/topics_private.h"

enum {
	/* bytes of messages that go together, unless one has more; each has some
	 * besides, so that empty ones do not all go together */
	BATCH_SIZE = 16 * 1024,
	MESSAGE_SIZE = 32,
	/* of a step: some 250 us, if nothing is in the way ... */
	STEP_SUBSCRIBERS = 256,
	/* ... and looked at each so many of them */
	STEP_US = 1000,
	CLOCK_EVERY = 16
};

/* Who was served through a filter, and has ended its subscription to it since. */
struct served {
	struct served *next;
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
	struct served *served;
	LIST_HEAD(, sh_rendering) renderings;
	size_t count;
	struct sh_message *messages[]; /* held */
};

/* What is left of a step. */
struct budget {
	unsigned subscribers;
	int64_t until_us;
};

/* --- batches ------------------------------------------------------------------ */

static uint64_t
sender_bit(uint64_t id)
{
	return UINT64_C(1) << ((id * UINT64_C(0x9e3779b97f4a7c15)) >> 58);
}

/* The connection that does not get a message though it has subscribed; 0: none. */
static uint64_t
excluded(const struct sh_topics *topics, const struct sh_message *message)
{
	const struct sh_publication *publication = &message->publication;

	if ((publication->flags & SH_PUBLICATION_NOT_TO_SENDER) == 0 ||
	    publication->node != topics->node)
		return 0;
	return publication->sender;
}

static size_t
count_messages(const struct sh_topic *topic)
{
	const struct sh_message *message = STAILQ_FIRST(&topic->messages);
	uint64_t key = message->key;
	size_t n = 0, size = 0;

	for (; message != NULL; message = STAILQ_NEXT(message, next)) {
		size += message->publication.len + MESSAGE_SIZE;
		if (n != 0 && (size > BATCH_SIZE || message->key != key))
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
		uint64_t id = excluded(topic->topics, message);

		STAILQ_REMOVE_HEAD(&topic->messages, next);
		batch->messages[batch->count++] = message;
		batch->size += sh_message_size(message);
		if (id != 0)
			batch->senders |= sender_bit(id);
	}
	batch->first = batch->messages[0]->seq;
	batch->last = batch->messages[count - 1]->seq;
	batch->key = batch->messages[0]->key;
}

/* Point at the first subscription of the filter that is served now. */
static void
begin_match(struct sh_batch *batch)
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
		begin_match(batch);
}

/* NULL without memory: then all is as before. */
static struct sh_batch *
begin_batch(struct sh_topic *topic)
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

static void
drop_rendering(struct sh_batch *batch, struct sh_rendering *rendering)
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
		drop_rendering(batch, rendering);
}

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

static void
end_batch(struct sh_batch *batch)
{
	struct sh_topic *topic = batch->topic;
	struct served *served;
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

/* --- one subscriber ------------------------------------------------------------- */

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

/* Let the form know what its subscribers are sent of the batch. False without
 * memory. It may call the user's function, after which anything may have ended. */
static bool
need_rendering(
    struct sh_batch *batch, struct sh_form *form, struct sh_conn *conn)
{
	struct sh_rendering *rendering;

	/* the usual case */
	if (SH_LIKELY(form->batch == batch))
		return true;
	rendering = find_rendering(batch, form);
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

static uint32_t
count_sent(const struct sh_rendering *rendering, size_t from, size_t to)
{
	uint32_t n = 0;

	if (SH_LIKELY(!rendering->has_empty))
		return (uint32_t)(to - from);
	for (; from < to; from++)
		n += rendering->at[from] != rendering->at[from + 1];
	return n;
}

/* All of a rendering that is one message's. */
static int
send_one(
    struct sh_conn *conn, const struct sh_rendering *rendering, uint64_t key)
{
	const struct sh_delivery delivery = {
		.shared = rendering->shared,
		.len = rendering->shared->len,
		.messages = 1,
		.key = key,
	};

	return delivery.len != 0 ? sh_deliver(conn, &delivery) : SH_DELIVERED;
}

/* Send a range of messages. Whether the subscription is still good for more. */
static bool
send_range(struct sh_subscription *subscription, struct sh_topic *topic,
    const struct sh_rendering *rendering, uint64_t key, size_t from, size_t to)
{
	struct sh_delivery delivery = {
		.shared = rendering->shared,
		.at = rendering->at[from],
		.len = rendering->at[to] - rendering->at[from],
		.messages = count_sent(rendering, from, to),
		.key = key,
	};
	struct sh_conn *conn = subscription->subscriber->conn;
	int r;

	if (delivery.len == 0)
		return true;
	r = sh_deliver(conn, &delivery);
	if (SH_UNLIKELY(r == -SHOAL_EAGAIN)) {
		/* plain bytes that do not fit all: one by one */
		for (; from < to; from++)
			if (!send_range(subscription, topic, rendering, key,
				from, from + 1))
				return false;
		return true;
	}
	if (SH_LIKELY(r == SH_DELIVERED)) {
		SH_COUNT(topic->topics->counters->delivered, delivery.messages);
		return true;
	}
	return sh_trouble_take(subscription, topic, r, delivery.messages);
}

static void
give_range(struct sh_batch *batch, struct sh_subscription *subscription,
    size_t from, size_t to)
{
	if (SH_UNLIKELY(from == to))
		return;
	if (sh_subscription_is_held(subscription))
		subscription->holder->take(
		    subscription, batch->messages + from, to - from);
	else if (SH_UNLIKELY(subscription->form == NULL))
		sh_program_take(
		    subscription, batch->messages + from, to - from);
	else
		send_range(subscription, batch->topic,
		    subscription->form->rendering, batch->key, from, to);
}

/* The messages that it has sent itself are left out, if they say so. */
static void
give_around(
    struct sh_batch *batch, struct sh_subscription *subscription, size_t from)
{
	uint64_t id = subscription->subscriber->node.id;
	size_t i;

	for (i = from; i < batch->count; i++) {
		if (id == 0 ||
		    excluded(batch->topic->topics, batch->messages[i]) != id)
			continue;
		give_range(batch, subscription, from, i);
		from = i + 1;
	}
	give_range(batch, subscription, from, batch->count);
}

/* A subscriber with several subscriptions has all at the first of them that is come
 * to: whether it had. */
static bool
was_served(const struct sh_batch *batch, struct sh_subscriber *subscriber)
{
	const struct served *served;
	size_t i;

	for (served = batch->served; served != NULL; served = served->next)
		if (served->subscriber == subscriber)
			return true;
	for (i = 0; i < batch->at; i++) {
		const struct sh_subscription *other =
		    sh_subscription_find(batch->topic->topics, subscriber,
			sh_matches_at(&batch->matches, i));

		/* else it has come too late for that */
		if (other != NULL && other->since < batch->last)
			return true;
	}
	return false;
}

/* The oldest of those that it has through the filters that are left. */
static uint64_t
least_since(const struct sh_batch *batch, struct sh_subscriber *subscriber)
{
	uint64_t least = UINT64_MAX;
	size_t i;

	for (i = batch->at; i < batch->matches.count; i++) {
		const struct sh_subscription *other =
		    sh_subscription_find(batch->topic->topics, subscriber,
			sh_matches_at(&batch->matches, i));

		if (other != NULL && other->since < least)
			least = other->since;
	}
	return least;
}

static void
serve(struct sh_batch *batch, struct sh_subscription *subscription)
{
	struct sh_subscriber *subscriber = subscription->subscriber;
	uint64_t since = subscription->since;
	size_t from = 0;

	if (SH_UNLIKELY(batch->matches.count > 1) &&
	    (subscriber->count > 1 || batch->served != NULL)) {
		if (was_served(batch, subscriber))
			return;
		since = least_since(batch, subscriber);
	}
	if (SH_UNLIKELY(since > batch->first))
		while (batch->messages[from]->seq <= since)
			from++;
	if (SH_UNLIKELY(subscription->holder != NULL) &&
	    !sh_subscription_is_held(subscription))
		from += sh_overlap_skip(
		    subscription, batch->messages + from, batch->count - from);
	if (SH_UNLIKELY(subscription->gap) && !sh_trouble_tell(subscription))
		return;
	if (SH_UNLIKELY(
		(batch->senders & sender_bit(subscriber->node.id)) != 0))
		give_around(batch, subscription, from);
	else
		give_range(batch, subscription, from, batch->count);
}

/* --- steps ------------------------------------------------------------------------ */

/* Some are served in any case, however slow that is. */
static bool
is_spent(struct budget *budget)
{
	if (budget->subscribers == 0)
		return true;
	return budget->subscribers % CLOCK_EVERY == 0 &&
	    budget->subscribers != STEP_SUBSCRIBERS &&
	    sh_clock_us() >= budget->until_us;
}

/* There may be as many as subscribers, if each has an argument of its own: what
 * one alone is sent has been needed. */
static void
rest_form(struct sh_batch *batch, const struct sh_form *form)
{
	/* the subscription, if it is there still, and the rendering */
	if (SH_UNLIKELY(form->users <= 2) && form->batch == batch)
		drop_rendering(batch, form->rendering);
}

/* Serve the subscription that the batch is at, and go on to the next one. */
static void
serve_next(struct sh_batch *batch)
{
	struct sh_cursor *cursor = &batch->cursor;
	struct sh_subscription *subscription = cursor->next;
	struct sh_form *form = subscription->form;
	bool sent = form != NULL && !sh_subscription_is_held(subscription);
	bool rendered =
	    sent && need_rendering(batch, form, subscription->subscriber->conn);

	/* the user's function may have ended it */
	if (SH_UNLIKELY(cursor->next != subscription))
		return;
	cursor->next = TAILQ_NEXT(subscription, of_topic);
	if (SH_UNLIKELY(sent && !rendered)) {
		sh_trouble_lost(subscription);
		return;
	}
	serve(batch, subscription);
	if (rendered)
		rest_form(batch, form);
}

/* Serve the subscriptions of the filter that the batch is at. Whether all were. */
static bool
serve_match(struct sh_batch *batch, struct budget *budget)
{
	const struct sh_cursor *cursor = &batch->cursor;

	while (cursor->next != NULL) {
		/* they stand in the order in which they came */
		if (cursor->next->since > batch->last)
			return true;
		if (is_spent(budget))
			return false;
		budget->subscribers--;
		serve_next(batch);
	}
	return true;
}

/* Whether the batch has been all the way. */
static bool
serve_batch(struct sh_batch *batch, struct budget *budget)
{
	while (batch->at < batch->matches.count) {
		if (!serve_match(batch, budget))
			return false;
		LIST_REMOVE(&batch->cursor, link);
		if (++batch->at < batch->matches.count)
			begin_match(batch);
	}
	return true;
}

/* A part of the topic's share. */
static void
serve_topic(struct sh_topic *topic, struct budget *budget)
{
	struct sh_topics *topics = topic->topics;
	struct sh_batch *batch = topic->batch;

	if (batch == NULL)
		batch = begin_batch(topic);
	/* it goes behind those that wait too */
	TAILQ_REMOVE(&topics->fanning, topic, fanning);
	TAILQ_INSERT_TAIL(&topics->fanning, topic, fanning);
	if (batch == NULL) {
		budget->subscribers = 0;
		return;
	}
	if (!serve_batch(batch, budget))
		return;
	/* it may have had none */
	if (budget->subscribers != 0)
		budget->subscribers--;
	end_batch(batch);
	if (!STAILQ_EMPTY(&topic->messages))
		return;
	TAILQ_REMOVE(&topics->fanning, topic, fanning);
	topic->is_fanning = false;
	sh_topic_release(topic);
}

bool
sh_fanout_step(void *arg)
{
	struct sh_topics *topics = arg;
	struct budget budget = { .subscribers = STEP_SUBSCRIBERS,
		.until_us = sh_clock_us() + STEP_US };
	bool troubled;

	sh_publish_tell_listeners(topics);
	troubled = sh_trouble_step(topics);
	while (!TAILQ_EMPTY(&topics->fanning) && !is_spent(&budget))
		serve_topic(TAILQ_FIRST(&topics->fanning), &budget);
	troubled |= sh_replay_step(topics);
	troubled |= sh_program_step(topics);
	return troubled || !TAILQ_EMPTY(&topics->fanning);
}

void
sh_fanout_add(struct sh_topic *topic, struct sh_message *message)
{
	struct sh_topics *topics = topic->topics;
	size_t size = sh_message_size(message);

	message->seq = ++topics->seq;
	STAILQ_INSERT_TAIL(&topic->messages, message, next);
	topic->pending += size;
	topics->pending += size;
	if (topic->is_fanning)
		return;
	topic->is_fanning = true;
	sh_topic_hold(topic);
	TAILQ_INSERT_TAIL(&topics->fanning, topic, fanning);
	sh_loop_task_begin(topics->loop, &topics->task);
}

/* Whether the subscription of that moment is there still; its own memory may not
 * be, or another's by now. */
static bool
is_there(const struct sh_topic *topic, uint64_t conn, uint64_t since)
{
	struct sh_topics *topics = topic->topics;
	struct sh_id_node *node = sh_id_table_find(&topics->conns, conn);
	const struct sh_subscription *found;

	if (node == NULL)
		return false;
	found = sh_subscription_find(
	    topics, SH_CONTAINER(node, struct sh_subscriber, node), topic);
	return found != NULL && found->since == since;
}

int
sh_fanout_give(struct sh_subscription *subscription, struct sh_message *message)
{
	struct sh_topic *topic = subscription->topic;
	struct sh_subscriber *subscriber = subscription->subscriber;
	uint64_t id = subscriber->node.id, since = subscription->since;
	struct sh_rendering *rendering;
	int r;

	if (subscription->form == NULL) {
		sh_program_take(subscription, &message, 1);
		return SH_DELIVERED;
	}
	sh_topic_hold(topic);
	rendering =
	    sh_form_render(subscription->form, subscriber->conn, &message, 1);
	if (!is_there(topic, id, since))
		r = -SHOAL_ENOENT;
	else if (rendering == NULL)
		r = -SHOAL_ENOMEM;
	else
		r = send_one(subscriber->conn, rendering, message->key);
	sh_rendering_free(&rendering);
	sh_topic_release(topic);
	return r;
}

/* --- ends ----------------------------------------------------------------------- */

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
	struct served *served = sh_try_calloc(1, sizeof(*served));

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

void
sh_fanout_clear(struct sh_topics *topics)
{
	struct sh_message *message;
	struct sh_topic *topic;

	while ((topic = TAILQ_FIRST(&topics->fanning)) != NULL) {
		TAILQ_REMOVE(&topics->fanning, topic, fanning);
		topic->is_fanning = false;
		while ((message = STAILQ_FIRST(&topic->messages)) != NULL) {
			STAILQ_REMOVE_HEAD(&topic->messages, next);
			sh_message_drop(&message);
		}
		if (topic->batch != NULL)
			end_batch(topic->batch);
		sh_topic_release(topic);
	}
}
