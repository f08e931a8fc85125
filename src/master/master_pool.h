/*
 * This file keeps a pool of workers alive: it carries out what the policy
 * decides. It knows a worker as a function that takes a heritage, and nothing
 * of what the worker does.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "master/master_generation.h"
#include "master/master_listen.h"
#include "master/master_poll.h"
#include "master/pool_state.h"
#include "proc/bus.h"
#include "proc/heritage.h"
#include "proc/scoreboard.h"

/* What became of a generation that was offered. */
enum sh_outcome {
	SH_OUTCOME_SERVING,  /* it serves; the one before drains */
	SH_OUTCOME_FAILED,   /* it is gone; the one before goes on */
	SH_OUTCOME_REVERTED, /* it crashed; the one before serves again */
	SH_OUTCOME_STUCK     /* it crashes, but the one before cannot be
				   brought back */
};

struct sh_exit;
struct sh_message;

struct sh_pool_options {
	uint32_t slot_count;
	uint32_t max_old; /* draining generations alive at once */
	sh_worker_fn *worker;
	void *worker_arg;
	/* called when a generation's fate is known; text is borrowed */
	void (*on_outcome)(enum sh_outcome outcome, uint64_t generation,
	    const char *text, void *arg);
	/* called when a process has gone; may be NULL */
	void (*on_exit)(const struct sh_process *process,
	    const struct sh_exit *how, void *arg);
	/* called for a message that is not the pool's business; may take the
	 * descriptor, which is -1 then; whether it knew it. May be NULL */
	bool (*on_message)(const struct sh_process *process,
	    const struct sh_message *message, int *fd, void *arg);
	uint64_t ring_size; /* of the bus; 0: there is none */
	bool runs_program;  /* workers are code of a program: it may return
				  when it likes, knows of no connections, and
				  is killed at its deadline */
	void *arg;
};

struct sh_pool {
	struct sh_pool_state state;
	struct sh_pool_options options;
	struct sh_scoreboard board;
	struct sh_bus *bus;     /* or NULL */
	struct sh_totals ended; /* of processes that are gone */
	struct sh_bound_list bounds;
	struct sh_generation *generations; /* alive, newest first */
	uint64_t next_incarnation, next_generation;
	uint64_t previous;             /* to go back to, 0: none */
	uint64_t crashes, restarts;    /* since the start */
	uint32_t reopening;            /* workers that have not said REOPENED */
	char target_why[SH_WHY_MAX];   /* why the target failed */
	struct sh_pool_watch *watched; /* by process, for polling */
	bool reverting;                /* the target is the generation before */
	uint64_t relieving;            /* the current generation, while the one
					   before may still accept; 0: none */
	int64_t relieved_by_ms;        /* then it is no longer waited for */
	bool ended_all;                /* stopped, and no process is left */
};

/** Make a pool without processes. 0 or -errno. */
int sh_pool_init(struct sh_pool *pool, const struct sh_pool_options *options);
/** Free everything; no process may be left. */
void sh_pool_fini(struct sh_pool *pool);

/** Start a generation: bind its sockets, fork its workers; on_outcome tells
 *  how it went. Takes the generation in any case. 0, or -errno with the
 *  reason in why, and then nothing has changed.
 *  timeout_ms is how long its workers may take to become ready. */
int sh_pool_offer(struct sh_pool *pool, struct sh_generation *generation,
    int64_t timeout_ms, int64_t now_ms, char *why, size_t cap);
/** Withdraw the generation that is being started. */
void sh_pool_withdraw(struct sh_pool *pool, const char *why);
/** End the pool; a weaker stop than the present one is ignored. */
void sh_pool_stop(struct sh_pool *pool, enum sh_stop stop);
/** Replace a slot's worker: the new one is ready before the old one drains.
 *  0, -SHOAL_EINVAL for a slot that is not there. */
int sh_pool_replace(struct sh_pool *pool, uint32_t slot);
/** Tell every worker to use another log; borrows log_fd. reopening counts
 *  those that have not answered. */
void sh_pool_reopen(struct sh_pool *pool, int log_fd);

/* Stopping and starting listeners is in master_listener.h. */

/** Whether a generation is on its way: none can be offered. */
bool sh_pool_is_busy(const struct sh_pool *pool);

/** Carry out what is due. */
void sh_pool_turn(struct sh_pool *pool, int64_t now_ms);
/** Milliseconds until turn() has something to do, -1: only after an event. */
int64_t sh_pool_timeout_ms(const struct sh_pool *pool, int64_t now_ms);
/** Add the pool's descriptors to the next wait. */
void sh_pool_poll(struct sh_pool *pool, struct sh_poll_set *set);

/** The generation of a number, or NULL. */
struct sh_generation *
sh_pool_generation(const struct sh_pool *pool, uint64_t id);
/** Slots whose current generation has a worker that is ready. */
uint32_t sh_pool_ready(const struct sh_pool *pool);
/** Connections of processes that drain, or will: those of older generations. */
uint64_t sh_pool_draining_connections(const struct sh_pool *pool);
/** Connections of all processes. */
uint64_t sh_pool_connections(const struct sh_pool *pool);
/** Processes that are alive. */
uint32_t sh_pool_alive(const struct sh_pool *pool);
/** The newest worker of a slot that is ready, or NULL. */
const struct sh_process *
sh_pool_newest(const struct sh_pool_state *state, uint32_t slot);
/** Whether a process is one of the pool's. */
bool sh_pool_owns(const struct sh_pool *pool, pid_t pid);
