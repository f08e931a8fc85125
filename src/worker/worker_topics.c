/* This file opens the topics of a worker, with what carries them to others. */
#include "config.h"

#include <stdio.h>

#include <shoal/error.h>

#include "topic/topics.h"
#include "worker/worker.h"

int
sh_worker_open_topics(struct sh_worker *worker)
{
	struct sh_carrier *carrier = NULL;
	int r;

	sh_topics_set_node(worker->heritage->board->server);
	r = sh_topics_open(worker->loop, carrier, &worker->topics);
	if (r < 0)
		snprintf(worker->why, sizeof(worker->why),
		    "cannot make the topics: %s", shoal_strerror(r));
	return r;
}

void
sh_worker_close_topics(struct sh_worker *worker)
{
	sh_topics_close(&worker->topics);
}
