/*
 * This file replaces the workers of a pool one slot after the other. It tells
 * the pool which slot is next; how a worker is replaced is the pool's business.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct sh_pool;

struct sh_roll {
	bool active, again; /* again: one more has been asked for */
	uint32_t slot;      /* that is being replaced */
};

/** Begin; when it has begun already, one more follows. */
void sh_roll_start(struct sh_roll *roll, struct sh_pool *pool);
/** Go on to the next slot when the present one is done: its new worker is
 *  ready and the old one has gone. */
void sh_roll_turn(struct sh_roll *roll, struct sh_pool *pool);
