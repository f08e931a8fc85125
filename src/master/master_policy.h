/*
 * This file decides what the pool does next, from plain data and the time; it
 * makes no system call and changes nothing but a slot's own record.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "master/pool_state.h"

enum sh_action_type {
	SH_ACTION_SPAWN,   /* slot, generation */
	SH_ACTION_DRAIN,   /* process, ms */
	SH_ACTION_STOP,    /* process, ms */
	SH_ACTION_KILL,    /* process: SIGKILL */
	SH_ACTION_ABORT,   /* process: SIGABRT, its loop stands still */
	SH_ACTION_COMMIT,  /* the target is ready: it becomes current */
	SH_ACTION_GIVE_UP, /* the target cannot be started */
	SH_ACTION_REVERT,  /* go back to the generation before */
	SH_ACTION_END      /* nothing is left to wait for */
};

struct sh_action {
	enum sh_action_type type;
	uint32_t slot, process;
	uint64_t generation;
	int64_t ms;
};

enum {
	SH_QUICK_MS = 10000, /* a death before this is a quick one */
	SH_DEATH_WINDOW_MS = 60000,
	SH_REVERT_WINDOW_MS = 30000,
	SH_KILL_GRACE_MS = 5000, /* after a deadline, before SIGKILL */
	SH_FAST_MS = 1000,
	SH_FINAL_MS = 5000 /* for a generation that is one too many */
};

/** Write what is to be done now, at most cap actions; returns their number.
 *  When it is cap, ask again. */
size_t sh_policy_decide(const struct sh_pool_state *state, int64_t now_ms,
    struct sh_action *actions, size_t cap);
/** When decide() may have something new to say without any event; INT64_MAX:
 *  never. */
int64_t sh_policy_next_ms(const struct sh_pool_state *state, int64_t now_ms);
/** Record the end of a slot's process that was not told to end. */
void sh_policy_slot_died(struct sh_slot *slot, int64_t lived_ms, int64_t now_ms,
    const struct sh_pool_limits *limits);
/** What a further request to stop means: whoever asks for the same or less
 *  again means it more. */
enum sh_stop sh_policy_stronger(enum sh_stop now, enum sh_stop wanted);
/** Deadline that a stop of this strength gives a process, ms from now. */
int64_t sh_policy_stop_ms(const struct sh_pool_state *state);
