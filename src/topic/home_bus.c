/* This file connects a home with the bus and the loop of a worker. */
#include "config.h"

#include "topic/home_bus.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "io/timer.h"
#include "topic/bus_link.h"
#include "topic/carrier_bus.h"
#include "topic/home.h"
#include "topic/home_clock.h"

struct home_bus {
	struct sh_home *home;
	struct sh_loop *loop;
	struct sh_carrier *carrier; /* closes this */
	struct sh_bus_link *link;   /* lent */
	struct sh_bus_self *bus;
	struct sh_bus_follower follower;
	int64_t timer; /* number, 0: none */
	int64_t timer_ms;
};

/* --- what the home needs ------------------------------------------------------- */

static bool
find_slot(uint32_t slot, struct sh_bus_peer *peer_out, void *arg)
{
	const struct home_bus *self = arg;

	return sh_bus_find_slot(self->bus, slot, peer_out);
}

static size_t
peers(struct sh_bus_peer *peers_out, size_t max, void *arg)
{
	const struct home_bus *self = arg;

	return sh_bus_peers(self->bus, peers_out, max);
}

static int
write_record(const struct sh_record *record, const struct iovec *parts,
    int count, void *arg)
{
	struct home_bus *self = arg;

	return sh_bus_write(self->bus, record, parts, count);
}

static void
begin_era(void *arg)
{
	struct home_bus *self = arg;

	sh_bus_begin_era(self->bus);
}

static void
want(uint64_t hash, bool yes, void *arg)
{
	struct home_bus *self = arg;

	if (yes)
		sh_bus_want(self->bus, hash);
	else
		sh_bus_unwant(self->bus, hash);
}

static void
soon(void *arg)
{
	struct home_bus *self = arg;

	sh_bus_link_soon(self->link);
}

static void
arrived(const struct sh_publication *publication, void *arg)
{
	const struct sh_carrier_events *events =
	    &((struct home_bus *)arg)->carrier->events;

	events->arrived(publication, events->arg);
}

static void
room(void *arg)
{
	const struct sh_carrier_events *events =
	    &((struct home_bus *)arg)->carrier->events;

	events->room(events->arg);
}

/* --- when it runs --------------------------------------------------------------- */

static void
stop_timer(struct home_bus *self)
{
	if (self->timer != 0)
		sh_timer_stop(self->loop, self->timer);
	self->timer = 0;
}

/* It is not run here: this is a coroutine. */
static void
on_timer(void *arg)
{
	struct home_bus *self = arg;

	self->timer = 0;
	soon(self);
}

static void
start_timer(struct home_bus *self, int ms)
{
	int64_t at_ms = sh_clock_ms() + ms, id;

	if (self->timer != 0 && self->timer_ms <= at_ms)
		return;
	stop_timer(self);
	id = sh_timer_start(self->loop, ms, 0, on_timer, self);
	self->timer = id > 0 ? id : 0;
	self->timer_ms = at_ms;
}

static void
on_turned(bool read_all, void *arg)
{
	struct home_bus *self = arg;
	int ms = sh_home_run(self->home, read_all);

	if (ms >= 0)
		start_timer(self, ms);
}

static void
on_received(const struct sh_record *record, void *arg)
{
	sh_home_receive(((struct home_bus *)arg)->home, record);
}

static void
on_lost(uint32_t process, void *arg)
{
	sh_home_missed(((struct home_bus *)arg)->home, process);
}

/* --- what the carrier hands on -------------------------------------------------- */

static int
publish(const struct sh_publication *publication, void *arg)
{
	return sh_home_publish(((struct home_bus *)arg)->home, publication);
}

static int
replay(const struct sh_replay *wanted, void *arg)
{
	return sh_home_replay(((struct home_bus *)arg)->home, wanted);
}

static void
forget(void *replay_arg, void *arg)
{
	sh_home_forget(((struct home_bus *)arg)->home, replay_arg);
}

static bool
is_busy(void *arg)
{
	return !sh_home_is_quiet(((struct home_bus *)arg)->home);
}

static void
close_home(void *arg)
{
	struct home_bus *self = arg;

	stop_timer(self);
	sh_bus_link_unfollow(self->link, &self->follower);
	sh_home_free(&self->home);
	free(self);
}

static void
connect(struct home_bus *self)
{
	const struct sh_carrier_bus_history history = {
		.publish = publish,
		.replay = replay,
		.forget = forget,
		.drain = soon,
		.is_busy = is_busy,
		.close = close_home,
		.arg = self,
	};

	self->follower = (struct sh_bus_follower){
		.from_kind = SH_HOME_SUBMIT,
		.to_kind = SH_HOME_KIND_END - 1,
		.received = on_received,
		.lost = on_lost,
		.turned = on_turned,
		.arg = self,
	};
	sh_bus_link_follow(self->link, &self->follower);
	sh_carrier_bus_set_history(self->carrier, &history);
}

int
sh_home_bus_open(struct sh_loop *loop, struct sh_carrier *carrier)
{
	struct home_bus *self = sh_try_calloc(1, sizeof(*self));
	struct sh_home_link link = {
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

	if (self == NULL)
		return -SHOAL_ENOMEM;
	self->loop = loop;
	self->carrier = carrier;
	self->link = sh_carrier_bus_link(carrier);
	self->bus = sh_bus_link_bus(self->link);
	link.me = sh_bus_me(self->bus);
	link.slot_count = sh_bus_slot_count(self->bus);
	link.record_max = sh_bus_record_max(self->bus);
	self->home = sh_home_new(&link);
	if (self->home == NULL) {
		free(self);
		return -SHOAL_ENOMEM;
	}
	connect(self);
	return 0;
}
