/*
 * This file is the shared memory between master and workers: a block for each
 * process index, written by that process alone, readable by all.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "base/counters.h"

enum { SH_CACHE_LINE = 64 };

struct sh_block {
	_Alignas(SH_CACHE_LINE) _Atomic uint64_t incarnation; /* 0: unused */
	_Atomic uint64_t heartbeat; /* moves while the loop turns */
	_Alignas(SH_CACHE_LINE) struct sh_counters counters;
	_Alignas(SH_CACHE_LINE) struct shoal_counter user[SH_USER_COUNTERS];
};

struct sh_scoreboard {
	uint32_t count; /* process indices */
	struct sh_block *blocks;
	uint64_t server; /* a random number, never 0: which one this is */
};

/** Process indices of a pool: for each slot one of the generation that serves, of
 *  the one that starts, of each that drains, and one that is being ended. */
static inline uint32_t
sh_process_count(uint32_t slots, uint32_t max_old)
{
	return slots * (max_old + 3);
}

/** Map blocks for so many processes, before the first fork. 0 or -errno. */
int sh_scoreboard_open(struct sh_scoreboard *board, uint32_t count);
/** Unmap it. */
void sh_scoreboard_close(struct sh_scoreboard *board);
/** Make a block ready for the next process; the master, while nobody uses
 *  the index. */
void sh_block_clear(struct sh_block *block, uint64_t incarnation);
/** Connections open in a block's process now. */
uint64_t sh_block_connections(const struct sh_block *block);

/* Sums over processes that have ended, so that no counter goes back. */
struct sh_totals {
	struct sh_counters counters;
	struct shoal_counter *user;
	uint32_t user_count;
};

/** Add a block to the sums. For an ended process only counters are added, and
 *  its open connections count as closed. */
void sh_totals_add(
    struct sh_totals *totals, const struct sh_block *block, int ended);
/** Copy sums. */
void sh_totals_copy(struct sh_totals *to, const struct sh_totals *from);
/** Free what they hold. */
void sh_totals_fini(struct sh_totals *totals);
