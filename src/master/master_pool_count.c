/* This file counts what a pool has; it changes nothing. */
#include "config.h"

#include "master/master_pool.h"

uint32_t
sh_pool_ready(const struct sh_pool *pool)
{
	uint32_t i, slot, ready = 0;

	for (slot = 0; slot < pool->state.slot_count; slot++)
		for (i = 0; i < pool->state.process_count; i++) {
			const struct sh_process *p = &pool->state.processes[i];

			if (p->state == SH_PROCESS_READY && p->slot == slot &&
			    p->generation == pool->state.current) {
				ready++;
				break;
			}
		}
	return ready;
}

static uint64_t
count_connections(const struct sh_pool *pool, bool only_draining)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < pool->state.process_count; i++) {
		const struct sh_process *p = &pool->state.processes[i];

		if (p->state == SH_PROCESS_FREE ||
		    (only_draining && p->generation == pool->state.current &&
			p->state != SH_PROCESS_DRAINING &&
			p->state != SH_PROCESS_STOPPING))
			continue;
		sum += sh_block_connections(&pool->board.blocks[i]);
	}
	return sum;
}

uint64_t
sh_pool_draining_connections(const struct sh_pool *pool)
{
	return count_connections(pool, true);
}

uint64_t
sh_pool_connections(const struct sh_pool *pool)
{
	return count_connections(pool, false);
}

uint32_t
sh_pool_alive(const struct sh_pool *pool)
{
	uint32_t i, alive = 0;

	for (i = 0; i < pool->state.process_count; i++)
		alive += pool->state.processes[i].state != SH_PROCESS_FREE;
	return alive;
}

bool
sh_pool_owns(const struct sh_pool *pool, pid_t pid)
{
	uint32_t i;

	for (i = 0; i < pool->state.process_count; i++)
		if (pool->state.processes[i].state != SH_PROCESS_FREE &&
		    pool->state.processes[i].pid == pid)
			return true;
	return false;
}

const struct sh_process *
sh_pool_newest(const struct sh_pool_state *state, uint32_t slot)
{
	const struct sh_process *found = NULL;
	uint32_t i;

	for (i = 0; i < state->process_count; i++) {
		const struct sh_process *p = &state->processes[i];

		if (p->state == SH_PROCESS_READY && p->slot == slot &&
		    (found == NULL || p->incarnation > found->incarnation))
			found = p;
	}
	return found;
}
