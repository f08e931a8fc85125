/*
 * This file is the topics and filters that somebody in this process needs, and which
 * filters match a topic.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/panic.h"
#include "topic/filter.h"
#include "topic/topics_private.h"

struct sh_topic *
sh_topic_find(
    struct sh_topics *topics, const char *name, size_t len, uint64_t hash)
{
	struct sh_hash_node *node = sh_hash_find(&topics->names, hash);

	for (; node != NULL; node = sh_hash_find_next(node)) {
		struct sh_topic *topic =
		    SH_CONTAINER(node, struct sh_topic, node);

		if (topic->len == len && memcmp(topic->name, name, len) == 0)
			return topic;
	}
	return NULL;
}

static struct sh_topic *
make(struct sh_topics *topics, const char *name, size_t len, uint64_t hash)
{
	struct sh_topic *topic = sh_try_calloc(1, sizeof(*topic) + len + 1);

	if (topic == NULL)
		return NULL;
	topic->node.hash = hash;
	topic->topics = topics;
	topic->is_wild = sh_filter_is_wild(name, len);
	TAILQ_INIT(&topic->subscriptions);
	LIST_INIT(&topic->cursors);
	TAILQ_INIT(&topic->listeners);
	STAILQ_INIT(&topic->messages);
	TAILQ_INIT(&topic->line);
	topic->len = len;
	memcpy(topic->name, name, len);
	return topic;
}

struct sh_topic *
sh_topic_need(
    struct sh_topics *topics, const char *name, size_t len, uint64_t hash)
{
	struct sh_topic *topic = sh_topic_find(topics, name, len, hash);

	if (topic != NULL)
		return topic;
	topic = make(topics, name, len, hash);
	if (topic == NULL)
		return NULL;
	if (topic->is_wild &&
	    sh_wild_add(&topics->wild, name, len, topic) < 0) {
		free(topic);
		return NULL;
	}
	sh_hash_add(&topics->names, &topic->node);
	return topic;
}

void
sh_topic_rest(struct sh_topic *topic)
{
	struct sh_topics *topics = topic->topics;

	if (topic->count != 0 || topic->holds != 0 ||
	    !TAILQ_EMPTY(&topic->listeners))
		return;
	sh_assert(LIST_EMPTY(&topic->cursors) && topic->batch == NULL &&
	    topic->pauses == 0 && STAILQ_EMPTY(&topic->messages));
	if (topic->is_wild)
		sh_wild_remove(&topics->wild, topic->name, topic->len);
	sh_hash_remove(&topics->names, &topic->node);
	free(topic);
}

void
sh_topic_hold(struct sh_topic *topic)
{
	topic->holds++;
}

void
sh_topic_release(struct sh_topic *topic)
{
	sh_assert(topic->holds != 0);
	topic->holds--;
	sh_topic_rest(topic);
}

static bool
is_wanted(const struct sh_topic *topic)
{
	return topic->count != 0 || !TAILQ_EMPTY(&topic->listeners);
}

int
sh_topic_want(struct sh_topic *topic)
{
	struct sh_carrier *carrier = topic->topics->carrier;

	if (carrier == NULL || is_wanted(topic))
		return 0;
	return carrier->ops->want(carrier, topic->name);
}

void
sh_topic_unwant(struct sh_topic *topic)
{
	struct sh_carrier *carrier = topic->topics->carrier;

	if (carrier != NULL && !is_wanted(topic))
		carrier->ops->unwant(carrier, topic->name);
}

/* --- who matches ------------------------------------------------------------ */

/* What is found on the way. */
struct finding {
	struct sh_matches *matches;
	bool failed;
};

static void
find_one(void *owner, void *arg)
{
	struct finding *finding = arg;
	struct sh_matches *matches = finding->matches;
	struct sh_topic *topic = owner, **list;

	if (topic->count == 0 || finding->failed)
		return;
	if (matches->count == 0) {
		matches->first = topic;
		matches->count = 1;
		return;
	}
	list = sh_try_grow(
	    matches->list, matches->count + 1, sizeof(struct sh_topic *));
	if (list == NULL) {
		finding->failed = true;
		return;
	}
	list[0] = matches->first;
	list[matches->count++] = topic;
	matches->list = list;
}

int
sh_matches_find(struct sh_matches *matches, struct sh_topics *topics,
    struct sh_topic *exact, const char *topic, size_t len)
{
	struct finding finding = { .matches = matches };

	*matches = (struct sh_matches){ 0 };
	if (exact != NULL)
		find_one(exact, &finding);
	sh_wild_match(&topics->wild, topic, len, find_one, &finding);
	if (!finding.failed)
		return 0;
	sh_matches_fini(matches);
	return -SHOAL_ENOMEM;
}

void
sh_matches_fini(struct sh_matches *matches)
{
	free(matches->list);
	*matches = (struct sh_matches){ 0 };
}

static void
note_match(void *owner, void *arg)
{
	const struct sh_topic *topic = owner;
	bool *found = arg;

	*found = *found || topic->count != 0;
}

bool
sh_topics_has_match(struct sh_topics *topics, const struct sh_topic *exact,
    const char *topic, size_t len)
{
	bool found = exact != NULL && exact->count != 0;

	if (!found)
		sh_wild_match(&topics->wild, topic, len, note_match, &found);
	return found;
}
