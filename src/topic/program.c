/*
 * This file is subscribers in the program: a queue of messages each, that a function
 * is called with or a coroutine takes from.
 */
#include "config.h"

#include "topic/program.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/panic.h"
#include "co/co.h"
#include "io/await.h"
#include "topic/filter.h"
#include "topic/carrier_own.h"
#include "topic/replay.h"
#include "topic/topics_private.h"

enum {
	MAGIC = 0x62757373,
	QUEUE_MAX = 1 << 20,
	RING_FIRST = 16,
	/* messages that a function is called with before others have a turn */
	SHARE = 64
};

struct shoal_subscriber {
	struct sh_subscriber base; /* topics NULL: they have ended */
	uint32_t magic;
	unsigned users; /* the program, and the coroutine that calls */
	void (*on_message)(
	    const struct shoal_topic_message *message, void *arg);
	void *arg;
	uint64_t node; /* of this server */
	size_t max, size;
	struct sh_message **ring; /* a power of two of places */
	size_t cap, first, len;
	struct sh_message *given; /* until the next is taken */
	struct shoal_topic_message view;
	struct sh_co *reader; /* in a receive, or NULL */
	bool is_eager;        /* on the list of that name */
	bool is_calling;      /* a coroutine calls on_message */
	bool is_freed;
	TAILQ_ENTRY(shoal_subscriber) eager;
};

static struct shoal_subscriber *
of_base(struct sh_subscriber *base)
{
	return SH_CONTAINER(base, struct shoal_subscriber, base);
}

/* --- the queue --------------------------------------------------------------- */

static bool
grow(struct shoal_subscriber *s)
{
	size_t i, cap = s->cap != 0 ? s->cap * 2 : RING_FIRST;
	struct sh_message **ring =
	    sh_try_calloc(cap, sizeof(struct sh_message *));

	if (ring == NULL)
		return false;
	for (i = 0; i < s->len; i++)
		ring[i] = s->ring[(s->first + i) & (s->cap - 1)];
	free(s->ring);
	s->ring = ring;
	s->cap = cap;
	s->first = 0;
	return true;
}

/* One that is longer than the queue may have it alone. */
static bool
has_room(const struct shoal_subscriber *s, size_t size)
{
	return s->len == 0 || (s->size < s->max && size <= s->max - s->size);
}

static bool
push(struct shoal_subscriber *s, struct sh_message *message)
{
	size_t size = sh_message_size(message);

	if (!has_room(s, size))
		return false;
	if (s->len == s->cap && !grow(s))
		return false;
	s->ring[(s->first + s->len++) & (s->cap - 1)] =
	    sh_message_hold(message);
	s->size += size;
	return true;
}

static bool
push_gap(struct shoal_subscriber *s, struct sh_subscription *subscription)
{
	struct sh_message *message = sh_message_new_gap(
	    subscription->topic->name, subscription->topic->len);
	bool done = message != NULL && push(s, message);

	sh_message_drop(&message);
	if (done)
		subscription->gap = false;
	return done;
}

/* Room: those gaps are told that no message has told yet. */
static void
push_gaps(struct shoal_subscriber *s)
{
	struct sh_subscription *subscription;

	s->base.has_gap = false;
	TAILQ_FOREACH(subscription, &s->base.subscriptions, of_subscriber) {
		if (!subscription->gap || sh_subscription_is_held(subscription))
			continue;
		if (!push_gap(s, subscription))
			s->base.has_gap = true;
	}
}

/* The next one, which is lent until the one after it. */
static const struct shoal_topic_message *
take(struct shoal_subscriber *s)
{
	sh_message_drop(&s->given);
	if (s->len == 0 && s->base.has_gap)
		push_gaps(s);
	if (s->len == 0)
		return NULL;
	s->given = s->ring[s->first];
	s->first = (s->first + 1) & (s->cap - 1);
	s->len--;
	s->size -= sh_message_size(s->given);
	s->view = sh_message_view(s->given, s->node);
	if (s->base.topics != NULL)
		sh_replay_drained(s->base.topics);
	return &s->view;
}

static bool
has_some(const struct shoal_subscriber *s)
{
	return s->len != 0 || s->base.has_gap;
}

/* Something is there: let it be taken. */
static void
rouse(struct shoal_subscriber *s)
{
	struct sh_topics *topics = s->base.topics;

	if (s->reader != NULL)
		sh_co_wake(s->reader, 0);
	if (s->on_message == NULL || s->is_eager || s->is_calling)
		return;
	s->is_eager = true;
	TAILQ_INSERT_TAIL(&topics->eager, s, eager);
	sh_loop_task_begin(topics->loop, &topics->task);
}

bool
sh_program_has_room(const struct sh_subscription *subscription, size_t size)
{
	return has_room(of_base(subscription->subscriber), size);
}

void
sh_program_take(struct sh_subscription *subscription,
    struct sh_message *const *messages, size_t count)
{
	struct shoal_subscriber *s = of_base(subscription->subscriber);
	struct sh_topics *topics = subscription->topic->topics;
	size_t i;

	for (i = 0; i < count; i++) {
		if (subscription->gap && !push_gap(s, subscription))
			break;
		if (!push(s, messages[i]))
			break;
	}
	SH_COUNT(topics->counters->delivered, i);
	if (i < count)
		sh_trouble_lost(subscription);
	rouse(s);
}

void
sh_program_lost(struct sh_subscription *subscription)
{
	rouse(of_base(subscription->subscriber));
}

/* --- begin and end --------------------------------------------------------------- */

struct shoal_subscriber *
sh_program_new(
    struct sh_topics *topics, const struct shoal_subscriber_options *options)
{
	struct shoal_subscriber *s;

	if (options != NULL && options->size < sizeof(*options))
		return NULL;
	s = sh_try_calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->magic = MAGIC;
	s->users = 1;
	s->node = topics->node;
	s->max = QUEUE_MAX;
	if (options != NULL) {
		s->on_message = options->on_message;
		s->arg = options->arg;
		if (options->queue_max != 0)
			s->max = options->queue_max;
	}
	s->base.topics = topics;
	TAILQ_INIT(&s->base.subscriptions);
	LIST_INIT(&s->base.pauses);
	LIST_INSERT_HEAD(&topics->programs, &s->base, program);
	return s;
}

static void
drop(struct shoal_subscriber *s)
{
	if (--s->users != 0)
		return;
	while (s->len != 0) {
		sh_message_drop(&s->ring[s->first]);
		s->first = (s->first + 1) & (s->cap - 1);
		s->len--;
	}
	sh_message_drop(&s->given);
	free(s->ring);
	s->magic = 0;
	free(s);
}

void
sh_program_orphan(struct sh_subscriber *subscriber)
{
	struct shoal_subscriber *s = of_base(subscriber);

	if (s->is_eager)
		TAILQ_REMOVE(&subscriber->topics->eager, s, eager);
	s->is_eager = false;
	LIST_REMOVE(subscriber, program);
	subscriber->topics = NULL;
	if (s->reader != NULL)
		sh_co_wake(s->reader, -SHOAL_ECANCELED);
}

void
sh_program_free(struct shoal_subscriber **subscriber)
{
	struct shoal_subscriber *s;

	if (subscriber == NULL || *subscriber == NULL)
		return;
	s = *subscriber;
	*subscriber = NULL;
	SH_CHECK(s, MAGIC);
	if (s->base.topics != NULL) {
		sh_subscriber_end_all(&s->base);
		sh_program_orphan(&s->base);
	}
	s->is_freed = true;
	drop(s);
}

/* --- subscriptions -------------------------------------------------------------- */

int
sh_program_add(struct shoal_subscriber *s, const char *filter,
    const struct shoal_subscribe_options *options)
{
	size_t len = strlen(filter);
	struct sh_subscription *subscription;

	SH_CHECK(s, MAGIC);
	if (s->base.topics == NULL)
		return -SHOAL_ESTATE;
	if (!sh_filter_is_valid(filter, len))
		return -SHOAL_EINVAL;
	return sh_subscription_add(
	    &s->base, filter, len, options, &subscription);
}

int
sh_program_remove(struct shoal_subscriber *s, const char *filter)
{
	SH_CHECK(s, MAGIC);
	return s->base.topics != NULL ? sh_subscription_remove(&s->base, filter)
				      : -SHOAL_ENOENT;
}

/* --- taking ----------------------------------------------------------------------- */

/* Calls on_message with its share; one that waits has the coroutine until it
 * returns, and the others come behind it. */
static void
call_on_message(void *arg)
{
	struct shoal_subscriber *s = arg;
	const struct shoal_topic_message *message;
	unsigned left = SHARE;

	while (!s->is_freed && left-- > 0 && (message = take(s)) != NULL)
		s->on_message(message, s->arg);
	s->is_calling = false;
	if (!s->is_freed && s->base.topics != NULL && has_some(s))
		rouse(s);
	drop(s);
}

bool
sh_program_step(struct sh_topics *topics)
{
	struct shoal_subscriber *s;
	size_t n = 0;

	TAILQ_FOREACH(s, &topics->eager, eager)
		n++;
	while (n-- > 0 && (s = TAILQ_FIRST(&topics->eager)) != NULL) {
		TAILQ_REMOVE(&topics->eager, s, eager);
		s->is_eager = false;
		s->is_calling = true;
		s->users++;
		sh_co_call(sh_loop_coroutines(topics->loop), call_on_message, s,
		    "on_message");
	}
	return !TAILQ_EMPTY(&topics->eager);
}

/* Only other coroutines can publish, if this process is all there is. */
static int
wait(struct shoal_subscriber *s, int64_t deadline_us)
{
	static const char place[] = "shoal_co_subscriber_receive";
	int r;

	s->reader = sh_await_self(place);
	s->users++;
	r = !sh_carrier_is_own(s->base.topics->carrier)
	    ? sh_await(place, deadline_us)
	    : sh_await_peer(place, deadline_us);
	s->reader = NULL;
	if (s->is_freed)
		r = -SHOAL_ECANCELED;
	drop(s);
	return r;
}

int
sh_program_receive(struct shoal_subscriber *s,
    const struct shoal_topic_message **message_out, int64_t deadline_us)
{
	const struct shoal_topic_message *message;
	int r;

	SH_CHECK(s, MAGIC);
	if (s->on_message != NULL)
		return -SHOAL_EPERM;
	if (s->reader != NULL)
		return -SHOAL_EBUSY;
	while ((message = take(s)) == NULL) {
		if (s->base.topics == NULL)
			return -SHOAL_ECANCELED;
		r = wait(s, deadline_us);
		if (r < 0)
			return r;
	}
	*message_out = message;
	return 0;
}
