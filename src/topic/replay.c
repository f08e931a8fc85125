/*
 * This file gives subscriptions what histories have. A replay asks the carrier; what
 * it brings, and what is published meanwhile, is kept; then it is given, in order and
 * each message once, as fast as the subscriber reads. With the last one the replay
 * ends, and the subscription is like all others; but what it was told may come live
 * only now (overlap.h).
 */
#include "config.h"

#include "topic/replay.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "io/conn.h"
#include "topic/filter.h"
#include "topic/keep.h"
#include "topic/overlap.h"
#include "topic/topics_private.h"

enum {
	ASKED_MAX = 32, /* at once: answers take memory */
	LIVE_BYTES_MAX = 1 << 20,
	STEP_MESSAGES = 256
};

#define NO_HOLE SIZE_MAX

struct messages {
	struct sh_message **list;
	size_t at, count, cap, bytes;
};

enum replay_state {
	WAITING, /* for others to be answered */
	ASKED,
	GIVING
};

struct sh_subscription_replay {
	struct sh_holder holder;              /* has to be the first */
	struct sh_subscription *subscription; /* NULL: has ended meanwhile */
	struct sh_topics *topics;
	TAILQ_ENTRY(sh_subscription_replay) next;
	enum replay_state state;
	uint64_t epoch,
	    offset; /* asked behind; then the end of what was told */
	size_t max;
	bool known;  /* it is the history that says where that is */
	bool busy;   /* not to be freed just now */
	bool gap;    /* what was asked for is not all there */
	bool torn;   /* what came meanwhile is not all here */
	bool full;   /* of that, no more is kept: a gap comes behind */
	bool past;   /* some of that is behind what was told */
	size_t hole; /* before which of what came meanwhile some was lost */
	struct messages told, live;
};

/* --- messages ---------------------------------------------------------------- */

static bool
keep(struct messages *messages, struct sh_message *message)
{
	struct sh_message **list;
	size_t cap;

	if (messages->count == messages->cap) {
		cap = messages->cap > 0 ? messages->cap * 2 : 16;
		list = sh_try_grow(
		    messages->list, cap, sizeof(struct sh_message *));
		if (list == NULL)
			return false;
		messages->list = list;
		messages->cap = cap;
	}
	messages->list[messages->count++] = message;
	messages->bytes += sh_message_size(message);
	return true;
}

static struct sh_message *
first_of(const struct messages *messages)
{
	return messages->at < messages->count ? messages->list[messages->at]
					      : NULL;
}

/* Its hold is the caller's; NULL: that was the last one. */
static struct sh_message *
next_of(struct messages *messages)
{
	struct sh_message *message = first_of(messages);

	if (message == NULL)
		return NULL;
	messages->at++;
	messages->bytes -= sh_message_size(message);
	return message;
}

static void
drop_all(struct messages *messages)
{
	struct sh_message *message;

	while ((message = next_of(messages)) != NULL)
		sh_message_drop(&message);
	free(messages->list);
}

/* --- the end ----------------------------------------------------------------- */

static void ask_next(struct sh_topics *topics);

static void
free_replay(struct sh_subscription_replay *replay)
{
	struct sh_topics *topics = replay->topics;
	struct sh_carrier *carrier = topics->carrier;

	if (replay->state == ASKED) {
		carrier->ops->forget(carrier, replay);
		topics->replays_asked--;
	}
	TAILQ_REMOVE(&topics->replays, replay, next);
	drop_all(&replay->told);
	drop_all(&replay->live);
	free(replay);
	ask_next(topics);
}

static struct sh_subscription_replay *
of(struct sh_subscription *subscription)
{
	return (struct sh_subscription_replay *)(void *)subscription->holder;
}

/* Whether something waits that has come later than a subscription. */
static bool
is_owed(const struct sh_subscription_replay *replay, uint64_t since)
{
	const struct messages *live = &replay->live;

	return replay->torn || replay->hole != NO_HOLE ||
	    (live->at < live->count &&
		live->list[live->count - 1]->seq > since);
}

/* What waits would have come through other filters too, and they have left it to
 * this one. */
static void
tell_others(const struct sh_subscription_replay *replay)
{
	const struct sh_topic *topic = replay->subscription->topic;
	struct sh_subscriber *subscriber = replay->subscription->subscriber;
	struct sh_subscription *other;

	/* all of them end with it */
	if (subscriber->node.id != 0 && subscriber->conn == NULL)
		return;
	TAILQ_FOREACH(other, &subscriber->subscriptions, of_subscriber)
		if (other->topic->is_wild && is_owed(replay, other->since) &&
		    sh_filter_matches(other->topic->name, other->topic->len,
			topic->name, topic->len))
			sh_trouble_lost(other);
}

static void
on_forget(struct sh_subscription *subscription)
{
	struct sh_subscription_replay *replay = of(subscription);

	tell_others(replay);
	subscription->holder = NULL;
	replay->subscription = NULL;
	if (!replay->busy)
		free_replay(replay);
}

/* --- what comes meanwhile ----------------------------------------------------- */

static void
on_take(struct sh_subscription *subscription,
    struct sh_message *const *messages, size_t count)
{
	struct sh_subscription_replay *replay = of(subscription);
	size_t i;

	for (i = 0; i < count && !replay->full; i++) {
		if (replay->live.bytes + sh_message_size(messages[i]) >
			LIVE_BYTES_MAX ||
		    !keep(&replay->live, messages[i]))
			replay->torn = replay->full = true;
		else
			sh_message_hold(messages[i]);
	}
}

/* The first time, the gap is told where it was; else behind all. */
static void
on_live_lost(struct sh_subscription *subscription)
{
	struct sh_subscription_replay *replay = of(subscription);

	if (replay->hole == NO_HOLE)
		replay->hole = replay->live.count;
	else if (replay->hole != replay->live.count)
		replay->torn = true;
}

/* --- asking ------------------------------------------------------------------ */

static void
on_message(const struct sh_publication *publication, void *arg)
{
	struct sh_subscription_replay *replay = arg;
	struct sh_message *message = sh_message_new(publication);

	if (message != NULL)
		message->replayed = true;
	if (message == NULL || !keep(&replay->told, message)) {
		sh_message_drop(&message);
		replay->gap = true;
	}
	replay->epoch = publication->epoch;
	replay->offset = publication->offset;
	replay->known = true;
}

static void
begin_giving(struct sh_subscription_replay *replay)
{
	struct sh_topics *topics = replay->topics;

	replay->state = GIVING;
	sh_loop_task_begin(topics->loop, &topics->task);
}

/* Who had nothing lacks nothing of what was before it. */
static void
on_done(int result, uint64_t epoch, uint64_t offset, bool gap, void *arg)
{
	struct sh_subscription_replay *replay = arg;
	struct sh_topics *topics = replay->topics;

	topics->replays_asked--;
	replay->gap = replay->gap || gap || result < 0;
	if (result == 0 && epoch != 0) {
		replay->epoch = epoch;
		replay->offset = offset;
		replay->known = true;
	}
	begin_giving(replay);
	ask_next(topics);
}

static void
ask(struct sh_subscription_replay *replay)
{
	struct sh_topics *topics = replay->topics;
	const struct sh_topic *topic = replay->subscription->topic;
	const struct sh_replay wanted = {
		.topic = topic->name,
		.topic_len = topic->len,
		.epoch = replay->epoch,
		.offset = replay->offset,
		.max = replay->max,
		.message = on_message,
		.done = on_done,
		.arg = replay,
	};

	if (topics->carrier->ops->replay(topics->carrier, &wanted) < 0) {
		replay->gap = true;
		begin_giving(replay);
		return;
	}
	replay->state = ASKED;
	topics->replays_asked++;
}

static void
ask_next(struct sh_topics *topics)
{
	struct sh_subscription_replay *replay;

	TAILQ_FOREACH(replay, &topics->replays, next) {
		if (topics->replays_asked >= ASKED_MAX)
			return;
		if (replay->state == WAITING && replay->subscription != NULL)
			ask(replay);
	}
}

static size_t
max_of(const struct shoal_subscribe_options *options)
{
	/* who resumes wants all that he lacks */
	if (options->replay < 0 || options->replay == 0)
		return SIZE_MAX;
	return (size_t)options->replay;
}

int
sh_replay_begin(struct sh_subscription *subscription,
    const struct shoal_subscribe_options *options)
{
	const struct sh_topic *topic = subscription->topic;
	struct sh_topics *topics = topic->topics;
	struct sh_subscription_replay *replay;

	if ((options->replay == 0 && !options->resume) ||
	    topics->carrier == NULL ||
	    sh_keep_find(topic->name, topic->len) == NULL)
		return 0;
	replay = sh_try_calloc(1, sizeof(*replay));
	if (replay == NULL)
		return -SHOAL_ENOMEM;
	replay->holder = (struct sh_holder){
		.take = on_take, .lost = on_live_lost, .forget = on_forget
	};
	replay->subscription = subscription;
	replay->topics = topics;
	replay->hole = NO_HOLE;
	replay->max = max_of(options);
	if (options->resume) {
		replay->epoch = options->epoch;
		replay->offset = options->offset;
	}
	subscription->holder = &replay->holder;
	TAILQ_INSERT_TAIL(&topics->replays, replay, next);
	ask_next(topics);
	return 0;
}

/* --- giving ------------------------------------------------------------------- */

/* Whether it was published by this connection, not for itself. */
static bool
is_own(const struct sh_subscription *subscription,
    const struct sh_message *message)
{
	const struct sh_publication *publication = &message->publication;

	return (publication->flags & SH_PUBLICATION_NOT_TO_SENDER) != 0 &&
	    publication->node == subscription->topic->topics->node &&
	    publication->sender == subscription->subscriber->node.id &&
	    publication->sender != 0;
}

/* Whether it can have more; false too when it has ended. */
static bool
give(struct sh_subscription_replay *replay, struct sh_message *message)
{
	struct sh_subscription *subscription = replay->subscription;
	int r;

	if (is_own(subscription, message))
		return true;
	r = sh_fanout_give(subscription, message);
	/* the user's function may have ended it */
	if (replay->subscription == NULL || r == -SHOAL_ENOENT)
		return false;
	if (r == -SHOAL_ENOMEM) {
		replay->torn = true;
		return true;
	}
	if (r == SH_DELIVERED) {
		SH_COUNT(replay->topics->counters->delivered, 1);
		return true;
	}
	return sh_trouble_take(subscription, subscription->topic, r, 1);
}

/* That the history lacks something is told, and never closes: who comes again would
 * find the same. */
static bool
give_gap(struct sh_subscription_replay *replay)
{
	struct sh_subscription *subscription = replay->subscription;
	const struct sh_topic *topic = subscription->topic;
	struct sh_message *message;
	bool more;

	replay->gap = false;
	SH_COUNT(replay->topics->counters->gaps, 1);
	if (subscription->form != NULL && subscription->form->render == NULL)
		return true;
	message = sh_message_new_gap(topic->name, topic->len);
	if (message == NULL)
		return true;
	more = give(replay, message);
	sh_message_drop(&message);
	return more;
}

/* What was lost meanwhile is not what the history lacks: who wants to be closed by
 * that comes again behind what was before it. */
static bool
give_hole(struct sh_subscription_replay *replay)
{
	struct sh_message *message;

	replay->hole = NO_HOLE;
	if (!replay->subscription->close_on_gap)
		return give_gap(replay);
	replay->torn = true;
	while ((message = next_of(&replay->live)) != NULL)
		sh_message_drop(&message);
	return true;
}

/* Leave out what came meanwhile of an epoch that was over when the history answered.
 * Whether there was some: a gap is told in its place. */
static bool
drop_over(struct sh_subscription_replay *replay)
{
	struct messages *live = &replay->live;
	struct sh_message *message;
	bool some = false;

	while (replay->known && (message = first_of(live)) != NULL &&
	    sh_overlap_is_over(replay->epoch, message)) {
		message = next_of(live);
		sh_message_drop(&message);
		some = true;
	}
	if (!some)
		return false;
	replay->torn |= replay->hole != NO_HOLE && replay->hole > live->at;
	replay->hole = live->at;
	return true;
}

/* The next one; false: there is none, or the subscription has ended. */
static bool
give_next(struct sh_subscription_replay *replay)
{
	struct sh_message *message;
	bool more = true;

	if (replay->gap)
		return give_gap(replay);
	message = next_of(&replay->told);
	if (message == NULL) {
		if (drop_over(replay))
			return true;
		message = first_of(&replay->live);
		if (message == NULL)
			return false;
		if (sh_overlap_has(replay->epoch, replay->offset, message)) {
			message = next_of(&replay->live);
			sh_message_drop(&message);
			return true;
		}
		if (replay->hole <= replay->live.at)
			return give_hole(replay);
		/* what comes behind it is in order, as in overlap.c */
		replay->past |= message->publication.offset != 0;
		message = next_of(&replay->live);
	}
	more = give(replay, message);
	sh_message_drop(&message);
	return more;
}

static bool
is_empty(const struct sh_subscription_replay *replay)
{
	return !replay->gap && replay->told.at == replay->told.count &&
	    replay->live.at == replay->live.count;
}

/* Of what is given next. */
static size_t
next_size(const struct sh_subscription_replay *replay)
{
	const struct sh_message *message = NULL;

	if (!replay->gap)
		message = first_of(&replay->told);
	if (!replay->gap && message == NULL)
		message = first_of(&replay->live);
	return message != NULL
	    ? sh_message_size(message)
	    : sizeof(*message) + replay->subscription->topic->len;
}

/* If not, sh_replay_drained() comes. */
static bool
has_room(const struct sh_subscription_replay *replay)
{
	const struct sh_subscription *subscription = replay->subscription;
	struct sh_conn *conn = subscription->subscriber->conn;

	if (subscription->form == NULL)
		return sh_program_has_room(subscription, next_size(replay));
	if (conn == NULL)
		return false;
	if (sh_conn_has_room(conn, 0))
		return true;
	sh_conn_note_full(conn);
	return false;
}

/* Give some; *left counts down. Whether there is more to do at once. */
static bool
give_some(struct sh_subscription_replay *replay, int *left)
{
	bool more = true;

	while (more && !is_empty(replay) && *left > 0) {
		if (!has_room(replay))
			return false;
		(*left)--;
		more = give_next(replay);
		if (replay->subscription == NULL)
			return false;
	}
	return more && !is_empty(replay);
}

static void
end(struct sh_subscription_replay *replay)
{
	struct sh_subscription *subscription = replay->subscription;

	if (subscription != NULL) {
		subscription->holder = NULL;
		if (replay->torn || replay->hole != NO_HOLE)
			sh_trouble_lost(subscription);
		if (replay->known && !replay->past)
			sh_overlap_begin(
			    subscription, replay->epoch, replay->offset);
	}
	free_replay(replay);
}

bool
sh_replay_step(struct sh_topics *topics)
{
	struct sh_subscription_replay *replay, *next;
	int left = STEP_MESSAGES;
	bool some = false;

	for (replay = TAILQ_FIRST(&topics->replays); replay != NULL && left > 0;
	     replay = next) {
		if (replay->state == GIVING) {
			replay->busy = true;
			some |= give_some(replay, &left);
			replay->busy = false;
		}
		/* others may have ended meanwhile, but not this one */
		next = TAILQ_NEXT(replay, next);
		if (replay->subscription == NULL ||
		    (replay->state == GIVING && is_empty(replay)))
			end(replay);
	}
	return some || left <= 0;
}

void
sh_replay_drained(struct sh_topics *topics)
{
	if (!TAILQ_EMPTY(&topics->replays))
		sh_loop_task_begin(topics->loop, &topics->task);
}
