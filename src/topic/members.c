/* This file is who would get a message of a topic, in this process. */
#include "config.h"

#include <string.h>

#include "topic/topics_private.h"

struct each {
	struct sh_topics *topics;
	struct sh_matches matches;
	void (*fn)(uint64_t id, const char *name, void *arg);
	void *arg;
};

/* Whether it has come by an earlier filter. */
static bool
was_seen(const struct each *each, struct sh_subscriber *subscriber, size_t at)
{
	size_t i;

	for (i = 0; i < at && subscriber->count > 1; i++)
		if (sh_subscription_find(each->topics, subscriber,
			sh_matches_at(&each->matches, i)) != NULL)
			return true;
	return false;
}

/* The first name that it has among the filters from here on. */
static const char *
name_of(const struct each *each, const struct sh_subscription *subscription,
    size_t at)
{
	while (subscription->member == NULL && ++at < each->matches.count) {
		const struct sh_subscription *other =
		    sh_subscription_find(each->topics, subscription->subscriber,
			sh_matches_at(&each->matches, at));

		if (other != NULL && other->member != NULL)
			subscription = other;
	}
	return subscription->member != NULL ? subscription->member : "";
}

static void
go(const struct each *each, size_t at)
{
	const struct sh_topic *match = sh_matches_at(&each->matches, at);
	struct sh_subscription *subscription;

	TAILQ_FOREACH(subscription, &match->subscriptions, of_topic)
		if (!was_seen(each, subscription->subscriber, at))
			each->fn(subscription->subscriber->node.id,
			    name_of(each, subscription, at), each->arg);
}

void
sh_topics_each_member(struct sh_topics *topics, const char *topic,
    void (*fn)(uint64_t id, const char *name, void *arg), void *arg)
{
	struct each each = { .topics = topics, .fn = fn, .arg = arg };
	size_t i, len = strlen(topic);
	struct sh_topic *exact =
	    sh_topic_find(topics, topic, len, sh_topic_hash(topic, len));

	if (len == 0 ||
	    sh_matches_find(&each.matches, topics, exact, topic, len) < 0)
		return;
	for (i = 0; i < each.matches.count; i++)
		go(&each, i);
	sh_matches_fini(&each.matches);
}

static void
count_one(uint64_t id, const char *name, void *arg)
{
	uint64_t *n = arg;

	(*n)++;
}

uint64_t
sh_topics_local_count(struct sh_topics *topics, const char *topic)
{
	size_t len = strlen(topic);
	const struct sh_topic *exact;
	uint64_t n = 0;

	if (topics->wild.count != 0) {
		sh_topics_each_member(topics, topic, count_one, &n);
		return n;
	}
	exact = sh_topic_find(topics, topic, len, sh_topic_hash(topic, len));
	return exact != NULL ? exact->count : 0;
}
