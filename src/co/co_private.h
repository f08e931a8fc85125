/*
 * This file is what the files of this folder know of a coroutine; it is not
 * for other folders.
 */
#pragma once

#include <sys/queue.h>
#include "co/co.h"
#include "co/co_switch.h"

enum {
	SH_CO_MAGIC = 0x6f63,
	/* a number is made of the index plus one and a generation */
	SH_CO_INDEX_BITS = 24
};

enum sh_co_state {
	SH_CO_FREE,
	SH_CO_RUNNING, /* or has called another one that runs */
	SH_CO_WAITING,
	SH_CO_WOKEN,    /* on the list of that name */
	SH_CO_FORGOTTEN /* waits for ever */
};

struct sh_co_deferred;
struct sh_co_value;

/*
 * It lies at the upper end of its own stack, so that a suspended one takes a
 * single page with its frames. What the owner has beside it lies above.
 */
struct sh_co {
	uint32_t magic;
	uint8_t state;   /* enum sh_co_state */
	bool cancelled;  /* it is to end */
	bool may_wait;   /* false: it has the pool's reserve */
	bool trimmed;    /* has no pages below its frames */
	bool numbered;   /* somebody knows its number */
	uint8_t refused; /* waits in a row, because it is cancelled */
	uint32_t index;  /* in the pool's table */
	uint64_t generation;
	uint32_t slept; /* round of trimming when it went to sleep */
	unsigned valgrind_id;
	int result; /* of its wait */
	struct sh_co_pool *pool;
	struct sh_co *below; /* FREE: the next free one;
					   RUNNING: who called this one */
	char *stack;         /* its lowest byte */
	char *frames;        /* lowest byte in use, while it waits */
	sh_co_fn *fn;        /* of the running call */
	void *arg;
	const char *name, *place;
	struct sh_co_joiner *joiners;
	struct sh_co_deferred *deferred; /* last one first */
	struct sh_co_value *values;
	struct sh_co_context *outside; /* where its caller waits */
	TAILQ_ENTRY(sh_co) woken;
	struct sh_co_context inside; /* where it waits itself */
};

TAILQ_HEAD(sh_co_list, sh_co);

/* A number of the table: who has it, and how often it was used. */
struct sh_co_number {
	struct sh_co *co; /* NULL: nobody */
	uint64_t generation;
	uint32_t next_free; /* number plus one; 0: none */
};

struct sh_co_pool {
	struct sh_co_pool_options options;
	struct sh_stack_pool *stacks;
	struct sh_co *warm;    /* free ones, last one first */
	struct sh_co *reserve; /* for when there is no other; may not wait */
	size_t warm_count;
	size_t alive;
	bool has_forgotten; /* some that never end */
	struct sh_co_list woken;
	size_t woken_count;
	struct sh_co_number *places;
	uint32_t place_count;
	uint32_t free_place; /* number plus one; 0: none */
	uint32_t round;      /* of trimming */
	uint32_t trim_next;
	size_t high_water; /* seen so far */
	uint64_t refused;
};

/* --- co.c ------------------------------------------------------------------ */

/** What a coroutine does all its life: one call after another. */
void sh_co_serve(void *co);

/* The number of a coroutine, which is not noted to be known. */
static inline int64_t
sh_co_number_of(const struct sh_co *co)
{
	return (int64_t)(co->generation << SH_CO_INDEX_BITS | (co->index + 1));
}

/* --- co_pool.c ------------------------------------------------------------- */

/** Make one that is free. NULL without memory or stack. */
struct sh_co *sh_co_make(struct sh_co_pool *pool);
/** Free it; it is not on the list of free ones. */
void sh_co_destroy(struct sh_co *co);

/* --- co_trim.c ------------------------------------------------------------- */

/** Look how much of its stack has been in use. */
void sh_co_note_high_water(struct sh_co *co);

/* --- co_local.c ------------------------------------------------------------ */

/** Run what was deferred, then free the values. */
void sh_co_local_end(struct sh_co *co);
/** Call fn(arg) on a coroutine that is in another call, as if it had its own. */
void sh_co_call_local(struct sh_co *co, sh_co_fn *fn, void *arg);
