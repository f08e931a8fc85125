/*
 * This file is what becomes of subscribers that do not read: gaps that they are told
 * of, and publishers that wait for them. What is dropped, and when a connection is
 * full, is decided by its limits (session/deliver.c).
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "io/conn.h"
#include "session/ws.h"
#include "topic/filter.h"
#include "topic/topics_private.h"

enum {
	/* of a step */
	STEP_SUBSCRIBERS = 64,
	/* "try again later" (IANA) */
	GAP_CODE = 1013
};

/* --- pauses -------------------------------------------------------------------- */

static void
ask_carrier(struct sh_topic *topic, bool yes)
{
	struct sh_carrier *carrier = topic->topics->carrier;

	if (carrier != NULL && carrier->ops->pause != NULL)
		carrier->ops->pause(carrier, topic->node.hash, yes);
}

static void
pause_topic(struct sh_subscriber *subscriber, struct sh_topic *topic)
{
	struct sh_pause *pause;

	LIST_FOREACH(pause, &subscriber->pauses, link)
		if (pause->topic == topic)
			return;
	pause = sh_try_calloc(1, sizeof(*pause));
	/* then its queue goes on to grow, up to what a worker may queue */
	if (pause == NULL)
		return;
	pause->topic = topic;
	sh_topic_hold(topic);
	LIST_INSERT_HEAD(&subscriber->pauses, pause, link);
	if (topic->pauses++ == 0)
		ask_carrier(topic, true);
}

void
sh_trouble_unpause(struct sh_subscriber *subscriber)
{
	struct sh_pause *pause;

	while ((pause = LIST_FIRST(&subscriber->pauses)) != NULL) {
		struct sh_topic *topic = pause->topic;

		LIST_REMOVE(pause, link);
		free(pause);
		if (--topic->pauses == 0) {
			ask_carrier(topic, false);
			sh_publishers_wake(topic);
		}
		sh_topic_release(topic);
	}
}

/* --- gaps ----------------------------------------------------------------------- */

void
sh_trouble_begin(struct sh_subscriber *subscriber)
{
	struct sh_topics *topics = subscriber->topics;

	if (!subscriber->has_gap || subscriber->troubled)
		return;
	subscriber->troubled = true;
	TAILQ_INSERT_TAIL(&topics->troubled, subscriber, trouble);
	sh_loop_task_begin(topics->loop, &topics->task);
}

static void
note_gap(struct sh_subscription *subscription)
{
	if (subscription->gap)
		return;
	subscription->gap = subscription->subscriber->has_gap = true;
	SH_COUNT(subscription->topic->topics->counters->gaps, 1);
}

/* If not, sh_trouble_begin() comes when it has drained. */
static bool
has_room(struct sh_conn *conn)
{
	if (sh_conn_has_room(conn, 0))
		return true;
	sh_conn_note_full(conn);
	return false;
}

void
sh_trouble_lost(struct sh_subscription *subscription)
{
	struct sh_subscriber *subscriber = subscription->subscriber;

	if (sh_subscription_is_held(subscription)) {
		subscription->holder->lost(subscription);
		return;
	}
	note_gap(subscription);
	if (subscription->form == NULL)
		sh_program_lost(subscription);
	else if (subscriber->conn != NULL && has_room(subscriber->conn))
		sh_trouble_begin(subscriber);
}

/* Which of its messages were dropped is not known: those of any topic may wait in
 * its queue. */
static void
lose_all(struct sh_subscriber *subscriber)
{
	struct sh_subscription *subscription;

	TAILQ_FOREACH(subscription, &subscriber->subscriptions, of_subscriber)
		sh_trouble_lost(subscription);
}

bool
sh_trouble_take(struct sh_subscription *subscription, struct sh_topic *topic,
    int delivered, uint32_t messages)
{
	if (delivered == SH_DELIVERED_FULL) {
		SH_COUNT(topic->topics->counters->delivered, messages);
		pause_topic(subscription->subscriber, topic);
		return true;
	}
	if (delivered != SH_DELIVERED_LOSSY)
		return false;
	lose_all(subscription->subscriber);
	return true;
}

static bool
close_ws(const struct sh_subscription *subscription)
{
	static const char reason[] = "messages were lost";
	struct shoal_ws *ws = sh_ws_find(subscription->subscriber->node.id);

	if (ws != NULL)
		(void)sh_ws_close(ws, GAP_CODE, reason, sizeof(reason) - 1);
	return false;
}

/* Whether it may have more. */
static bool
tell(struct sh_subscription *subscription)
{
	struct sh_topic *topic = subscription->topic;
	struct sh_message *message;
	int r;

	subscription->gap = false;
	if (subscription->close_on_gap)
		return close_ws(subscription);
	if (subscription->form->render == NULL)
		return true;
	message = sh_message_new_gap(topic->name, topic->len);
	if (message == NULL) {
		subscription->gap = true;
		return false;
	}
	r = sh_fanout_give(subscription, message);
	sh_message_drop(&message);
	/* what it has replaced is an older gap */
	if (r == SH_DELIVERED_LOSSY &&
	    sh_conn_is_conflated(subscription->subscriber->conn))
		r = SH_DELIVERED;
	if (r == SH_DELIVERED_LOSSY || r == -SHOAL_ENOMEM)
		subscription->gap = true;
	if (r == SH_DELIVERED_FULL)
		pause_topic(subscription->subscriber, topic);
	return r == SH_DELIVERED || r == SH_DELIVERED_FULL;
}

bool
sh_trouble_tell(struct sh_subscription *subscription)
{
	struct sh_conn *conn = subscription->subscriber->conn;

	if (subscription->form == NULL || sh_subscription_is_held(subscription))
		return true;
	/* what becomes of the message its limits say */
	return !sh_conn_has_room(conn, 0) || tell(subscription);
}

/* Each has one turn; the user's function may end any of them. */
static void
tell_all(struct sh_subscriber *subscriber)
{
	size_t left = subscriber->count;

	subscriber->has_gap = false;
	while (left-- > 0) {
		struct sh_subscription *subscription =
		    TAILQ_FIRST(&subscriber->subscriptions);

		if (subscription == NULL || subscriber->conn == NULL)
			return;
		TAILQ_REMOVE(
		    &subscriber->subscriptions, subscription, of_subscriber);
		TAILQ_INSERT_TAIL(
		    &subscriber->subscriptions, subscription, of_subscriber);
		if (!subscription->gap || sh_subscription_is_held(subscription))
			continue;
		/* it drains, or the next message tells */
		subscriber->has_gap = true;
		if (!has_room(subscriber->conn))
			return;
		(void)tell(subscription);
	}
}

bool
sh_trouble_step(struct sh_topics *topics)
{
	struct sh_subscriber *subscriber;
	unsigned left = STEP_SUBSCRIBERS;

	while (left-- > 0 &&
	    (subscriber = TAILQ_FIRST(&topics->troubled)) != NULL) {
		subscriber->troubled = false;
		TAILQ_REMOVE(&topics->troubled, subscriber, trouble);
		subscriber->busy = true;
		tell_all(subscriber);
		subscriber->busy = false;
		sh_subscriber_rest(subscriber);
	}
	return !TAILQ_EMPTY(&topics->troubled);
}

/* --- what a carrier has lost -------------------------------------------------- */

struct loss {
	const char *filter; /* NULL: any */
	size_t len;
	bool is_wild;
};

/* Whether messages that are lost would have come to a name's subscribers. */
static bool
is_hit(const struct loss *loss, const struct sh_topic *topic)
{
	if (loss->filter == NULL)
		return true;
	if (loss->len == topic->len &&
	    memcmp(loss->filter, topic->name, loss->len) == 0)
		return true;
	if (loss->is_wild)
		return !topic->is_wild &&
		    sh_filter_matches(
			loss->filter, loss->len, topic->name, topic->len);
	return topic->is_wild &&
	    sh_filter_matches(topic->name, topic->len, loss->filter, loss->len);
}

static void
lose_of(struct sh_topic *topic)
{
	struct sh_subscription *subscription;

	TAILQ_FOREACH(subscription, &topic->subscriptions, of_topic)
		sh_trouble_lost(subscription);
}

static void
lose(struct sh_hash_node *node, void *arg)
{
	struct sh_topic *topic = SH_CONTAINER(node, struct sh_topic, node);

	if (is_hit(arg, topic))
		lose_of(topic);
}

/* Each message may be lost while there is too much to do, and there may be a
 * million of names. False without memory. */
static bool
lose_topic(struct sh_topics *topics, const char *name, size_t len)
{
	struct sh_topic *exact =
	    sh_topic_find(topics, name, len, sh_topic_hash(name, len));
	struct sh_matches matches;
	size_t i;

	if (sh_matches_find(&matches, topics, exact, name, len) < 0)
		return false;
	for (i = 0; i < matches.count; i++)
		lose_of(sh_matches_at(&matches, i));
	sh_matches_fini(&matches);
	return true;
}

void
sh_trouble_lost_all(struct sh_topics *topics, const char *filter)
{
	struct loss loss = { .filter = filter };

	if (filter != NULL) {
		loss.len = strlen(filter);
		loss.is_wild = sh_filter_is_wild(filter, loss.len);
		if (!loss.is_wild && lose_topic(topics, filter, loss.len))
			return;
	}
	sh_hash_each(&topics->names, lose, &loss);
}
