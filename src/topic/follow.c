/*
 * This file sees to it that the messages of a topic with a history come in the order
 * of their offsets. It keeps where each topic was, up to a number of topics: the ones
 * that were quiet for longest begin anew.
 *
 * Where a topic was means something only for who was there: when all who subscribe
 * now have come later, the next message is the first one.
 */
#include "config.h"

#include "topic/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "topic/topics_private.h"

enum {
	FOLLOWS_MAX = 65536,
	/* of one topic, what waits for the answer */
	HELD_MAX = 1 << 20
};

/* Where a topic was. */
struct sh_follow {
	struct sh_hash_node node;
	TAILQ_ENTRY(sh_follow) used; /* since the last message */
	struct sh_topics *topics;
	uint64_t epoch, offset; /* of the last message */
	uint64_t seq;           /* of this process, no lower than its own */
	bool asking;
	bool told;    /* of a gap, and nothing was given since */
	bool had_gap; /* likewise, since it was asked */
	bool torn;    /* not all could wait: ask again */
	struct sh_message_list held;
	size_t held_count, held_bytes;
	size_t
	    asked_count; /* of those, the ones that came before it was asked */
	size_t len;
	char topic[];
};

static void ask(struct sh_follow *follow);

/* --- the table --------------------------------------------------------------- */

static struct sh_follow *
find(struct sh_topics *topics, const struct sh_publication *publication)
{
	struct sh_hash_node *node =
	    sh_hash_find(&topics->follows, publication->hash);

	for (; node != NULL; node = sh_hash_find_next(node)) {
		struct sh_follow *follow =
		    SH_CONTAINER(node, struct sh_follow, node);

		if (follow->len == publication->topic_len &&
		    memcmp(follow->topic, publication->topic, follow->len) == 0)
			return follow;
	}
	return NULL;
}

static void
drop_first(struct sh_follow *follow)
{
	struct sh_message *message = STAILQ_FIRST(&follow->held);

	STAILQ_REMOVE_HEAD(&follow->held, next);
	follow->held_count--;
	follow->held_bytes -= sh_message_size(message);
	sh_message_drop(&message);
}

static void
forget(struct sh_follow *follow)
{
	struct sh_topics *topics = follow->topics;

	if (follow->asking)
		topics->carrier->ops->forget(topics->carrier, follow);
	while (!STAILQ_EMPTY(&follow->held))
		drop_first(follow);
	sh_hash_remove(&topics->follows, &follow->node);
	TAILQ_REMOVE(&topics->followed, follow, used);
	free(follow);
}

void
sh_follow_clear(struct sh_topics *topics)
{
	while (!TAILQ_EMPTY(&topics->followed))
		forget(TAILQ_FIRST(&topics->followed));
}

/* Remember where the topic is. The message that is given next has the next seq. */
static void
move_to(struct sh_follow *follow, uint64_t epoch, uint64_t offset)
{
	struct sh_topics *topics = follow->topics;

	follow->epoch = epoch;
	follow->offset = offset;
	follow->seq = topics->seq + 1;
	TAILQ_REMOVE(&topics->followed, follow, used);
	TAILQ_INSERT_TAIL(&topics->followed, follow, used);
}

/* Without memory the message is given, and nothing known. */
static void
add(struct sh_topics *topics, const struct sh_publication *publication)
{
	struct sh_follow *follow =
	    sh_try_calloc(1, sizeof(*follow) + publication->topic_len + 1);

	if (follow == NULL)
		return;
	follow->topics = topics;
	follow->len = publication->topic_len;
	memcpy(follow->topic, publication->topic, follow->len);
	STAILQ_INIT(&follow->held);
	follow->node.hash = publication->hash;
	sh_hash_add(&topics->follows, &follow->node);
	TAILQ_INSERT_TAIL(&topics->followed, follow, used);
	move_to(follow, publication->epoch, publication->offset);
	if (topics->follows.count > FOLLOWS_MAX)
		forget(TAILQ_FIRST(&topics->followed));
}

/* --- what is missing ------------------------------------------------------------ */

/* One before each message that does not follow the one before it. */
static void
tell_gap(struct sh_follow *follow)
{
	if (!follow->told)
		sh_loss_note(follow->topics, follow->topic);
	follow->told = follow->had_gap = true;
}

static bool
is_old(const struct sh_follow *follow, const struct sh_publication *publication)
{
	return publication->epoch == follow->epoch &&
	    publication->offset <= follow->offset;
}

static bool
is_next(
    const struct sh_follow *follow, const struct sh_publication *publication)
{
	return publication->epoch == follow->epoch &&
	    publication->offset == follow->offset + 1;
}

static void
give(struct sh_follow *follow, const struct sh_publication *publication)
{
	move_to(follow, publication->epoch, publication->offset);
	follow->told = false;
	sh_publish_deliver(follow->topics, publication);
}

/* Whatever is missing before it is lost. */
static void
give_anyhow(struct sh_follow *follow, const struct sh_publication *publication)
{
	if (is_old(follow, publication))
		return;
	if (!is_next(follow, publication))
		tell_gap(follow);
	give(follow, publication);
}

/* What has come live up to that one: the history may have forgotten it since. */
static void
give_held_until(struct sh_follow *follow, uint64_t epoch, uint64_t offset)
{
	struct sh_message *message;

	while ((message = STAILQ_FIRST(&follow->held)) != NULL &&
	    message->publication.epoch == epoch &&
	    message->publication.offset <= offset) {
		(void)sh_message_hold(message);
		drop_first(follow);
		if (follow->asked_count > 0)
			follow->asked_count--;
		give_anyhow(follow, &message->publication);
		sh_message_drop(&message);
	}
}

static void
on_message(const struct sh_publication *publication, void *arg)
{
	struct sh_follow *follow = arg;

	give_held_until(follow, publication->epoch, publication->offset - 1);
	give_anyhow(follow, publication);
}

/* Who answered knows better than what came before it was asked. Without an answer,
 * epochs go up. */
static void
give_held(struct sh_follow *follow, bool answered)
{
	struct sh_message_list held = STAILQ_HEAD_INITIALIZER(held);
	size_t asked = follow->asked_count, i;
	struct sh_message *message;

	STAILQ_CONCAT(&held, &follow->held);
	follow->held_count = follow->held_bytes = 0;
	for (i = 0; (message = STAILQ_FIRST(&held)) != NULL; i++) {
		const struct sh_publication *publication =
		    &message->publication;

		STAILQ_REMOVE_HEAD(&held, next);
		if (!answered && publication->epoch < follow->epoch)
			; /* told as a gap */
		else if (!answered)
			give_anyhow(follow, publication);
		else if (i < asked && publication->epoch != follow->epoch)
			; /* of an epoch that is over */
		else if (i < asked)
			give_anyhow(follow, publication);
		else if (sh_follow_take(follow->topics, publication))
			sh_publish_deliver(follow->topics, publication);
		sh_message_drop(&message);
	}
}

static void
on_done(int result, uint64_t epoch, uint64_t offset, bool gap, void *arg)
{
	struct sh_follow *follow = arg;
	bool torn = follow->torn;

	follow->asking = follow->torn = false;
	/* what was missing before a message that was told was seen then */
	if (result < 0 || (gap && !follow->had_gap))
		tell_gap(follow);
	if (result == 0 && epoch != 0)
		give_held_until(follow, epoch, offset);
	if (result == 0 && epoch != 0 &&
	    (epoch != follow->epoch || offset > follow->offset)) {
		tell_gap(follow);
		move_to(follow, epoch, offset);
	}
	give_held(follow, result == 0);
	if (torn && !follow->asking)
		ask(follow);
}

static void
ask(struct sh_follow *follow)
{
	struct sh_carrier *carrier = follow->topics->carrier;
	const struct sh_replay replay = {
		.topic = follow->topic,
		.topic_len = follow->len,
		.epoch = follow->epoch,
		.offset = follow->offset,
		.max = SIZE_MAX,
		.message = on_message,
		.done = on_done,
		.arg = follow,
	};

	follow->told = follow->had_gap = false;
	follow->asked_count = follow->held_count;
	follow->asking = true;
	if (carrier->ops->replay(carrier, &replay) == 0)
		return;
	follow->asking = false;
	tell_gap(follow);
	give_held(follow, false);
}

static void
hold(struct sh_follow *follow, const struct sh_publication *publication)
{
	struct sh_message *message = NULL;

	if (follow->held_bytes + publication->len <= HELD_MAX)
		message = sh_message_new(publication);
	if (message == NULL) {
		/* the history has it */
		follow->torn = true;
		return;
	}
	STAILQ_INSERT_TAIL(&follow->held, message, next);
	follow->held_count++;
	follow->held_bytes += sh_message_size(message);
}

/* --- what comes -------------------------------------------------------------- */

/* Whether one of those who would get it has been there since the last message. */
static bool
is_missed(struct sh_follow *follow, struct sh_topic *exact)
{
	struct sh_matches matches;
	bool missed = false;
	size_t i;

	if (sh_matches_find(&matches, follow->topics, exact, follow->topic,
		follow->len) < 0)
		return true;
	for (i = 0; i < matches.count && !missed; i++) {
		const struct sh_subscription *eldest =
		    TAILQ_FIRST(&sh_matches_at(&matches, i)->subscriptions);

		missed = eldest != NULL && eldest->since < follow->seq;
	}
	sh_matches_fini(&matches);
	return missed;
}

/* Not the next one, and none that was had. One of an epoch that seems to be over is
 * asked about in any case: who has come since may have been told of the later one. */
static bool
take_other(struct sh_follow *follow, struct sh_topic *exact,
    const struct sh_publication *publication)
{
	const struct sh_carrier_ops *ops = follow->topics->carrier->ops;

	if (!follow->asking && publication->epoch >= follow->epoch &&
	    !is_missed(follow, exact)) {
		move_to(follow, publication->epoch, publication->offset);
		return true;
	}
	if (ops->offsets_skip) {
		follow->told = false;
		if (publication->epoch != follow->epoch)
			tell_gap(follow);
		move_to(follow, publication->epoch, publication->offset);
		return true;
	}
	hold(follow, publication);
	if (!follow->asking)
		ask(follow);
	return false;
}

bool
sh_follow_take(
    struct sh_topics *topics, const struct sh_publication *publication)
{
	struct sh_topic *exact = sh_topic_find(topics, publication->topic,
	    publication->topic_len, publication->hash);
	struct sh_follow *follow;

	if (!sh_topics_has_match(
		topics, exact, publication->topic, publication->topic_len))
		return false;
	follow = find(topics, publication);
	if (follow == NULL) {
		add(topics, publication);
		return true;
	}
	if (is_old(follow, publication))
		return false;
	if (!is_next(follow, publication))
		return take_other(follow, exact, publication);
	move_to(follow, publication->epoch, publication->offset);
	return true;
}

bool
sh_follow_has(
    struct sh_topics *topics, const struct sh_publication *publication)
{
	const struct sh_follow *follow = find(topics, publication);

	return follow != NULL && is_old(follow, publication);
}
