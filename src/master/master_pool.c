/* This file carries out what the policy decides; it decides nothing. */
#include "config.h"

#include "master/master_pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/attr.h"
#include "base/panic.h"
#include "master/master_listener.h"
#include "master/master_policy.h"
#include "master/master_worker.h"
#include "proc/channel.h"
#include "proc/register.h"

enum {
	ACTIONS = 64,
	SPAWN_RETRY_MS = 100,
	ABORT_GRACE_MS = 2000,
	RELIEVE_MS = 1000 /* a worker that hangs is not waited for */
};

int
sh_pool_init(struct sh_pool *pool, const struct sh_pool_options *options)
{
	struct sh_pool_state *state = &pool->state;
	uint32_t i;
	int r;

	memset((void *)pool, 0, sizeof(*pool));
	pool->options = *options;
	pool->bounds.slot_count = options->slot_count;
	pool->next_incarnation = 1;
	pool->next_generation = 1;
	state->slot_count = options->slot_count;
	state->process_count =
	    sh_process_count(options->slot_count, options->max_old);
	state->limits.max_old = options->max_old;
	state->limits.no_grace = options->runs_program;
	state->slots = sh_xcalloc(state->slot_count, sizeof(*state->slots));
	state->processes =
	    sh_xcalloc(state->process_count, sizeof(*state->processes));
	for (i = 0; i < state->process_count; i++)
		state->processes[i].pidfd = state->processes[i].channel_fd = -1;
	r = sh_scoreboard_open(&pool->board, state->process_count);
	if (r == 0 && options->ring_size != 0)
		r = sh_bus_open(state->process_count, state->slot_count,
		    options->ring_size, &pool->bus);
	if (r < 0)
		sh_pool_fini(pool);
	return r;
}

void
sh_pool_fini(struct sh_pool *pool)
{
	while (pool->generations != NULL) {
		struct sh_generation *generation = pool->generations;

		pool->generations = generation->next;
		sh_generation_unbind(generation, &pool->bounds);
		sh_generation_free(&generation);
	}
	sh_totals_fini(&pool->ended);
	sh_scoreboard_close(&pool->board);
	sh_bus_close(&pool->bus);
	free(pool->watched);
	free(pool->state.slots);
	free(pool->state.processes);
	pool->state.slots = NULL;
	pool->state.processes = NULL;
}

struct sh_generation *
sh_pool_generation(const struct sh_pool *pool, uint64_t id)
{
	struct sh_generation *generation;

	for (generation = pool->generations; generation != NULL;
	     generation = generation->next)
		if (generation->id == id)
			return generation;
	return NULL;
}

/* Whether a generation has processes; with accepting, only those count that
 * accept or will. */
static bool
has_processes(const struct sh_pool *pool, uint64_t generation, bool accepting)
{
	uint32_t i;

	for (i = 0; i < pool->state.process_count; i++) {
		const struct sh_process *p = &pool->state.processes[i];

		if (p->generation == generation &&
		    (accepting ? p->state == SH_PROCESS_STARTING ||
				p->state == SH_PROCESS_READY
			       : p->state != SH_PROCESS_FREE))
			return true;
	}
	return false;
}

/* Whether connections to a generation's addresses find somebody. */
static bool
is_accepting(const struct sh_pool *pool, const struct sh_generation *generation)
{
	return pool->state.phase != SH_PHASE_STOPPING &&
	    (generation->id == pool->state.current ||
		generation->id == pool->state.target ||
		has_processes(pool, generation->id, true));
}

static bool
is_needed(const struct sh_pool *pool, const struct sh_generation *generation)
{
	return generation->id == pool->state.current ||
	    generation->id == pool->state.target ||
	    generation->id == pool->previous ||
	    has_processes(pool, generation->id, false);
}

/*
 * Close what nobody accepts from, free what nobody serves from or can go back
 * to. An address that only such a generation has is closed as soon as its
 * workers have been told to end: they empty their queue, and what comes later
 * is refused instead of waiting for nobody. Going back binds it again.
 */
static void
drop_generations(struct sh_pool *pool)
{
	struct sh_generation **at = &pool->generations;

	while (*at != NULL) {
		struct sh_generation *generation = *at;

		if (!is_accepting(pool, generation))
			sh_generation_unbind(generation, &pool->bounds);
		if (is_needed(pool, generation)) {
			at = &generation->next;
			continue;
		}
		*at = generation->next;
		sh_generation_free(&generation);
	}
}

/* The settings of the pool are those of the newest generation. */
static void
take_limits(struct sh_pool *pool, const struct sh_plan *plan)
{
	struct sh_pool_limits *limits = &pool->state.limits;

	limits->start_timeout_ms = plan->start_timeout_ms;
	limits->drain_timeout_ms = plan->drain_timeout_ms;
	limits->stop_timeout_ms = plan->stop_timeout_ms;
	limits->backoff_first_ms = plan->backoff_first_ms;
	limits->backoff_max_ms = plan->backoff_max_ms;
	limits->watchdog_ms = plan->watchdog_ms;
}

static void
set_target(
    struct sh_pool *pool, uint64_t id, int64_t timeout_ms, int64_t now_ms)
{
	pool->state.target = id;
	pool->state.target_failed = false;
	pool->state.target_deadline_ms = now_ms + timeout_ms;
	pool->target_why[0] = '\0';
	pool->state.phase =
	    pool->state.current == 0 ? SH_PHASE_STARTING : SH_PHASE_RELOADING;
}

int
sh_pool_offer(struct sh_pool *pool, struct sh_generation *generation,
    int64_t timeout_ms, int64_t now_ms, char *why, size_t cap)
{
	int r;

	sh_assert(!sh_pool_is_busy(pool));
	if (pool->state.phase == SH_PHASE_STOPPING) {
		snprintf(why, cap, "the master is stopping");
		sh_generation_free(&generation);
		return -SHOAL_ECANCELED;
	}
	r = sh_generation_bind(generation, &pool->bounds, why, cap);
	if (r < 0) {
		sh_generation_free(&generation);
		return r;
	}
	generation->id = pool->next_generation++;
	generation->next = pool->generations;
	pool->generations = generation;
	if (pool->state.current == 0)
		take_limits(pool, generation->plan);
	set_target(pool, generation->id, timeout_ms, now_ms);
	return 0;
}

void
sh_pool_withdraw(struct sh_pool *pool, const char *why)
{
	if (pool->state.target == 0)
		return;
	pool->state.target_failed = true;
	snprintf(pool->target_why, sizeof(pool->target_why), "%s", why);
}

void
sh_pool_stop(struct sh_pool *pool, enum sh_stop stop)
{
	if (stop > pool->state.stop)
		pool->state.stop = stop;
	pool->state.phase = SH_PHASE_STOPPING;
}

int
sh_pool_replace(struct sh_pool *pool, uint32_t slot)
{
	struct sh_slot *replaced;
	uint32_t i;

	if (slot >= pool->state.slot_count)
		return -SHOAL_EINVAL;
	replaced = &pool->state.slots[slot];
	pool->restarts++;
	/* one that is on its way is new enough */
	for (i = 0; i < pool->state.process_count; i++) {
		const struct sh_process *p = &pool->state.processes[i];

		if (p->state == SH_PROCESS_STARTING && p->slot == slot &&
		    p->generation == pool->state.current &&
		    p->incarnation >= replaced->keep_from) {
			replaced->keep_from = p->incarnation;
			return 0;
		}
	}
	replaced->keep_from = pool->next_incarnation;
	replaced->spawn_at_ms = 0;
	return 0;
}

void
sh_pool_reopen(struct sh_pool *pool, int log_fd)
{
	struct sh_message message = { .type = SH_MESSAGE_REOPEN };
	uint32_t i;

	pool->reopening = 0;
	for (i = 0; i < pool->state.process_count; i++) {
		struct sh_process *p = &pool->state.processes[i];

		p->reopening = p->channel_fd >= 0 &&
		    sh_channel_send(p->channel_fd, &message, log_fd) == 0;
		pool->reopening += p->reopening;
	}
}

static void
finish_target(struct sh_pool *pool, enum sh_outcome outcome, const char *text)
{
	uint64_t target = pool->state.target;

	pool->state.target = 0;
	if (pool->state.phase != SH_PHASE_STOPPING)
		pool->state.phase = pool->state.current == 0 ? SH_PHASE_STARTING
							     : SH_PHASE_SERVING;
	pool->options.on_outcome(outcome, target, text, pool->options.arg);
}

static void
commit(struct sh_pool *pool, int64_t now_ms)
{
	struct sh_pool_state *state = &pool->state;
	const struct sh_generation *next =
	    sh_pool_generation(pool, state->target);
	uint32_t slot;

	sh_assert(next != NULL);
	/* going back makes the crashed one not worth keeping */
	pool->previous = next->id > state->current ? state->current : 0;
	state->can_revert = pool->previous != 0;
	state->current = next->id;
	if (pool->bus != NULL)
		sh_bus_set_generation(pool->bus, next->id);
	state->committed_ms = now_ms;
	state->deaths_since_commit = 0;
	take_limits(pool, next->plan);
	for (slot = 0; slot < state->slot_count; slot++)
		state->slots[slot].backoff_ms = state->slots[slot].spawn_at_ms =
		    0;
	if (pool->reverting) {
		pool->reverting = false;
		finish_target(pool, SH_OUTCOME_REVERTED, "");
		return;
	}
	state->target = 0;
	state->phase = SH_PHASE_SERVING;
	pool->relieving = next->id;
	pool->relieved_by_ms = now_ms + RELIEVE_MS;
}

static bool
is_relieved(const struct sh_pool *pool)
{
	uint32_t i;

	for (i = 0; i < pool->state.process_count; i++) {
		const struct sh_process *p = &pool->state.processes[i];

		if (p->state != SH_PROCESS_FREE && p->accepts &&
		    p->generation != pool->state.current)
			return false;
	}
	return true;
}

/* Who is told that a generation serves may rely on it: no connection made from
 * now on is accepted by the one before. */
static void
finish_relief(struct sh_pool *pool, int64_t now_ms)
{
	uint64_t generation = pool->relieving;

	if (generation == 0 ||
	    (!is_relieved(pool) && now_ms < pool->relieved_by_ms))
		return;
	pool->relieving = 0;
	if (pool->state.phase != SH_PHASE_STOPPING)
		pool->options.on_outcome(
		    SH_OUTCOME_SERVING, generation, "", pool->options.arg);
}

bool
sh_pool_is_busy(const struct sh_pool *pool)
{
	return pool->state.target != 0 || pool->relieving != 0;
}

static void
give_up(struct sh_pool *pool)
{
	enum sh_outcome outcome =
	    pool->reverting ? SH_OUTCOME_STUCK : SH_OUTCOME_FAILED;

	/* the policy drains or kills those of its workers that are there */
	if (pool->target_why[0] == '\0')
		snprintf(pool->target_why, sizeof(pool->target_why),
		    "its workers were not ready in time (%s)",
		    pool->options.runs_program
			? "start_timeout_ms"
			: "reload.start_timeout, --timeout");
	pool->reverting = false;
	finish_target(pool, outcome, pool->target_why);
}

static void
revert(struct sh_pool *pool, int64_t now_ms)
{
	struct sh_generation *old = sh_pool_generation(pool, pool->previous);
	char why[SH_WHY_MAX];

	sh_assert(old != NULL);
	/* it served, if not for long */
	pool->relieved_by_ms = now_ms;
	finish_relief(pool, now_ms);
	sh_log_err("generation %llu: %u workers died within %d s of the "
		   "reload; going back to generation %llu",
	    (unsigned long long)pool->state.current,
	    pool->state.deaths_since_commit, SH_REVERT_WINDOW_MS / 1000,
	    (unsigned long long)pool->previous);
	pool->state.can_revert = false;
	if (sh_generation_bind(old, &pool->bounds, why, sizeof(why)) < 0) {
		pool->options.on_outcome(
		    SH_OUTCOME_STUCK, pool->previous, why, pool->options.arg);
		return;
	}
	pool->reverting = true;
	set_target(pool, old->id, pool->state.limits.start_timeout_ms, now_ms);
}

static void
spawn(struct sh_pool *pool, uint32_t slot, uint64_t generation, int64_t now_ms)
{
	struct sh_slot *at = &pool->state.slots[slot];
	char why[SH_WHY_MAX];

	if (sh_worker_spawn(pool, slot, generation, now_ms, why, sizeof(why)) ==
	    0)
		return;
	if (generation == pool->state.target) {
		sh_pool_withdraw(pool, why);
		return;
	}
	/* as after a quick death: what is short now may come back */
	sh_policy_slot_died(at, 0, now_ms, &pool->state.limits);
	if (at->spawn_at_ms < now_ms + SPAWN_RETRY_MS)
		at->spawn_at_ms = now_ms + SPAWN_RETRY_MS;
	sh_log_err("slot %u: cannot start a worker: %s; trying again in %lld "
		   "ms",
	    slot, why, (long long)(at->spawn_at_ms - now_ms));
}

static void
carry_out(struct sh_pool *pool, const struct sh_action *action, int64_t now_ms)
{
	switch (action->type) {
	case SH_ACTION_SPAWN:
		spawn(pool, action->slot, action->generation, now_ms);
		break;
	case SH_ACTION_DRAIN:
		sh_worker_tell(pool, action->process, SH_MESSAGE_DRAIN,
		    action->ms, now_ms);
		break;
	case SH_ACTION_STOP:
		sh_worker_tell(
		    pool, action->process, SH_MESSAGE_STOP, action->ms, now_ms);
		break;
	case SH_ACTION_KILL:
		sh_worker_kill(pool, action->process, SIGKILL, now_ms);
		break;
	case SH_ACTION_ABORT:
		sh_worker_kill(pool, action->process, SIGABRT, now_ms);
		pool->state.processes[action->process].deadline_ms =
		    now_ms + ABORT_GRACE_MS;
		break;
	case SH_ACTION_COMMIT: commit(pool, now_ms); break;
	case SH_ACTION_GIVE_UP: give_up(pool); break;
	case SH_ACTION_REVERT: revert(pool, now_ms); break;
	case SH_ACTION_END: pool->ended_all = true; break;
	}
}

void
sh_pool_turn(struct sh_pool *pool, int64_t now_ms)
{
	struct sh_action actions[ACTIONS];
	size_t i, count;

	sh_worker_watch_heartbeats(pool, now_ms);
	do {
		count = sh_policy_decide(
		    &pool->state, now_ms, actions, SH_ARRAY_LEN(actions));
		for (i = 0; i < count && !pool->ended_all; i++)
			carry_out(pool, &actions[i], now_ms);
	} while (count > 0 && !pool->ended_all);
	finish_relief(pool, now_ms);
	sh_pool_listeners_turn(pool, now_ms);
	drop_generations(pool);
}

int64_t
sh_pool_timeout_ms(const struct sh_pool *pool, int64_t now_ms)
{
	int64_t next = sh_policy_next_ms(&pool->state, now_ms);
	int64_t listeners_ms = sh_pool_listeners_next_ms(pool, now_ms);

	if (listeners_ms < next)
		next = listeners_ms;
	if (pool->relieving != 0 && pool->relieved_by_ms < next)
		next = pool->relieved_by_ms;
	if (next == INT64_MAX)
		return -1;
	return next > now_ms ? next - now_ms : 0;
}
