/*
 * This file is the carrier of one server: its workers, and the bus between them. What
 * it does with topics that keep a history is somebody else's, who gives it the
 * functions for that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "topic/carrier.h"

struct sh_bus_link;
struct sh_loop;

/* As those of struct sh_carrier_ops; called with arg. */
struct sh_carrier_bus_history {
	int (*publish)(const struct sh_publication *publication, void *arg);
	int (*replay)(const struct sh_replay *replay, void *arg);
	void (*forget)(void *replay_arg, void *arg);
	void (*drain)(void *arg); /* or NULL */
	bool (*is_busy)(void *arg);
	/* The carrier is closed; what it was given by is still there. */
	void (*close)(void *arg);
	void *arg;
};

/** Make a carrier over the link of a worker, which is lent. 0 or -SHOAL_ENOMEM. */
int sh_carrier_bus_open(
    struct sh_loop *loop, struct sh_bus_link *link, struct sh_carrier **out);
/** Let somebody carry what is kept; without, no topic keeps a history. history is
 *  copied. */
void sh_carrier_bus_set_history(
    struct sh_carrier *carrier, const struct sh_carrier_bus_history *history);
/** The link of such a carrier. */
struct sh_bus_link *sh_carrier_bus_link(struct sh_carrier *carrier);
/** Have the event room() called when the bus has room: something of the carrier's
 *  user was refused that did not go by publish(). */
void sh_carrier_bus_await_room(struct sh_carrier *carrier);
/** A publication as a record of the bus: what is published to a topic, for those
 *  that want it. As sh_bus_write(). */
int sh_carrier_bus_write(
    struct sh_carrier *carrier, const struct sh_publication *publication);
