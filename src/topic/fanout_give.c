/*
 * This file sends one message to one subscription, at once, whatever else is on its
 * way: what comes of a history, and gaps.
 */
#include "config.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "io/shared.h"
#include "topic/topics_private.h"

/* All of a rendering that is one message's. */
static int
send_one(
    struct sh_conn *conn, const struct sh_rendering *rendering, uint64_t key)
{
	const struct sh_piece delivery = {
		.shared = rendering->shared,
		.len = rendering->shared->len,
		.messages = 1,
		.key = key,
	};

	return delivery.len != 0 ? sh_deliver(conn, &delivery) : SH_DELIVERED;
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
