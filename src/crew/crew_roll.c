/* This file goes through the slots of a pool; it starts and ends no worker. */
#include "config.h"

#include "crew/crew_roll.h"

#include "base/log.h"
#include "master/master_pool.h"

static void
begin(struct sh_roll *roll, struct sh_pool *pool)
{
	sh_log_notice("replacing %u workers, one after the other",
	    pool->state.slot_count);
	*roll = (struct sh_roll){ .active = true };
	sh_pool_replace(pool, 0);
}

void
sh_roll_start(struct sh_roll *roll, struct sh_pool *pool)
{
	if (roll->active)
		roll->again = true;
	else
		begin(roll, pool);
}

/* A worker that is new enough is ready, and none of those before is left. */
static bool
is_done(const struct sh_pool *pool, uint32_t slot)
{
	uint64_t keep_from = pool->state.slots[slot].keep_from;
	bool ready = false;
	uint32_t i;

	for (i = 0; i < pool->state.process_count; i++) {
		const struct sh_process *p = &pool->state.processes[i];

		if (p->state == SH_PROCESS_FREE || p->slot != slot)
			continue;
		if (p->incarnation < keep_from)
			return false;
		ready = ready || p->state == SH_PROCESS_READY;
	}
	return ready;
}

void
sh_roll_turn(struct sh_roll *roll, struct sh_pool *pool)
{
	if (pool->state.phase == SH_PHASE_STOPPING)
		roll->active = false;
	while (roll->active && is_done(pool, roll->slot)) {
		if (++roll->slot < pool->state.slot_count) {
			sh_pool_replace(pool, roll->slot);
		} else if (roll->again) {
			begin(roll, pool);
		} else {
			sh_log_notice("all workers have been replaced");
			roll->active = false;
		}
	}
}
