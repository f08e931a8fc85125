/* This file is what <shoal/topic.h> says of histories. */
#include "config.h"

#include <shoal/topic.h>

#include <stdlib.h>
#include <string.h>

#include "api/topics_now.h"
#include "base/attr.h"
#include "base/mem.h"
#include "io/await.h"
#include "io/loop.h"
#include "module/catalog.h"
#include "topic/carrier.h"
#include "topic/filter.h"
#include "topic/keep.h"
#include "topic/message.h"
#include "topic/topics.h"

/* What is read, and who waits for it. */
struct reading {
	struct shoal_topic_messages public;
	struct sh_message **messages; /* that the list lends from */
	size_t cap;
	uint64_t node;
	struct sh_co *co;
	bool done;
	int result;
};

int
shoal_topic_keep(const char *filter, const struct shoal_topic_history *history)
{
	struct sh_keep keep;

	/* a check of handlers has no loop, and forgets the rules as it ends */
	if (sh_loop_current() == NULL && sh_catalog_current() == NULL)
		return -SHOAL_ESTATE;
	if (history->size < sizeof(*history))
		return -SHOAL_EINVAL;
	keep = (struct sh_keep){ .count = history->count,
		.bytes = history->bytes,
		.age_ms = history->age_ms };
	return sh_keep_add(filter, &keep, false);
}

/* --- reading ----------------------------------------------------------------- */

static bool
grow(struct reading *reading)
{
	size_t cap = reading->cap > 0 ? reading->cap * 2 : 16;
	struct sh_message **messages =
	    sh_try_grow(reading->messages, cap, sizeof(struct sh_message *));

	if (messages == NULL)
		return false;
	reading->messages = messages;
	reading->cap = cap;
	return true;
}

static void
on_message(const struct sh_publication *publication, void *arg)
{
	struct reading *reading = arg;
	struct sh_message *message = NULL;

	if (reading->public.len < reading->cap || grow(reading))
		message = sh_message_new(publication);
	if (message == NULL) {
		reading->result = -SHOAL_ENOMEM;
		return;
	}
	message->replayed = true;
	reading->messages[reading->public.len++] = message;
}

static void
on_done(int result, uint64_t epoch, uint64_t offset, bool gap, void *arg)
{
	struct reading *reading = arg;

	reading->done = true;
	if (reading->result == 0)
		reading->result = result;
	reading->public.epoch = epoch;
	reading->public.offset = offset;
	reading->public.gap = gap;
	sh_co_wake(reading->co, 0);
}

/* The list, when all messages are there. */
static int
make_list(struct reading *reading)
{
	struct shoal_topic_messages *public = &reading->public;
	size_t i;

	public->list = sh_try_calloc(public->len + 1, sizeof(*public->list));
	if (public->list == NULL)
		return -SHOAL_ENOMEM;
	for (i = 0; i < public->len; i++)
	public->list[i] = sh_message_view(reading->messages[i], reading->node);
	return 0;
}

static int
read_history(struct reading *reading, struct sh_carrier *carrier,
    const struct sh_replay *wanted, const char *place, int64_t deadline_us)
{
	int r = carrier->ops->replay(carrier, wanted);

	if (r < 0)
		return r;
	r = sh_await(place, deadline_us);
	if (!reading->done)
		carrier->ops->forget(carrier, reading);
	if (r == 0)
		r = reading->result;
	return r == 0 ? make_list(reading) : r;
}

static struct reading *
new_reading(const struct sh_topics *topics)
{
	struct reading *reading = sh_try_calloc(1, sizeof(*reading));

	if (reading != NULL)
		reading->node = sh_topics_node(topics);
	return reading;
}

int
shoal_co_topic_history(const char *topic, uint64_t epoch, uint64_t offset,
    size_t max, int timeout_ms, struct shoal_topic_messages **out)
{
	struct sh_replay wanted = { .topic = topic,
		.topic_len = strlen(topic),
		.epoch = epoch,
		.offset = offset,
		.max = max != 0 ? max : SIZE_MAX,
		.message = on_message,
		.done = on_done };
	struct sh_co *self = sh_await_self(__func__);
	struct shoal_topic_messages *public;
	struct reading *reading;
	struct sh_topics *topics;
	int r = sh_topics_now(&topics);

	if (r < 0)
		return r;
	if (!sh_topic_is_valid(topic, wanted.topic_len))
		return -SHOAL_EINVAL;
	if (sh_keep_find(topic, wanted.topic_len) == NULL ||
	    sh_topics_carrier(topics) == NULL)
		return -SHOAL_ENOENT;
	reading = new_reading(topics);
	if (reading == NULL)
		return -SHOAL_ENOMEM;
	reading->co = self;
	wanted.arg = reading;
	r = read_history(reading, sh_topics_carrier(topics), &wanted, __func__,
	    sh_deadline_us(timeout_ms));
	public = &reading->public;
	if (r < 0)
		shoal_topic_messages_free(&public);
	else
		*out = public;
	return r;
}

void
shoal_topic_messages_free(struct shoal_topic_messages **messages)
{
	struct reading *reading;
	size_t i;

	if (messages == NULL || *messages == NULL)
		return;
	reading = SH_CONTAINER(*messages, struct reading, public);
	for (i = 0; i < reading->public.len; i++)
		sh_message_drop(&reading->messages[i]);
	free(reading->messages);
	free(reading->public.list);
	free(reading);
	*messages = NULL;
}
