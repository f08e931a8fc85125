/*
 * This file begins and ends the topics of a process, and is where the carrier's
 * events, the loop and shoal's own listeners meet them.
 */
#include "config.h"

#include "topic/topics.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/panic.h"
#include "io/await.h"
#include "topic/carrier_own.h"
#include "topic/follow.h"
#include "topic/keep.h"
#include "topic/topics_private.h"

/* A function of shoal's own. */
struct sh_topic_listener {
	struct sh_topic *topic; /* NULL: the topics have ended */
	sh_topic_listen_fn *fn;
	void *arg;
	TAILQ_ENTRY(sh_topic_listener) link;
};

/* A coroutine that waits until all that is wanted is in effect. */
struct sh_settler {
	struct sh_co *co;
	bool is_listed;
	LIST_ENTRY(sh_settler) link;
};

/* The process has one loop, and so one of these; of the loop with this number. */
static struct sh_topics *current;
static uint64_t current_loop;
/* The number of the server that this process is of; 0: it is one of its own. */
static uint64_t server;

/* --- begin and end ------------------------------------------------------------- */

static void
on_lost(const char *filter, void *arg)
{
	sh_loss_note(arg, filter);
}

static void
on_room(void *arg)
{
	sh_publishers_wake_all(arg);
}

static void
on_settled(void *arg)
{
	struct sh_topics *topics = arg;
	struct sh_settler *settler;

	while ((settler = LIST_FIRST(&topics->settlers)) != NULL) {
		LIST_REMOVE(settler, link);
		settler->is_listed = false;
		sh_co_wake(settler->co, 0);
	}
}

static uint64_t
random_number(void)
{
	uint64_t number = 0;

	/* short ones do not fail, but with a kernel that has none yet */
	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		number ^= (uintptr_t)&number;
	return number != 0 ? number : 1;
}

void
sh_topics_set_node(uint64_t node)
{
	server = node;
}

static struct sh_counters *
counters_of(struct sh_loop *loop)
{
	static struct sh_counters unread;
	struct sh_counters *counters = sh_loop_options(loop)->counters;

	return counters != NULL ? counters : &unread;
}

static void
init(struct sh_topics *topics, struct sh_loop *loop, struct sh_carrier *carrier)
{
	topics->loop = loop;
	topics->carrier = carrier;
	topics->counters = counters_of(loop);
	topics->node = server != 0 ? server : random_number();
	topics->task.fn = sh_fanout_step;
	topics->task.arg = topics;
	LIST_INIT(&topics->programs);
	TAILQ_INIT(&topics->fanning);
	TAILQ_INIT(&topics->behind);
	TAILQ_INIT(&topics->losses);
	LIST_INIT(&topics->batches);
	STAILQ_INIT(&topics->untold);
	TAILQ_INIT(&topics->troubled);
	TAILQ_INIT(&topics->eager);
	TAILQ_INIT(&topics->followed);
	TAILQ_INIT(&topics->replays);
	TAILQ_INIT(&topics->lines);
	LIST_INIT(&topics->settlers);
	if (carrier != NULL)
		carrier->events = (struct sh_carrier_events){
			.arrived = sh_publish_arrived,
			.lost = on_lost,
			.room = on_room,
			.settled = on_settled,
			.arg = topics,
		};
}

static int
init_tables(struct sh_topics *topics)
{
	uint64_t secret = random_number();

	if (sh_hash_init(&topics->names, secret) < 0 ||
	    sh_hash_init(&topics->subscriptions, secret) < 0 ||
	    sh_hash_init(&topics->forms, secret) < 0 ||
	    sh_hash_init(&topics->renderings, secret) < 0 ||
	    sh_hash_init(&topics->follows, secret) < 0)
		return -SHOAL_ENOMEM;
	return sh_wild_init(&topics->wild, secret);
}

static void
set_hooks(struct sh_topics *topics)
{
	static struct sh_deliver_hooks hooks = {
		.ended = sh_subscriber_conn_ended,
		.drained = sh_subscriber_conn_drained,
	};

	hooks.arg = topics;
	sh_deliver_set_hooks(topics != NULL ? &hooks : NULL);
}

int
sh_topics_open(
    struct sh_loop *loop, struct sh_carrier *carrier, struct sh_topics **out)
{
	struct sh_topics *topics = sh_try_calloc(1, sizeof(*topics));

	sh_assert(current == NULL || current_loop != sh_loop_number());
	if (topics == NULL) {
		if (carrier != NULL)
			carrier->ops->close(&carrier);
		return -SHOAL_ENOMEM;
	}
	init(topics, loop, carrier);
	if (init_tables(topics) < 0) {
		sh_topics_close(&topics);
		return -SHOAL_ENOMEM;
	}
	set_hooks(topics);
	current = topics;
	current_loop = sh_loop_number();
	*out = topics;
	return 0;
}

static void
orphan_listeners(struct sh_hash_node *node, void *arg)
{
	struct sh_topic *topic = SH_CONTAINER(node, struct sh_topic, node);
	struct sh_topic_listener *listener;

	while ((listener = TAILQ_FIRST(&topic->listeners)) != NULL) {
		listener->topic = NULL;
		TAILQ_REMOVE(&topic->listeners, listener, link);
	}
	sh_topic_rest(topic);
}

/* Those that the loop's end takes away, or that were left behind. */
static void
end_subscribers(struct sh_topics *topics)
{
	struct sh_id_node *node;
	struct sh_subscriber *subscriber;

	while ((node = sh_id_table_any(&topics->conns)) != NULL) {
		subscriber = SH_CONTAINER(node, struct sh_subscriber, node);
		sh_subscriber_end_all(subscriber);
		sh_subscriber_rest(subscriber);
	}
	while ((subscriber = LIST_FIRST(&topics->programs)) != NULL) {
		sh_subscriber_end_all(subscriber);
		sh_program_orphan(subscriber);
	}
}

static void
fini_tables(struct sh_topics *topics)
{
	sh_assert(topics->names.count == 0 &&
	    topics->subscriptions.count == 0 && topics->forms.count == 0);
	sh_hash_fini(&topics->names);
	sh_hash_fini(&topics->subscriptions);
	sh_hash_fini(&topics->forms);
	sh_hash_fini(&topics->renderings);
	sh_hash_fini(&topics->follows);
	sh_id_table_fini(&topics->conns);
	sh_wild_fini(&topics->wild);
}

void
sh_topics_close(struct sh_topics **topics)
{
	struct sh_topics *t;
	struct sh_message *message;

	if (topics == NULL || *topics == NULL)
		return;
	t = *topics;
	on_settled(t);
	sh_publishers_fail(t);
	sh_fanout_clear(t);
	end_subscribers(t);
	while ((message = STAILQ_FIRST(&t->untold)) != NULL) {
		STAILQ_REMOVE_HEAD(&t->untold, next);
		sh_message_drop(&message);
	}
	sh_follow_clear(t);
	sh_hash_each(&t->names, orphan_listeners, NULL);
	if (current == t) {
		set_hooks(NULL);
		current = NULL;
	}
	if (t->carrier != NULL)
		t->carrier->ops->close(&t->carrier);
	/* what has ended may have begun it */
	sh_loop_task_end(t->loop, &t->task);
	fini_tables(t);
	free(t);
	*topics = NULL;
}

void
sh_topics_drain(struct sh_topics *topics)
{
	struct sh_carrier *carrier = topics->carrier;

	if (carrier != NULL && carrier->ops->drain != NULL)
		carrier->ops->drain(carrier);
}

bool
sh_topics_is_busy(const struct sh_topics *topics)
{
	const struct sh_carrier *carrier = topics->carrier;

	return carrier != NULL && carrier->ops->is_busy != NULL &&
	    carrier->ops->is_busy(carrier);
}

struct sh_topics *
sh_topics_current(void)
{
	struct sh_loop *loop = sh_loop_current();
	struct sh_carrier *carrier = NULL;
	struct sh_topics *topics = NULL;

	if (current != NULL && current_loop == sh_loop_number())
		return current;
	if (loop == NULL || sh_carrier_own_open(loop, &carrier) < 0 ||
	    sh_topics_open(loop, carrier, &topics) < 0)
		return NULL;
	return topics;
}

void
sh_topics_close_current(void)
{
	struct sh_topics *topics = current;

	if (topics != NULL && current_loop == sh_loop_number())
		sh_topics_close(&topics);
	/* those that the program has said */
	sh_keep_clear();
}

struct sh_carrier *
sh_topics_carrier(const struct sh_topics *topics)
{
	return topics->carrier;
}

uint64_t
sh_topics_node(const struct sh_topics *topics)
{
	return topics->node;
}

/* --- settling ---------------------------------------------------------------- */

int
sh_topics_co_settle(struct sh_topics *topics, int64_t deadline_us)
{
	static const char place[] = "shoal_co_topic_settle";
	struct sh_settler settler = { .co = sh_await_self(place) };
	struct sh_carrier *carrier = topics->carrier;
	int r;

	if (carrier == NULL || carrier->ops->is_settled(carrier))
		return 0;
	settler.is_listed = true;
	LIST_INSERT_HEAD(&topics->settlers, &settler, link);
	r = sh_await(place, deadline_us);
	if (settler.is_listed)
		LIST_REMOVE(&settler, link);
	return r;
}

/* --- listeners ----------------------------------------------------------------- */

static struct sh_topic_listener *
listen_to(struct sh_topic *topic, sh_topic_listen_fn *fn, void *arg)
{
	struct sh_topic_listener *listener =
	    sh_try_calloc(1, sizeof(*listener));

	if (listener == NULL)
		return NULL;
	if (sh_topic_want(topic) < 0) {
		free(listener);
		return NULL;
	}
	listener->topic = topic;
	listener->fn = fn;
	listener->arg = arg;
	TAILQ_INSERT_TAIL(&topic->listeners, listener, link);
	return listener;
}

struct sh_topic_listener *
sh_topics_listen(struct sh_topics *topics, const char *topic,
    sh_topic_listen_fn *fn, void *arg)
{
	size_t len = strlen(topic);
	struct sh_topic *found =
	    sh_topic_need(topics, topic, len, sh_topic_hash(topic, len));
	struct sh_topic_listener *listener;

	if (found == NULL)
		return NULL;
	listener = listen_to(found, fn, arg);
	if (listener == NULL)
		sh_topic_rest(found);
	return listener;
}

void
sh_topics_unlisten(struct sh_topic_listener **listener)
{
	struct sh_topic_listener *l;

	if (listener == NULL || *listener == NULL)
		return;
	l = *listener;
	*listener = NULL;
	if (l->topic != NULL) {
		TAILQ_REMOVE(&l->topic->listeners, l, link);
		sh_topic_unwant(l->topic);
		sh_topic_rest(l->topic);
	}
	free(l);
}

/* Any of them may end any of them, itself too: the one that is called has gone to
 * the end of the list before. */
void
sh_topic_call_listeners(
    struct sh_topic *topic, const struct sh_publication *publication)
{
	struct sh_topic_listener *listener;
	size_t n = 0;

	TAILQ_FOREACH(listener, &topic->listeners, link)
		n++;
	while (n-- > 0 && (listener = TAILQ_FIRST(&topic->listeners)) != NULL) {
		TAILQ_REMOVE(&topic->listeners, listener, link);
		TAILQ_INSERT_TAIL(&topic->listeners, listener, link);
		listener->fn(publication, listener->arg);
	}
}
