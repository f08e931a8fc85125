/*
 * This file is messages that a carrier has lost, or that there was no memory for: who
 * would have had them is told of a gap, where they would have come. What came before
 * them goes first, to all; what comes behind them waits until then.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "topic/filter.h"
#include "topic/topics_private.h"

enum {
	/* that are to be told one by one; more are told to all, at once */
	LOSSES_MAX = 4096
};

struct sh_loss {
	TAILQ_ENTRY(sh_loss) next;
	uint64_t seq; /* of what was lost */
	bool of_any;  /* it has no filter */
	char filter[];
};

/* --- who is told --------------------------------------------------------------- */

struct scope {
	const char *filter; /* NULL: any */
	size_t len;
	bool is_wild;
	uint64_t seq;
};

/* Whether messages that are lost would have come to a name's subscribers. */
static bool
is_hit(const struct scope *scope, const struct sh_topic *topic)
{
	if (scope->filter == NULL)
		return true;
	if (scope->len == topic->len &&
	    memcmp(scope->filter, topic->name, scope->len) == 0)
		return true;
	if (scope->is_wild)
		return !topic->is_wild &&
		    sh_filter_matches(
			scope->filter, scope->len, topic->name, topic->len);
	return topic->is_wild &&
	    sh_filter_matches(
		topic->name, topic->len, scope->filter, scope->len);
}

/* Who has come since has lost nothing. */
static void
lose_of(const struct scope *scope, struct sh_topic *topic)
{
	struct sh_subscription *subscription;

	TAILQ_FOREACH(subscription, &topic->subscriptions, of_topic)
		if (subscription->since < scope->seq)
			sh_trouble_lost(subscription);
}

static void
lose(struct sh_hash_node *node, void *arg)
{
	struct sh_topic *topic = SH_CONTAINER(node, struct sh_topic, node);

	if (is_hit(arg, topic))
		lose_of(arg, topic);
}

/* Each message may be lost while there is too much to do, and there may be a
 * million of names. False without memory. */
static bool
lose_topic(struct sh_topics *topics, const struct scope *scope)
{
	struct sh_topic *exact = sh_topic_find(topics, scope->filter,
	    scope->len, sh_topic_hash(scope->filter, scope->len));
	struct sh_matches matches;
	size_t i;

	if (sh_matches_find(
		&matches, topics, exact, scope->filter, scope->len) < 0)
		return false;
	for (i = 0; i < matches.count; i++)
		lose_of(scope, sh_matches_at(&matches, i));
	sh_matches_fini(&matches);
	return true;
}

static void
tell(struct sh_topics *topics, const char *filter, uint64_t seq)
{
	struct scope scope = { .filter = filter, .seq = seq };

	if (filter != NULL) {
		scope.len = strlen(filter);
		scope.is_wild = sh_filter_is_wild(filter, scope.len);
		if (!scope.is_wild && lose_topic(topics, &scope))
			return;
	}
	sh_hash_each(&topics->names, lose, &scope);
}

/* --- when ------------------------------------------------------------------------ */

static struct sh_loss *
make_loss(const char *filter, uint64_t seq)
{
	size_t size = filter != NULL ? strlen(filter) + 1 : 0;
	struct sh_loss *loss = sh_try_calloc(1, sizeof(*loss) + size);

	if (loss == NULL)
		return NULL;
	loss->seq = seq;
	loss->of_any = filter == NULL;
	if (filter != NULL)
		memcpy(loss->filter, filter, size);
	return loss;
}

/* Whether one that is to be told says it already: since then nobody has come, and no
 * message of the topic. */
static bool
is_noted(const struct sh_topics *topics, const struct sh_topic *topic)
{
	const struct sh_loss *first = TAILQ_FIRST(&topics->losses);

	return first != NULL && topic != NULL && !topic->is_wild &&
	    topic->lost >= first->seq && topic->lost > topics->newest &&
	    topic->lost > topic->latest;
}

static bool
has_many(const struct sh_topics *topics)
{
	return topics->loss_count >= LOSSES_MAX;
}

/* Let the last one say it too. */
static void
widen_last(struct sh_topics *topics, uint64_t seq)
{
	struct sh_loss *last = TAILQ_LAST(&topics->losses, sh_loss_list);

	last->of_any = true;
	last->seq = seq;
}

/* Behind what is on its way. */
static void
note(struct sh_topics *topics, const char *filter)
{
	struct sh_topic *topic = NULL;
	struct sh_loss *loss;
	size_t len;

	if (filter != NULL) {
		len = strlen(filter);
		topic = sh_topic_find(
		    topics, filter, len, sh_topic_hash(filter, len));
	}
	/* messages may be lost as fast as they come, and for long */
	if (is_noted(topics, topic))
		return;
	if (has_many(topics)) {
		widen_last(topics, ++topics->seq);
		return;
	}
	loss = make_loss(filter, ++topics->seq);
	if (loss == NULL) {
		/* too early, which is better than never */
		tell(topics, filter, topics->seq);
		return;
	}
	if (topic != NULL)
		topic->lost = loss->seq;
	TAILQ_INSERT_TAIL(&topics->losses, loss, next);
	topics->loss_count++;
}

void
sh_loss_note(struct sh_topics *topics, const char *filter)
{
	if (TAILQ_EMPTY(&topics->fanning))
		tell(topics, filter, ++topics->seq);
	else
		note(topics, filter);
}

bool
sh_loss_is_before(
    const struct sh_topics *topics, const struct sh_message *message)
{
	const struct sh_loss *first = TAILQ_FIRST(&topics->losses);

	return SH_UNLIKELY(first != NULL) && message->seq > first->seq;
}

bool
sh_loss_tell(struct sh_topics *topics)
{
	struct sh_loss *loss = TAILQ_FIRST(&topics->losses);

	if (loss == NULL)
		return false;
	TAILQ_REMOVE(&topics->losses, loss, next);
	topics->loss_count--;
	tell(topics, loss->of_any ? NULL : loss->filter, loss->seq);
	free(loss);
	return true;
}

void
sh_loss_clear(struct sh_topics *topics)
{
	struct sh_loss *loss;

	while ((loss = TAILQ_FIRST(&topics->losses)) != NULL) {
		TAILQ_REMOVE(&topics->losses, loss, next);
		free(loss);
	}
	topics->loss_count = 0;
}
