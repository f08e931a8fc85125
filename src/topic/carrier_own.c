/*
 * This file is the carrier of a process that is alone, which is the home of all
 * topics.
 */
#include "config.h"

#include "topic/carrier_own.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "io/loop.h"
#include "io/timer.h"
#include "topic/carrier.h"
#include "topic/home.h"
#include "topic/home_clock.h"
#include "topic/publication.h"

enum { MESSAGE_MAX = 2 << 20 };

struct own_carrier {
	struct sh_carrier base; /* has to be the first */
	struct sh_loop *loop;
	struct sh_home *home; /* NULL until something is to be kept */
	struct sh_loop_task task;
	bool again;
	int64_t timer; /* number, 0: none */
};

static const struct sh_bus_peer alone = { .incarnation = 1 };

static struct own_carrier *
of(struct sh_carrier *carrier)
{
	return (struct own_carrier *)(void *)carrier;
}

/* --- what the home needs ------------------------------------------------------- */

static bool
find_slot(uint32_t slot, struct sh_bus_peer *peer_out, void *arg)
{
	*peer_out = alone;
	return true;
}

static size_t
peers(struct sh_bus_peer *peers_out, size_t max, void *arg)
{
	*peers_out = alone;
	return 1;
}

/* Nobody else is there. */
static int
write_record(const struct sh_record *record, const struct iovec *parts,
    int count, void *arg)
{
	return record->to == SH_BUS_ALL ? 0 : -SHOAL_ENOENT;
}

static void
begin_era(void *arg)
{
}

static void
want(uint64_t hash, bool yes, void *arg)
{
}

static void
soon(void *arg)
{
	struct own_carrier *self = arg;

	self->again = true;
	sh_loop_task_begin(self->loop, &self->task);
}

static void
arrived(const struct sh_publication *publication, void *arg)
{
	const struct sh_carrier_events *events =
	    &((struct own_carrier *)arg)->base.events;

	events->arrived(publication, events->arg);
}

static void
room(void *arg)
{
	const struct sh_carrier_events *events =
	    &((struct own_carrier *)arg)->base.events;

	events->room(events->arg);
}

/* --- when it runs --------------------------------------------------------------- */

static void
on_timer(void *arg)
{
	struct own_carrier *self = arg;

	self->timer = 0;
	soon(self);
}

/* A timer for what could not be done without memory only: one that forgets what is
 * old would keep a program of shoal_run() from ending. */
static bool
run(void *arg)
{
	struct own_carrier *self = arg;
	int64_t id;
	int ms;

	self->again = false;
	ms = sh_home_run(self->home, true);
	if (!sh_home_is_quiet(self->home) && self->timer == 0) {
		id = sh_timer_start(self->loop, ms, 0, on_timer, self);
		self->timer = id > 0 ? id : 0;
	}
	return self->again;
}

static int
need_home(struct own_carrier *self)
{
	const struct sh_home_link link = {
		.me = alone,
		.slot_count = 1,
		.record_max = MESSAGE_MAX + SH_PUBLICATION_HEADER_MAX +
		    SH_HOME_PREFIX_MAX,
		.find_slot = find_slot,
		.peers = peers,
		.write = write_record,
		.begin_era = begin_era,
		.want = want,
		.now_ms = sh_home_clock_ms,
		.wall_us = sh_home_wall_us,
		.soon = soon,
		.arrived = arrived,
		.room = room,
		.arg = self,
	};

	if (self->home == NULL)
		self->home = sh_home_new(&link);
	return self->home != NULL ? 0 : -SHOAL_ENOMEM;
}

/* --- the table ------------------------------------------------------------------ */

static int
op_want(struct sh_carrier *carrier, const char *filter)
{
	return 0;
}

static void
op_unwant(struct sh_carrier *carrier, const char *filter)
{
}

static int
op_publish(struct sh_carrier *carrier, const struct sh_publication *publication,
    bool kept)
{
	struct own_carrier *self = of(carrier);

	if (publication->len > MESSAGE_MAX)
		return -SHOAL_EMSGSIZE;
	if (!kept)
		return 0;
	if (need_home(self) < 0)
		return -SHOAL_ENOMEM;
	return sh_home_publish(self->home, publication);
}

static int
op_replay(struct sh_carrier *carrier, const struct sh_replay *replay)
{
	struct own_carrier *self = of(carrier);

	if (need_home(self) < 0)
		return -SHOAL_ENOMEM;
	return sh_home_replay(self->home, replay);
}

static void
op_forget(struct sh_carrier *carrier, void *arg)
{
	if (of(carrier)->home != NULL)
		sh_home_forget(of(carrier)->home, arg);
}

static bool
op_is_settled(const struct sh_carrier *carrier)
{
	return true;
}

static size_t
op_peers(const struct sh_carrier *carrier)
{
	return 1;
}

static void
op_close(struct sh_carrier **carrier)
{
	struct own_carrier *self = of(*carrier);

	sh_loop_task_end(self->loop, &self->task);
	if (self->timer != 0)
		sh_timer_stop(self->loop, self->timer);
	sh_home_free(&self->home);
	free(self);
	*carrier = NULL;
}

static const struct sh_carrier_ops own_ops = {
	.name = "own",
	.want = op_want,
	.unwant = op_unwant,
	.publish = op_publish,
	.replay = op_replay,
	.forget = op_forget,
	.is_settled = op_is_settled,
	.peers = op_peers,
	.close = op_close,
};

int
sh_carrier_own_open(struct sh_loop *loop, struct sh_carrier **out)
{
	struct own_carrier *self = sh_try_calloc(1, sizeof(*self));

	if (self == NULL)
		return -SHOAL_ENOMEM;
	self->base.ops = &own_ops;
	self->loop = loop;
	self->task.fn = run;
	self->task.arg = self;
	*out = &self->base;
	return 0;
}

bool
sh_carrier_is_own(const struct sh_carrier *carrier)
{
	return carrier == NULL || carrier->ops == &own_ops;
}
