/*
 * This file is who has subscribed to what: it makes and ends subscriptions. It sends
 * nothing.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/panic.h"
#include "io/conn.h"
#include "proto/utf8.h"
#include "topic/filter.h"
#include "topic/replay.h"
#include "topic/topics_private.h"

enum { MEMBER_MAX = 255 };

static const struct shoal_subscribe_options no_options = {
	.size = sizeof(no_options),
};

/* --- subscribers -------------------------------------------------------------- */

static struct sh_subscriber *
new_conn(struct sh_topics *topics, struct sh_conn *conn,
    const struct sh_deliver_form *how)
{
	struct sh_subscriber *subscriber =
	    sh_try_calloc(1, sizeof(*subscriber));

	if (subscriber == NULL)
		return NULL;
	subscriber->topics = topics;
	subscriber->conn = conn;
	subscriber->how = *how;
	subscriber->node.id = sh_conn_id(conn);
	TAILQ_INIT(&subscriber->subscriptions);
	LIST_INIT(&subscriber->pauses);
	if (sh_id_table_add(&topics->conns, &subscriber->node) < 0) {
		free(subscriber);
		return NULL;
	}
	sh_deliver_follow(conn, true);
	return subscriber;
}

struct sh_subscriber *
sh_subscriber_of(struct sh_topics *topics, struct sh_conn *conn, bool make)
{
	struct sh_id_node *node =
	    sh_id_table_find(&topics->conns, sh_conn_id(conn));
	struct sh_deliver_form how = { 0 };

	if (node != NULL)
		return SH_CONTAINER(node, struct sh_subscriber, node);
	if (!make || !sh_deliver_form(conn, &how))
		return NULL;
	return new_conn(topics, conn, &how);
}

void
sh_subscriber_rest(struct sh_subscriber *subscriber)
{
	struct sh_topics *topics = subscriber->topics;

	if (subscriber->node.id == 0 || subscriber->count != 0 ||
	    subscriber->busy)
		return;
	sh_trouble_unpause(subscriber);
	if (subscriber->troubled)
		TAILQ_REMOVE(&topics->troubled, subscriber, trouble);
	sh_id_table_remove(&topics->conns, &subscriber->node);
	if (subscriber->conn != NULL)
		sh_deliver_follow(subscriber->conn, false);
	free(subscriber);
}

void
sh_subscriber_end_all(struct sh_subscriber *subscriber)
{
	struct sh_subscription *subscription;

	while ((subscription = TAILQ_FIRST(&subscriber->subscriptions)) != NULL)
		sh_subscription_end(subscription);
	sh_trouble_unpause(subscriber);
}

void
sh_subscriber_conn_ended(struct sh_conn *conn, void *arg)
{
	struct sh_subscriber *subscriber = sh_subscriber_of(arg, conn, false);

	if (subscriber == NULL)
		return;
	subscriber->conn = NULL;
	sh_subscriber_end_all(subscriber);
	sh_subscriber_rest(subscriber);
}

void
sh_subscriber_conn_drained(struct sh_conn *conn, void *arg)
{
	struct sh_subscriber *subscriber = sh_subscriber_of(arg, conn, false);

	if (subscriber == NULL)
		return;
	sh_trouble_unpause(subscriber);
	sh_trouble_begin(subscriber);
	sh_replay_drained(subscriber->topics);
}

/* --- subscriptions -------------------------------------------------------------- */

static uint64_t
pair_hash(const struct sh_subscriber *subscriber, const struct sh_topic *topic)
{
	return sh_hash_pair((uintptr_t)subscriber, topic->node.hash);
}

struct sh_subscription *
sh_subscription_find(struct sh_topics *topics, struct sh_subscriber *subscriber,
    const struct sh_topic *topic)
{
	struct sh_hash_node *node =
	    sh_hash_find(&topics->subscriptions, pair_hash(subscriber, topic));

	for (; node != NULL; node = sh_hash_find_next(node)) {
		struct sh_subscription *subscription =
		    SH_CONTAINER(node, struct sh_subscription, node);

		if (subscription->subscriber == subscriber &&
		    subscription->topic == topic)
			return subscription;
	}
	return NULL;
}

static bool
make_sense(const struct shoal_subscribe_options *options, bool wild)
{
	size_t len;

	if (options->size < sizeof(*options) || options->replay < -1)
		return false;
	if (wild && (options->replay != 0 || options->resume))
		return false;
	if (options->member == NULL)
		return true;
	len = strlen(options->member);
	return len <= MEMBER_MAX && sh_utf8_is_valid(options->member, len);
}

/* What is not known to others yet. */
static struct sh_subscription *
make(struct sh_subscriber *subscriber,
    const struct shoal_subscribe_options *options)
{
	struct sh_subscription *subscription =
	    sh_try_calloc(1, sizeof(*subscription));

	if (subscription == NULL)
		return NULL;
	subscription->subscriber = subscriber;
	subscription->close_on_gap =
	    options->close_on_gap && subscriber->how.is_ws;
	if (subscriber->node.id != 0)
		subscription->form = sh_form_need(subscriber->topics,
		    options->render, options->render_arg, &subscriber->how);
	if (options->member != NULL)
		subscription->member = strdup(options->member);
	if ((subscriber->node.id != 0 && subscription->form == NULL) ||
	    (options->member != NULL && subscription->member == NULL)) {
		sh_form_drop(&subscription->form);
		free(subscription->member);
		free(subscription);
		return NULL;
	}
	return subscription;
}

static void
count(struct sh_topics *topics, int n)
{
	topics->count += (size_t)n;
	SH_SET(topics->counters->subscriptions, topics->count);
}

static void
enter(struct sh_subscription *subscription, struct sh_topic *topic)
{
	struct sh_subscriber *subscriber = subscription->subscriber;
	struct sh_topics *topics = topic->topics;

	subscription->topic = topic;
	subscription->node.hash = pair_hash(subscriber, topic);
	sh_hash_add(&topics->subscriptions, &subscription->node);
	subscription->since = topics->newest = ++topics->seq;
	TAILQ_INSERT_TAIL(&topic->subscriptions, subscription, of_topic);
	TAILQ_INSERT_TAIL(
	    &subscriber->subscriptions, subscription, of_subscriber);
	topic->count++;
	subscriber->count++;
	count(topics, 1);
}

static int
add(struct sh_subscriber *subscriber, struct sh_topic *topic,
    const struct shoal_subscribe_options *options, struct sh_subscription **out)
{
	struct sh_subscription *subscription = make(subscriber, options);
	int r;

	if (subscription == NULL)
		return -SHOAL_ENOMEM;
	r = sh_topic_want(topic);
	if (r < 0) {
		sh_form_drop(&subscription->form);
		free(subscription->member);
		free(subscription);
		return r;
	}
	enter(subscription, topic);
	*out = subscription;
	return 0;
}

int
sh_subscription_add(struct sh_subscriber *subscriber, const char *filter,
    size_t len, const struct shoal_subscribe_options *options,
    struct sh_subscription **out)
{
	struct sh_topics *topics = subscriber->topics;
	struct sh_topic *topic;
	int r;

	if (options == NULL)
		options = &no_options;
	if (!make_sense(options, sh_filter_is_wild(filter, len)))
		return -SHOAL_EINVAL;
	topic = sh_topic_need(topics, filter, len, sh_topic_hash(filter, len));
	if (topic == NULL)
		return -SHOAL_ENOMEM;
	if (sh_subscription_find(topics, subscriber, topic) != NULL)
		return -SHOAL_EEXIST;
	r = add(subscriber, topic, options, out);
	if (r < 0) {
		sh_topic_rest(topic);
		return r;
	}
	r = sh_replay_begin(*out, options);
	if (r < 0)
		sh_subscription_end(*out);
	return r;
}

void
sh_subscription_end(struct sh_subscription *subscription)
{
	struct sh_subscriber *subscriber = subscription->subscriber;
	struct sh_topic *topic = subscription->topic;
	struct sh_topics *topics = topic->topics;

	if (subscription->holder != NULL)
		subscription->holder->forget(subscription);
	sh_fanout_forget(subscription);
	sh_hash_remove(&topics->subscriptions, &subscription->node);
	TAILQ_REMOVE(&topic->subscriptions, subscription, of_topic);
	TAILQ_REMOVE(&subscriber->subscriptions, subscription, of_subscriber);
	topic->count--;
	subscriber->count--;
	count(topics, -1);
	sh_topic_unwant(topic);
	sh_topic_rest(topic);
	sh_form_drop(&subscription->form);
	free(subscription->member);
	free(subscription);
}

int
sh_subscription_remove(struct sh_subscriber *subscriber, const char *filter)
{
	struct sh_topics *topics = subscriber->topics;
	size_t len = strlen(filter);
	struct sh_topic *topic =
	    sh_topic_find(topics, filter, len, sh_topic_hash(filter, len));
	struct sh_subscription *subscription = NULL;

	if (topic != NULL)
		subscription = sh_subscription_find(topics, subscriber, topic);
	if (subscription == NULL)
		return -SHOAL_ENOENT;
	sh_subscription_end(subscription);
	sh_subscriber_rest(subscriber);
	return 0;
}

/* --- connections ------------------------------------------------------------------ */

int
sh_topics_subscribe(struct sh_topics *topics, struct sh_conn *conn,
    const char *filter, const struct shoal_subscribe_options *options)
{
	size_t len = strlen(filter);
	struct sh_subscriber *subscriber;
	struct sh_subscription *subscription;
	struct sh_deliver_form how;
	int r;

	if (!sh_filter_is_valid(filter, len))
		return -SHOAL_EINVAL;
	if (!sh_deliver_form(conn, &how))
		return -SHOAL_ENOTCONN;
	subscriber = sh_subscriber_of(topics, conn, true);
	if (subscriber == NULL)
		return -SHOAL_ENOMEM;
	r = sh_subscription_add(
	    subscriber, filter, len, options, &subscription);
	sh_subscriber_rest(subscriber);
	return r;
}

int
sh_topics_unsubscribe(
    struct sh_topics *topics, struct sh_conn *conn, const char *filter)
{
	struct sh_subscriber *subscriber =
	    sh_subscriber_of(topics, conn, false);

	return subscriber != NULL ? sh_subscription_remove(subscriber, filter)
				  : -SHOAL_ENOENT;
}
