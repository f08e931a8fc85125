/*
 * This file maps, clears and sums the blocks of shared memory; it does not
 * decide who gets which.
 */
#include "config.h"

#include "proc/scoreboard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "base/mem.h"

int
sh_scoreboard_open(struct sh_scoreboard *board, uint32_t count)
{
	void *map = mmap(NULL, count * sizeof(struct sh_block),
	    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED)
		return -errno;
	board->blocks = map;
	board->count = count;
	/* short ones do not fail; if one did, connections of two servers could
	 * be taken for each other */
	while (getrandom(&board->server, sizeof(board->server), 0) !=
		sizeof(board->server) ||
	    board->server == 0)
		continue;
	return 0;
}

void
sh_scoreboard_close(struct sh_scoreboard *board)
{
	if (board->blocks != NULL)
		munmap(board->blocks, board->count * sizeof(struct sh_block));
	*board = (struct sh_scoreboard){ 0 };
}

void
sh_block_clear(struct sh_block *block, uint64_t incarnation)
{
	memset((void *)block, 0, sizeof(*block));
	atomic_store(&block->incarnation, incarnation);
}

uint64_t
sh_block_connections(const struct sh_block *block)
{
	uint64_t closed = SH_COUNTER(block->counters.closed);
	uint64_t accepted = SH_COUNTER(block->counters.accepted);

	/* two loads: a close may have been seen before its accept */
	return accepted > closed ? accepted - closed : 0;
}

static struct shoal_counter *
find_user(struct sh_totals *totals, const struct shoal_counter *like)
{
	struct shoal_counter *user;
	uint32_t i;

	for (i = 0; i < totals->user_count; i++)
		if (strcmp(totals->user[i].name, like->name) == 0)
			return &totals->user[i];
	totals->user = sh_xgrow(
	    totals->user, totals->user_count + 1, sizeof(*totals->user));
	user = &totals->user[totals->user_count++];
	memset((void *)user, 0, sizeof(*user));
	memcpy(user->name, like->name, sizeof(user->name));
	user->name[sizeof(user->name) - 1] = '\0';
	return user;
}

static void
add_user(struct sh_totals *totals, const struct shoal_counter *from, int ended)
{
	uint32_t kind = atomic_load_explicit(&from->used, memory_order_acquire);
	struct shoal_counter *to;

	if (kind == SH_COUNTER_NONE || (ended && kind == SH_COUNTER_GAUGE))
		return;
	to = find_user(totals, from);
	atomic_store_explicit(&to->used, kind, memory_order_relaxed);
	atomic_fetch_add_explicit(&to->value,
	    atomic_load_explicit(&from->value, memory_order_relaxed),
	    memory_order_relaxed);
}

static void
add_gauges(struct sh_counters *to, const struct sh_counters *from)
{
	SH_COUNT(to->queued_bytes, SH_COUNTER(from->queued_bytes));
	SH_COUNT(to->queues_full, SH_COUNTER(from->queues_full));
	SH_COUNT(to->coroutines, SH_COUNTER(from->coroutines));
	SH_COUNT(to->subscriptions, SH_COUNTER(from->subscriptions));
	SH_COUNT(to->broker_up, SH_COUNTER(from->broker_up));
	/* the largest one, not the sum */
	if (SH_COUNTER(from->stack_used) > SH_COUNTER(to->stack_used))
		SH_SET(to->stack_used, SH_COUNTER(from->stack_used));
	if (SH_COUNTER(from->stack_guard) > SH_COUNTER(to->stack_guard))
		SH_SET(to->stack_guard, SH_COUNTER(from->stack_guard));
}

void
sh_totals_add(struct sh_totals *totals, const struct sh_block *block, int ended)
{
	const struct sh_counters *from = &block->counters;
	struct sh_counters *to = &totals->counters;
	uint64_t accepted = SH_COUNTER(from->accepted);
	size_t i;

	SH_COUNT(to->accepted, accepted);
	SH_COUNT(to->closed, ended ? accepted : SH_COUNTER(from->closed));
	SH_COUNT(to->accept_errors, SH_COUNTER(from->accept_errors));
	SH_COUNT(to->bytes_received, SH_COUNTER(from->bytes_received));
	SH_COUNT(to->bytes_sent, SH_COUNTER(from->bytes_sent));
	SH_COUNT(to->messages_received, SH_COUNTER(from->messages_received));
	SH_COUNT(to->sends_refused, SH_COUNTER(from->sends_refused));
	SH_COUNT(to->requests, SH_COUNTER(from->requests));
	SH_COUNT(to->http_errors, SH_COUNTER(from->http_errors));
	SH_COUNT(to->timeouts, SH_COUNTER(from->timeouts));
	SH_COUNT(to->published, SH_COUNTER(from->published));
	SH_COUNT(to->delivered, SH_COUNTER(from->delivered));
	SH_COUNT(to->gaps, SH_COUNTER(from->gaps));
	SH_COUNT(to->messages_dropped, SH_COUNTER(from->messages_dropped));
	SH_COUNT(to->slow_closed, SH_COUNTER(from->slow_closed));
	SH_COUNT(to->stalled, SH_COUNTER(from->stalled));
	SH_COUNT(to->coroutines_refused, SH_COUNTER(from->coroutines_refused));
	SH_COUNT(to->bus_written, SH_COUNTER(from->bus_written));
	SH_COUNT(to->bus_read, SH_COUNTER(from->bus_read));
	SH_COUNT(to->bus_refused, SH_COUNTER(from->bus_refused));
	SH_COUNT(to->bus_lapped, SH_COUNTER(from->bus_lapped));
	SH_COUNT(to->broker_reconnects, SH_COUNTER(from->broker_reconnects));
	SH_COUNT(to->broker_published, SH_COUNTER(from->broker_published));
	SH_COUNT(to->broker_received, SH_COUNTER(from->broker_received));
	SH_COUNT(to->broker_dropped, SH_COUNTER(from->broker_dropped));
	SH_COUNT(to->broker_strange, SH_COUNTER(from->broker_strange));
	if (!ended)
		add_gauges(to, from);
	for (i = 0; i < SH_USER_COUNTERS; i++)
		add_user(totals, &block->user[i], ended);
}

void
sh_totals_copy(struct sh_totals *to, const struct sh_totals *from)
{
	*to = *from;
	to->user = sh_xcalloc(from->user_count + 1, sizeof(*to->user));
	if (from->user_count != 0)
		memcpy((void *)to->user, (const void *)from->user,
		    from->user_count * sizeof(*to->user));
}

void
sh_totals_fini(struct sh_totals *totals)
{
	free(totals->user);
	memset((void *)totals, 0, sizeof(*totals));
}
