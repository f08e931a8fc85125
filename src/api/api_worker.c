/* This file tells code in a worker about its process. */
#include "config.h"

#include <shoal/worker.h>

#include "io/loop.h"
#include "worker/worker.h"

int
shoal_worker_slot(void)
{
	const struct sh_worker *worker = sh_worker_current();

	return worker != NULL ? (int)worker->heritage->slot : -1;
}

int
shoal_worker_count(void)
{
	const struct sh_worker *worker = sh_worker_current();

	return worker != NULL ? (int)worker->heritage->slot_count : 0;
}

uint64_t
shoal_worker_generation(void)
{
	const struct sh_worker *worker = sh_worker_current();

	return worker != NULL ? worker->heritage->generation : 0;
}

size_t
shoal_worker_connections(void)
{
	const struct sh_worker *worker = sh_worker_current();

	return worker != NULL && worker->loop != NULL
	    ? sh_loop_connections(worker->loop)
	    : 0;
}
