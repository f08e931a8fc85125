/*
 * This file stops and starts listeners on all workers of a pool: it keeps each
 * address's state and tells the workers. The sockets are made and closed
 * elsewhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/message.h"

struct sh_generation;
struct sh_pool;
struct sh_process;

/* How a listener is to be stopped. */
struct sh_halt {
	bool close;          /* its sockets too */
	int64_t deadline_ms; /* from now, its connections are ended then; -1:
				never */
};

/** Stop a listener of a generation; one that is stopped may become closed, and
 *  gets the new deadline. 0 with what has become of it in text, or
 *  -SHOAL_ENOENT with the names that there are. */
int sh_pool_stop_listener(struct sh_pool *pool,
    const struct sh_generation *generation, const char *name,
    const struct sh_halt *halt, int64_t now_ms, char *text, size_t cap);
/** Start it again. As above, or -errno with the reason in text when its sockets
 *  cannot be made again; it stays closed then. */
int sh_pool_start_listener(struct sh_pool *pool,
    const struct sh_generation *generation, const char *name, char *text,
    size_t cap);
/** Whether all workers that accept have carried out what they were told. */
bool sh_pool_listeners_settled(const struct sh_pool *pool);

/** Do what a worker asks for, if it makes sense. */
void sh_pool_listener_asked(struct sh_pool *pool, const struct sh_process *from,
    const struct sh_message *message);
/** End connections whose time is over, and repeat orders that a full channel
 *  did not take. */
void sh_pool_listeners_turn(struct sh_pool *pool, int64_t now_ms);
/** When there is something to do for that, INT64_MAX: only after an event. */
int64_t sh_pool_listeners_next_ms(const struct sh_pool *pool, int64_t now_ms);
