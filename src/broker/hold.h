/*
 * This file keeps what comes by a new connection to a broker back, until all that is
 * wanted is in effect there again. Then the gap is told, first, and there is none
 * behind it: where there is no room, the oldest go, which are part of the gap.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

/* What every message that is held begins with; freed by free(). */
struct sh_held {
	STAILQ_ENTRY(sh_held) next;
	size_t size; /* bytes of memory */
};

struct sh_hold {
	STAILQ_HEAD(, sh_held) held;
	size_t size, max; /* bytes */
	bool on;
};

/** Make one that is not on, for so many bytes. */
void sh_hold_init(struct sh_hold *hold, size_t max);
/** From now on messages are held. What is held already was before another gap, and
 *  goes. */
void sh_hold_begin(struct sh_hold *hold);
/** Hold a message (takes); NULL: there was no memory for it. */
void sh_hold_add(struct sh_hold *hold, struct sh_held *held);
/** No longer hold anything new. */
void sh_hold_end(struct sh_hold *hold);
/** Take the oldest off (gives); NULL: there is none. */
struct sh_held *sh_hold_take(struct sh_hold *hold);
/** Free all. */
void sh_hold_fini(struct sh_hold *hold);
