/*
 * This file brings messages to the subscribers of this process, in bounded steps.
 * What a batch is, and how it ends, is in fanout_batch.c.
 *
 * Messages of a topic that have come are taken together as a batch, which goes to
 * one subscriber after the other, and the next batch goes when it has been all the
 * way; so everybody gets them in order. Topics take turns. Who subscribes meanwhile
 * stands at the end of a list and has a higher number than what came before.
 */
#include "config.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "topic/fanout_private.h"
#include "topic/overlap.h"
#include "topic/replay.h"

enum {
	/* of a step: some 250 us, if nothing is in the way ... */
	STEP_SUBSCRIBERS = 256,
	/* ... and looked at each so many of them */
	STEP_US = 1000,
	CLOCK_EVERY = 16
};

/* What is left of a step. */
struct budget {
	unsigned subscribers;
	int64_t until_us;
};

/* --- one subscriber ------------------------------------------------------------- */

/* Let the form know what its subscribers are sent of the batch. As
 * sh_batch_render(). */
static inline bool
need_rendering(
    struct sh_batch *batch, struct sh_form *form, struct sh_conn *conn)
{
	/* the usual case */
	if (SH_LIKELY(form->batch == batch))
		return true;
	return sh_batch_render(batch, form, conn);
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

/* Send a range of messages. Whether the subscription is still good for more. */
static bool
send_range(struct sh_subscription *subscription, struct sh_topic *topic,
    const struct sh_rendering *rendering, uint64_t key, size_t from, size_t to)
{
	struct sh_piece delivery = {
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
		    sh_excluded_sender(
			batch->topic->topics, batch->messages[i]) != id)
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
	const struct sh_served *served;
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
		(batch->senders & sh_sender_bit(subscriber->node.id)) != 0))
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
		sh_batch_drop_rendering(batch, form->rendering);
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
			sh_batch_begin_match(batch);
	}
	return true;
}

/* Behind those that wait too; one that has messages. */
static void
line_up(struct sh_topic *topic)
{
	struct sh_topics *topics = topic->topics;
	bool waits = sh_loss_is_before(topics, STAILQ_FIRST(&topic->messages));

	TAILQ_INSERT_TAIL(
	    waits ? &topics->behind : &topics->fanning, topic, fanning);
}

/* A part of the topic's share. */
static void
serve_topic(struct sh_topic *topic, struct budget *budget)
{
	struct sh_topics *topics = topic->topics;
	struct sh_batch *batch = topic->batch;

	if (batch == NULL)
		batch = sh_batch_begin(topic);
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
	sh_batch_end(batch);
	TAILQ_REMOVE(&topics->fanning, topic, fanning);
	if (!STAILQ_EMPTY(&topic->messages)) {
		line_up(topic);
		return;
	}
	topic->is_fanning = false;
	sh_topic_release(topic);
}

/* All before the first loss is out. */
static void
go_behind_loss(struct sh_topics *topics)
{
	struct sh_topic_list behind = TAILQ_HEAD_INITIALIZER(behind);
	struct sh_topic *topic;

	(void)sh_loss_tell(topics);
	TAILQ_CONCAT(&behind, &topics->behind, fanning);
	while ((topic = TAILQ_FIRST(&behind)) != NULL) {
		TAILQ_REMOVE(&behind, topic, fanning);
		line_up(topic);
	}
}

static struct sh_topic *
next_topic(struct sh_topics *topics)
{
	while (TAILQ_EMPTY(&topics->fanning) && !TAILQ_EMPTY(&topics->losses))
		go_behind_loss(topics);
	return TAILQ_FIRST(&topics->fanning);
}

bool
sh_fanout_step(void *arg)
{
	struct sh_topics *topics = arg;
	struct budget budget = { .subscribers = STEP_SUBSCRIBERS,
		.until_us = sh_clock_us() + STEP_US };
	struct sh_topic *topic;
	bool troubled;

	sh_publish_tell_listeners(topics);
	troubled = sh_trouble_step(topics);
	while ((topic = next_topic(topics)) != NULL && !is_spent(&budget))
		serve_topic(topic, &budget);
	troubled |= sh_replay_step(topics);
	troubled |= sh_program_step(topics);
	return troubled || !TAILQ_EMPTY(&topics->fanning);
}

void
sh_fanout_add(struct sh_topic *topic, struct sh_message *message)
{
	struct sh_topics *topics = topic->topics;
	size_t size = sh_message_size(message);

	message->seq = topic->latest = ++topics->seq;
	STAILQ_INSERT_TAIL(&topic->messages, message, next);
	topic->pending += size;
	topics->pending += size;
	if (topic->is_fanning)
		return;
	topic->is_fanning = true;
	sh_topic_hold(topic);
	line_up(topic);
	sh_loop_task_begin(topics->loop, &topics->task);
}

/* --- the end ------------------------------------------------------------------------ */

void
sh_fanout_clear(struct sh_topics *topics)
{
	struct sh_message *message;
	struct sh_topic *topic;

	sh_loss_clear(topics);
	TAILQ_CONCAT(&topics->fanning, &topics->behind, fanning);
	while ((topic = TAILQ_FIRST(&topics->fanning)) != NULL) {
		TAILQ_REMOVE(&topics->fanning, topic, fanning);
		topic->is_fanning = false;
		while ((message = STAILQ_FIRST(&topic->messages)) != NULL) {
			STAILQ_REMOVE_HEAD(&topic->messages, next);
			sh_message_drop(&message);
		}
		if (topic->batch != NULL)
			sh_batch_end(topic->batch);
		sh_topic_release(topic);
	}
}
