/*
 * This file publishes: it decides whether a message may go now, and hands it to the
 * subscribers of this process and to the carrier; and it takes what the carrier
 * brings. Who may not publish now waits here, in line.
 */
#include "config.h"

#include <string.h>
#include <time.h>

#include <shoal/error.h>

#include "base/panic.h"
#include "io/await.h"
#include "proto/utf8.h"
#include "topic/filter.h"
#include "topic/follow.h"
#include "topic/keep.h"
#include "topic/topics_private.h"

enum {
	KEY_MAX = 255,
	/* bytes of a message without a carrier; a carrier has its own */
	MESSAGE_MAX = 2 << 20,
	/* bytes of a topic that may wait to be fanned out; and of all */
	BEHIND_MAX = 8 << 20,
	ALL_BEHIND_MAX = 64 << 20,
	/* what comes from elsewhere was let go before, so it has more room; then
	 * it is lost */
	ARRIVED_FACTOR = 4
};

/* A coroutine that waits to publish; on its stack. */
struct sh_publisher {
	struct sh_co *co;
	struct sh_topic *topic; /* held; NULL: the topics have ended */
	TAILQ_ENTRY(sh_publisher) link;
};

static const struct shoal_publish_options no_options = {
	.size = sizeof(no_options),
};

/* --- what a publication is --------------------------------------------------- */

static int
check(const char *topic, size_t topic_len, int type, const void *data,
    size_t len, const struct shoal_publish_options *options)
{
	if (options->size < sizeof(*options) ||
	    !sh_topic_is_valid(topic, topic_len) ||
	    (type != SHOAL_WS_TEXT && type != SHOAL_WS_BINARY) ||
	    (data == NULL && len != 0) ||
	    (options->key != NULL && strlen(options->key) > KEY_MAX))
		return -SHOAL_EINVAL;
	return type == SHOAL_WS_TEXT && !sh_utf8_is_valid(data, len) ? -EILSEQ
								     : 0;
}

static int64_t
wall_clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME_COARSE, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* All but what the options say. */
static struct sh_publication
describe(struct sh_topics *topics, const char *topic, int type,
    const void *data, size_t len)
{
	size_t topic_len = strlen(topic);

	return (struct sh_publication){
		.topic = topic,
		.topic_len = topic_len,
		.hash = sh_topic_hash(topic, topic_len),
		.type = (uint8_t)type,
		.node = topics->node,
		.serial = ++topics->serial,
		.time_ms = wall_clock_ms(),
		.data = data,
		.len = len,
	};
}

static int
prepare(struct sh_topics *topics, const char *topic, int type, const void *data,
    size_t len, const struct shoal_publish_options *options,
    struct sh_publication *publication_out)
{
	int r;

	if (options == NULL)
		options = &no_options;
	r = check(topic, strlen(topic), type, data, len, options);
	if (r < 0)
		return r;
	*publication_out = describe(topics, topic, type, data, len);
	publication_out->sender = options->from;
	if (options->not_to_sender)
		publication_out->flags = SH_PUBLICATION_NOT_TO_SENDER;
	publication_out->key = options->key;
	if (options->key != NULL)
		publication_out->key_len = strlen(options->key);
	return 0;
}

/* --- in this process ------------------------------------------------------------ */

/* A message for those who have subscribed here, if there are any; NULL without
 * memory, too: *wanted_out tells. It keeps a topic of the name. */
static struct sh_message *
make_local(struct sh_topics *topics, const struct sh_publication *publication,
    struct sh_topic **topic, bool *wanted_out)
{
	struct sh_message *message;

	*wanted_out = sh_topics_has_match(
	    topics, *topic, publication->topic, publication->topic_len);
	if (!*wanted_out)
		return NULL;
	message = sh_message_new(publication);
	if (message == NULL || *topic != NULL)
		return message;
	*topic = sh_topic_need(topics, publication->topic,
	    publication->topic_len, publication->hash);
	if (*topic == NULL)
		sh_message_drop(&message);
	return message;
}

/* They are told in this turn, but not from within who publishes. */
static void
remember_for_listeners(
    struct sh_topic *topic, const struct sh_publication *publication)
{
	struct sh_topics *topics = topic->topics;
	struct sh_message *message;

	if (TAILQ_EMPTY(&topic->listeners))
		return;
	message = sh_message_new(publication);
	if (message == NULL)
		return;
	STAILQ_INSERT_TAIL(&topics->untold, message, next);
	sh_loop_task_begin(topics->loop, &topics->task);
}

/* Hand it to the carrier, and whether it is delivered here too. */
static int
carry(struct sh_topics *topics, const struct sh_publication *publication,
    bool *here_out)
{
	struct sh_carrier *carrier = topics->carrier;
	bool kept;

	*here_out = true;
	if (carrier == NULL)
		return publication->len <= MESSAGE_MAX ? 0 : -SHOAL_EMSGSIZE;
	kept = publication->topic[0] != '$' &&
	    sh_keep_find(publication->topic, publication->topic_len) != NULL;
	/* what is kept comes back with its offset */
	*here_out = !carrier->ops->loops_back && !kept;
	return carrier->ops->publish(carrier, publication, kept);
}

/* The carrier goes last: what it has taken cannot be taken back. */
static int
hand_out(struct sh_topics *topics, struct sh_topic *topic,
    const struct sh_publication *publication)
{
	bool wanted, here = false;
	struct sh_message *message =
	    make_local(topics, publication, &topic, &wanted);
	int r = -SHOAL_ENOMEM;

	if (!wanted || message != NULL)
		r = carry(topics, publication, &here);
	if (r == 0 && here && topic != NULL)
		remember_for_listeners(topic, publication);
	if (r == 0 && here && message != NULL)
		sh_fanout_add(topic, message);
	else
		sh_message_drop(&message);
	if (topic != NULL)
		sh_topic_rest(topic);
	return r;
}

/* --- whether it may go now ---------------------------------------------------- */

static bool
is_behind(
    const struct sh_topics *topics, const struct sh_topic *topic, size_t factor)
{
	return topics->pending >= ALL_BEHIND_MAX * factor ||
	    (topic != NULL && topic->pending >= BEHIND_MAX * factor);
}

/* publisher: who is in line already, or NULL. */
static bool
must_wait(const struct sh_topics *topics, const struct sh_topic *topic,
    uint64_t hash, const struct sh_publisher *publisher)
{
	const struct sh_carrier *carrier = topics->carrier;

	if (is_behind(topics, topic, 1))
		return true;
	if (topic != NULL &&
	    (topic->pauses != 0 ||
		(!TAILQ_EMPTY(&topic->line) &&
		    TAILQ_FIRST(&topic->line) != publisher)))
		return true;
	return carrier != NULL && carrier->ops->is_paused != NULL &&
	    carrier->ops->is_paused(carrier, hash);
}

static int
attempt(struct sh_topics *topics, const struct sh_publication *publication,
    const struct sh_publisher *publisher)
{
	struct sh_topic *topic = sh_topic_find(topics, publication->topic,
	    publication->topic_len, publication->hash);
	int r;

	if (must_wait(topics, topic, publication->hash, publisher))
		return -SHOAL_EAGAIN;
	r = hand_out(topics, topic, publication);
	if (r == 0)
		SH_COUNT(topics->counters->published, 1);
	return r;
}

int
sh_topics_publish(struct sh_topics *topics, const char *topic, int type,
    const void *data, size_t len, const struct shoal_publish_options *options)
{
	struct sh_publication publication;
	int r = prepare(topics, topic, type, data, len, options, &publication);

	return r < 0 ? r : attempt(topics, &publication, NULL);
}

int
sh_topics_tell(
    struct sh_topics *topics, const char *topic, const void *data, size_t len)
{
	const struct sh_publication publication =
	    describe(topics, topic, SHOAL_WS_BINARY, data, len);

	sh_assert(topic[0] == '$');
	return hand_out(topics,
	    sh_topic_find(
		topics, topic, publication.topic_len, publication.hash),
	    &publication);
}

/* --- in line -------------------------------------------------------------------- */

static void
enter_line(struct sh_publisher *publisher, struct sh_topic *topic)
{
	struct sh_topics *topics = topic->topics;

	sh_topic_hold(topic);
	publisher->topic = topic;
	TAILQ_INSERT_TAIL(&topic->line, publisher, link);
	if (topic->is_line)
		return;
	topic->is_line = true;
	TAILQ_INSERT_TAIL(&topics->lines, topic, lines);
}

static void
leave_line(struct sh_publisher *publisher)
{
	struct sh_topic *topic = publisher->topic;

	if (topic == NULL)
		return;
	publisher->topic = NULL;
	TAILQ_REMOVE(&topic->line, publisher, link);
	if (TAILQ_EMPTY(&topic->line)) {
		topic->is_line = false;
		TAILQ_REMOVE(&topic->topics->lines, topic, lines);
	}
	/* the next one looks for itself */
	sh_publishers_wake(topic);
	sh_topic_release(topic);
}

void
sh_publishers_wake(struct sh_topic *topic)
{
	struct sh_publisher *first = TAILQ_FIRST(&topic->line);

	/* it keeps its place until it has published, so nobody overtakes it */
	if (first != NULL)
		sh_co_wake(first->co, 0);
}

void
sh_publishers_wake_all(struct sh_topics *topics)
{
	struct sh_topic *topic;

	TAILQ_FOREACH(topic, &topics->lines, lines)
		sh_publishers_wake(topic);
}

void
sh_publishers_fail(struct sh_topics *topics)
{
	struct sh_topic *topic;

	while ((topic = TAILQ_FIRST(&topics->lines)) != NULL) {
		struct sh_publisher *first = TAILQ_FIRST(&topic->line);

		sh_co_wake(first->co, -SHOAL_ECANCELED);
		leave_line(first);
	}
}

static int
wait_in_line(struct sh_topics *topics, const struct sh_publication *publication,
    int64_t deadline_us)
{
	static const char place[] = "shoal_co_publish";
	struct sh_publisher publisher = { .co = sh_await_self(place) };
	struct sh_topic *topic = sh_topic_need(topics, publication->topic,
	    publication->topic_len, publication->hash);
	int r;

	if (topic == NULL)
		return -SHOAL_ENOMEM;
	enter_line(&publisher, topic);
	do {
		r = sh_await(place, deadline_us);
		if (r == 0 && publisher.topic == NULL)
			r = -SHOAL_ECANCELED;
		if (r == 0)
			r = attempt(topics, publication, &publisher);
	} while (r == -SHOAL_EAGAIN);
	leave_line(&publisher);
	return r;
}

int
sh_topics_co_publish(struct sh_topics *topics, const char *topic, int type,
    const void *data, size_t len, const struct shoal_publish_options *options,
    int64_t deadline_us)
{
	struct sh_publication publication;
	int r = prepare(topics, topic, type, data, len, options, &publication);

	if (r == 0)
		r = attempt(topics, &publication, NULL);
	return r != -SHOAL_EAGAIN
	    ? r
	    : wait_in_line(topics, &publication, deadline_us);
}

/* --- how far the fan-out is ------------------------------------------------------ */

/* Publishers elsewhere wait while it is too far behind. */
static void
ask_to_wait(struct sh_topic *topic, bool yes)
{
	struct sh_carrier *carrier = topic->topics->carrier;

	if (topic->asked_behind == yes || carrier == NULL ||
	    carrier->ops->pause == NULL)
		return;
	topic->asked_behind = yes;
	carrier->ops->pause(carrier, topic->node.hash, yes);
}

void
sh_publish_went(struct sh_topic *topic, size_t bytes)
{
	struct sh_topics *topics = topic->topics;
	bool all_behind = topics->pending >= ALL_BEHIND_MAX;

	topic->pending -= bytes;
	topics->pending -= bytes;
	if (topic->pending <= BEHIND_MAX / 2) {
		ask_to_wait(topic, false);
		sh_publishers_wake(topic);
	}
	if (all_behind && topics->pending < ALL_BEHIND_MAX)
		sh_publishers_wake_all(topics);
}

/* --- what comes ------------------------------------------------------------------ */

static void
tell_listeners(
    struct sh_topics *topics, const struct sh_publication *publication)
{
	struct sh_topic *topic = sh_topic_find(topics, publication->topic,
	    publication->topic_len, publication->hash);

	if (topic == NULL || TAILQ_EMPTY(&topic->listeners))
		return;
	sh_topic_hold(topic);
	sh_topic_call_listeners(topic, publication);
	sh_topic_release(topic);
}

void
sh_publish_tell_listeners(struct sh_topics *topics)
{
	struct sh_message *message;
	struct sh_message_list told;

	/* what they publish themselves has its turn later */
	STAILQ_INIT(&told);
	STAILQ_CONCAT(&told, &topics->untold);
	while ((message = STAILQ_FIRST(&told)) != NULL) {
		STAILQ_REMOVE_HEAD(&told, next);
		tell_listeners(topics, &message->publication);
		sh_message_drop(&message);
	}
}

void
sh_publish_deliver(
    struct sh_topics *topics, const struct sh_publication *publication)
{
	struct sh_topic *topic = sh_topic_find(topics, publication->topic,
	    publication->topic_len, publication->hash);
	bool behind = is_behind(topics, topic, ARRIVED_FACTOR), wanted = false;
	struct sh_message *message = NULL;

	if (!behind)
		message = make_local(topics, publication, &topic, &wanted);
	if (message == NULL) {
		if (behind || wanted)
			sh_loss_note(topics, publication->topic);
		return;
	}
	sh_fanout_add(topic, message);
	if (is_behind(topics, topic, 1))
		ask_to_wait(topic, true);
}

void
sh_publish_arrived(const struct sh_publication *publication, void *arg)
{
	struct sh_topics *topics = arg;

	tell_listeners(topics, publication);
	if (publication->offset == 0 || sh_follow_take(topics, publication))
		sh_publish_deliver(topics, publication);
}
