/* This file opens the topics of a worker, with what carries them to others. */
#include "config.h"

#include <stdio.h>

#include <shoal/error.h>

#include "topic/bus_link.h"
#include "topic/carrier_bus.h"
#include "topic/carrier_own.h"
#include "topic/home_bus.h"
#include "topic/presence.h"
#include "topic/remote.h"
#include "topic/topics.h"
#include "worker/worker.h"

/* It is there with a broker too: connections are found by it. */
static int
open_bus(struct sh_worker *worker)
{
	const struct sh_heritage *heritage = worker->heritage;
	const struct sh_bus_options options = {
		.bus = heritage->bus,
		.process = heritage->process,
		.incarnation = heritage->incarnation,
		.generation = heritage->generation,
		.slot = heritage->slot,
	};
	int r;

	if (heritage->bus == NULL)
		return 0;
	r = sh_bus_link_open(worker->loop, &options, &worker->bus);
	if (r == 0)
		r = sh_remote_open(worker->bus, &worker->remote);
	return r;
}

/* With a broker, all goes through it. */
static int
open_carrier(struct sh_worker *worker, struct sh_carrier **out)
{
	int r = sh_worker_open_broker(worker, out);

	if (r < 0 || *out != NULL)
		return r;
	if (worker->bus == NULL)
		return sh_carrier_own_open(worker->loop, out);
	r = sh_carrier_bus_open(worker->loop, worker->bus, out);
	if (r == 0)
		r = sh_home_bus_open(worker->loop, *out);
	if (r < 0 && *out != NULL)
		(*out)->ops->close(out);
	return r;
}

int
sh_worker_open_topics(struct sh_worker *worker)
{
	struct sh_carrier *carrier = NULL;
	int r;

	sh_topics_set_node(worker->heritage->board->server);
	r = open_bus(worker);
	if (r == 0)
		r = sh_worker_keep_histories(worker);
	if (r == 0)
		r = open_carrier(worker, &carrier);
	if (r == 0)
		r = sh_topics_open(worker->loop, carrier, &worker->topics);
	if (r == 0)
		r = sh_presence_open(worker->topics, &worker->presence);
	if (r < 0 && worker->why[0] == '\0')
		snprintf(worker->why, sizeof(worker->why),
		    "cannot make the topics: %s", shoal_strerror(r));
	return r;
}

void
sh_worker_begin_topics(struct sh_worker *worker)
{
	if (worker->bus != NULL)
		sh_bus_set_ready(sh_bus_link_bus(worker->bus));
}

void
sh_worker_close_topics(struct sh_worker *worker)
{
	sh_presence_close(&worker->presence);
	sh_topics_close(&worker->topics);
	sh_remote_close(&worker->remote);
	sh_bus_link_close(&worker->bus);
}
