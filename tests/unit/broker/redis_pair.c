/* This file is two carriers through Redis. */
#include "config.h"

#include "unit/broker/redis_pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/timer.h>

#include "co/co.h"
#include "io/loop.h"
#include "broker/broker.h"

enum { BODY_MAX = 1 << 20 };

static void
on_arrived(const struct sh_publication *publication, void *arg)
{
	struct side *side = arg;
	uint64_t sender = publication->sender;
	int number = atoi(publication->data);

	if (sender > SENDERS) {
		side->wrong = "who sent it";
		return;
	}
	if (number <= side->latest[sender])
		side->wrong = "twice, or out of order";
	side->latest[sender] = number;
	side->last = number;
	side->epoch = publication->epoch;
	side->offset = publication->offset;
	side->arrived++;
}

static void
on_lost(const char *filter, void *arg)
{
	struct side *side = arg;

	if (!side->carrier->ops->is_settled(side->carrier))
		side->wrong = "a gap is told too early";
	side->lost++;
}

static void
on_room(void *arg)
{
	struct side *side = arg;

	side->room++;
}

static void
on_settled(void *arg)
{
	struct side *side = arg;

	side->settled++;
}

static void
side_open(struct side *side, uint64_t number, const struct pair_options *given)
{
	const char *url = rig_address();
	struct sh_broker_options options = {
		.urls = &url,
		.url_count = 1,
		.user = "",
		.password = "",
		.prefix = "test:",
		.timeout_ms = 5000,
		.backoff_first_ms = 5,
		.backoff_max_ms = 50,
		.queue_max = 4 << 20,
	};
	const struct sh_carrier_events events = { .arrived = on_arrived,
		.lost = on_lost,
		.room = on_room,
		.settled = on_settled,
		.arg = side };

	if (given != NULL && given->queue_max != 0)
		options.queue_max = given->queue_max;
	if (given != NULL && given->timeout_ms != 0)
		options.timeout_ms = given->timeout_ms;
	if (given != NULL && given->password != NULL)
		options.password = given->password;
	memset(side, 0, sizeof(*side));
	memset(side->latest, -1, sizeof(side->latest));
	side->number = number;
	OK(sh_carrier_redis_open(sh_loop_current(), &options, &side->carrier) ==
	    0);
	side->carrier->events = events;
}

void
pair_open(struct pair *pair, const struct pair_options *options)
{
	side_open(&pair->a, 1, options);
	side_open(&pair->b, 2, options);
}

static bool
is_settled(const struct side *side)
{
	return side->carrier->ops->is_settled(side->carrier);
}

void
pair_settle(struct pair *pair)
{
	WAIT_FOR(is_settled(&pair->a) && is_settled(&pair->b));
}

void
pair_close(struct pair *pair)
{
	pair->a.carrier->ops->close(&pair->a.carrier);
	pair->b.carrier->ops->close(&pair->b.carrier);
	OK(pair->a.carrier == NULL);
	WAIT_FOR(sh_co_pool_alive(sh_loop_coroutines(sh_loop_current())) == 1);
}

void
side_want(struct side *side, const char *filter)
{
	OK(side->carrier->ops->want(side->carrier, filter) == 0);
}

void
side_unwant(struct side *side, const char *filter)
{
	side->carrier->ops->unwant(side->carrier, filter);
}

static int
publish(struct side *side, const char *topic, const char *data, size_t len,
    bool kept, int64_t time_ms)
{
	struct sh_publication publication = {
		.topic = topic,
		.topic_len = strlen(topic),
		.hash = sh_topic_hash(topic, strlen(topic)),
		.type = 1,
		.sender = side->number,
		.node = 1,
		.time_ms = time_ms,
		.data = data,
		.len = len,
	};

	return side->carrier->ops->publish(side->carrier, &publication, kept);
}

int
side_try(struct side *side, const char *topic, int number)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", number);

	return publish(side, topic, text, (size_t)n, false, 1);
}

void
side_publish(struct side *side, const char *topic, int number)
{
	OK(side_try(side, topic, number) == 0);
}

int
side_try_keep(struct side *side, const char *topic, int number, size_t size,
    int64_t time_ms)
{
	static char text[BODY_MAX];
	int n = snprintf(text, sizeof(text), "%d ", number);

	OK(size <= sizeof(text));
	if (size > (size_t)n)
		memset(text + n, 'x', size - (size_t)n);
	return publish(side, topic, text, size > (size_t)n ? size : (size_t)n,
	    true, time_ms);
}

void
side_keep(struct side *side, const char *topic, int number, size_t size,
    int64_t time_ms)
{
	OK(side_try_keep(side, topic, number, size, time_ms) == 0);
}
