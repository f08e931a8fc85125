/*
 * This file is the complete list of what a worker receives through fork. The
 * pool knows a worker as a function that takes it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proc/plan.h"
#include "proc/scoreboard.h"

struct sh_bus;

struct sh_heritage {
	uint32_t slot; /* 0 up to slot_count - 1 */
	uint32_t slot_count;
	uint32_t process;     /* index into the scoreboard, reused */
	uint64_t incarnation; /* of the process, never reused */
	uint64_t generation;
	int channel_fd; /* to the master; its end is the
					   master's death */
	uint32_t listen_count;
	const int *listen_fds;      /* this slot's, in the plan's order; -1:
					   closed for the time being */
	const bool *listen_stopped; /* as many: not to be accepted from */
	uint32_t module_count;
	const int *module_fds;
	const struct sh_plan *plan; /* of this generation; NULL for a pool
					   without configuration */
	const struct sh_scoreboard *board;
	struct sh_bus *bus; /* or NULL */
};

/** Runs a worker; its result is the exit status of the process. */
typedef int sh_worker_fn(const struct sh_heritage *heritage, void *arg);

/* Exit statuses of a worker. */
enum {
	SH_WORKER_DONE = 0,   /* was told to end, or has nothing left */
	SH_WORKER_FAILED = 70 /* could not start; has said why */
};
