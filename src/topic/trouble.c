/*
 * This file is what becomes of subscribers that do not read: gaps that they are told
 * of, and publishers that wait for them. What is dropped, and when a connection is
 * full, is decided by its limits (session/deliver.c).
 */
#include "config.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "io/conn.h"
#include "session/ws.h"
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
