/*
 * This file carries messages between the workers of one server. A message that was
 * published here does not come back.
 */
#include "config.h"

#include "topic/carrier_bus.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/timer.h"
#include "topic/bus_link.h"
#include "topic/filter.h"
#include "topic/publication.h"

enum { TELL_MS = 10000 };

struct bus_carrier {
	struct sh_carrier base; /* has to be the first */
	struct sh_loop *loop;
	struct sh_bus_link *link;
	struct sh_bus_self *bus;
	struct sh_bus_follower follower;
	struct sh_carrier_bus_history history;
	bool has_history;
	bool refused;       /* room() is owed */
	int64_t try_timer;  /* then it is told anyhow, 0: none */
	int64_t tell_at_ms; /* when the log may hear of a loss again ... */
	uint64_t untold;    /* ... of which so many were not told */
};

static struct bus_carrier *
of(struct sh_carrier *carrier)
{
	return (struct bus_carrier *)(void *)carrier;
}

static const struct bus_carrier *
of_const(const struct sh_carrier *carrier)
{
	return (const struct bus_carrier *)(const void *)carrier;
}

static void
stop_timer(struct bus_carrier *carrier)
{
	if (carrier->try_timer != 0)
		sh_timer_stop(carrier->loop, carrier->try_timer);
	carrier->try_timer = 0;
}

static void
tell_room(struct bus_carrier *carrier)
{
	stop_timer(carrier);
	carrier->refused = false;
	if (carrier->base.events.room != NULL)
		carrier->base.events.room(carrier->base.events.arg);
}

/* Nobody has made room: the next try goes over who is behind. */
static void
on_timer(void *arg)
{
	struct bus_carrier *carrier = arg;

	carrier->try_timer = 0;
	if (carrier->refused)
		tell_room(carrier);
}

static void
await_room(struct bus_carrier *carrier)
{
	int64_t id;

	carrier->refused = true;
	if (carrier->try_timer != 0)
		return;
	id = sh_timer_start(carrier->loop, sh_bus_retry_ms(carrier->bus) + 1, 0,
	    on_timer, carrier);
	carrier->try_timer = id > 0 ? id : 0;
}

/* --- what comes ------------------------------------------------------------- */

static void
on_received(const struct sh_record *record, void *arg)
{
	struct bus_carrier *carrier = arg;
	struct sh_publication publication;

	if (sh_publication_decode(&publication, record->data, record->len) <
	    0) {
		sh_log_err("the bus brought something that is no message, from "
			   "process %u",
		    record->from);
		return;
	}
	carrier->base.events.arrived(&publication, carrier->base.events.arg);
}

/* It may go on being too slow, many times a second. */
static void
tell_slow(struct bus_carrier *carrier, uint32_t process)
{
	int64_t now_ms = sh_clock_ms();

	carrier->untold++;
	if (now_ms < carrier->tell_at_ms)
		return;
	carrier->tell_at_ms = now_ms + TELL_MS;
	sh_log_warning("this worker was too slow: messages of process %u were "
		       "lost (topics.ring; %" PRIu64 " times since this was "
		       "last told)",
	    process, carrier->untold);
	carrier->untold = 0;
}

static void
on_lost(uint32_t process, void *arg)
{
	struct bus_carrier *carrier = arg;

	tell_slow(carrier, process);
	carrier->base.events.lost(NULL, carrier->base.events.arg);
}

static void
on_turned(bool read_all, void *arg)
{
	struct bus_carrier *carrier = arg;

	if (carrier->refused && sh_bus_has_been_told(carrier->bus))
		tell_room(carrier);
}

/* --- the table --------------------------------------------------------------- */

static void
want(struct bus_carrier *carrier, const char *filter, bool yes)
{
	size_t len = strlen(filter);

	if (sh_filter_is_wild(filter, len))
		sh_bus_want_all(carrier->bus, yes);
	else if (yes)
		sh_bus_want(carrier->bus, sh_topic_hash(filter, len));
	else
		sh_bus_unwant(carrier->bus, sh_topic_hash(filter, len));
}

static int
op_want(struct sh_carrier *carrier, const char *filter)
{
	want(of(carrier), filter, true);
	return 0;
}

static void
op_unwant(struct sh_carrier *carrier, const char *filter)
{
	want(of(carrier), filter, false);
}

int
sh_carrier_bus_write(
    struct sh_carrier *base, const struct sh_publication *publication)
{
	struct bus_carrier *carrier = of(base);
	struct sh_record record = { .to = SH_BUS_ALL,
		.kind = SH_BUS_KIND_PUBLICATION,
		.hash = publication->hash };
	uint8_t head[SH_PUBLICATION_HEADER_MAX];
	struct iovec parts[2];

	/* the usual case in a small server */
	if (!sh_bus_is_wanted(carrier->bus, &record))
		return 0;
	parts[0] = (struct iovec){ .iov_base = head,
		.iov_len = sh_publication_encode(publication, head) };
	parts[1] =
	    (struct iovec){ .iov_base = (void *)(uintptr_t)publication->data,
		    .iov_len = publication->len };
	return sh_bus_link_write(carrier->link, &record, parts, 2);
}

/* A message is promised a quarter of a ring; whether others want it must not make a
 * difference. */
static int
op_publish(struct sh_carrier *base, const struct sh_publication *publication,
    bool kept)
{
	struct bus_carrier *carrier = of(base);
	int r;

	if (publication->len + SH_PUBLICATION_HEADER_MAX >
	    sh_bus_record_max(carrier->bus))
		return -SHOAL_EMSGSIZE;
	if (kept && carrier->has_history)
		return carrier->history.publish(
		    publication, carrier->history.arg);
	r = sh_carrier_bus_write(base, publication);
	if (r == -SHOAL_EAGAIN)
		await_room(carrier);
	return r;
}

static int
op_replay(struct sh_carrier *base, const struct sh_replay *replay)
{
	struct bus_carrier *carrier = of(base);

	/* the table asks for topics only that keep one */
	return carrier->has_history
	    ? carrier->history.replay(replay, carrier->history.arg)
	    : -SHOAL_ENOMEM;
}

static void
op_forget(struct sh_carrier *base, void *arg)
{
	struct bus_carrier *carrier = of(base);

	if (carrier->has_history)
		carrier->history.forget(arg, carrier->history.arg);
}

static bool
op_is_settled(const struct sh_carrier *base)
{
	return true;
}

static size_t
op_peers(const struct sh_carrier *base)
{
	return sh_bus_peer_count(of_const(base)->bus);
}

static void
op_pause(struct sh_carrier *base, uint64_t hash, bool yes)
{
	if (yes)
		sh_bus_pause(of(base)->bus, hash);
	else
		sh_bus_unpause(of(base)->bus, hash);
}

static bool
op_is_paused(const struct sh_carrier *base, uint64_t hash)
{
	const struct bus_carrier *carrier = of_const(base);

	if (!sh_bus_is_paused(carrier->bus, hash))
		return false;
	/* the end of it is told as room; no timer: it has no deadline */
	((struct bus_carrier *)(uintptr_t)carrier)->refused = true;
	return true;
}

static void
op_drain(struct sh_carrier *base)
{
	struct bus_carrier *carrier = of(base);

	if (carrier->has_history && carrier->history.drain != NULL)
		carrier->history.drain(carrier->history.arg);
}

static bool
op_is_busy(const struct sh_carrier *base)
{
	const struct bus_carrier *carrier = of_const(base);

	return carrier->has_history &&
	    carrier->history.is_busy(carrier->history.arg);
}

static void
op_close(struct sh_carrier **base)
{
	struct bus_carrier *carrier = of(*base);

	if (carrier->has_history)
		carrier->history.close(carrier->history.arg);
	stop_timer(carrier);
	sh_bus_link_unfollow(carrier->link, &carrier->follower);
	free(carrier);
	*base = NULL;
}

static const struct sh_carrier_ops bus_ops = {
	.name = "bus",
	.want = op_want,
	.unwant = op_unwant,
	.publish = op_publish,
	.replay = op_replay,
	.forget = op_forget,
	.is_settled = op_is_settled,
	.peers = op_peers,
	.pause = op_pause,
	.is_paused = op_is_paused,
	.drain = op_drain,
	.is_busy = op_is_busy,
	.close = op_close,
};

int
sh_carrier_bus_open(
    struct sh_loop *loop, struct sh_bus_link *link, struct sh_carrier **out)
{
	struct bus_carrier *carrier = sh_try_calloc(1, sizeof(*carrier));

	if (carrier == NULL)
		return -SHOAL_ENOMEM;
	carrier->base.ops = &bus_ops;
	carrier->loop = loop;
	carrier->link = link;
	carrier->bus = sh_bus_link_bus(link);
	carrier->follower = (struct sh_bus_follower){
		.from_kind = SH_BUS_KIND_PUBLICATION,
		.to_kind = SH_BUS_KIND_PUBLICATION,
		.received = on_received,
		.lost = on_lost,
		.turned = on_turned,
		.arg = carrier,
	};
	sh_bus_link_follow(link, &carrier->follower);
	*out = &carrier->base;
	return 0;
}

void
sh_carrier_bus_set_history(
    struct sh_carrier *carrier, const struct sh_carrier_bus_history *history)
{
	of(carrier)->history = *history;
	of(carrier)->has_history = true;
}

struct sh_bus_link *
sh_carrier_bus_link(struct sh_carrier *carrier)
{
	return of(carrier)->link;
}

void
sh_carrier_bus_await_room(struct sh_carrier *carrier)
{
	await_room(of(carrier));
}
