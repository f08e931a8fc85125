/*
 * This file is what the pool knows, as plain data: slots, processes, phase.
 * The policy reads it, the pool writes it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum sh_process_state {
	SH_PROCESS_FREE,     /* the index is not in use */
	SH_PROCESS_STARTING, /* forked, has not said that it is ready */
	SH_PROCESS_READY,    /* accepts */
	SH_PROCESS_DRAINING, /* accepts no more; connections may go on */
	SH_PROCESS_STOPPING, /* was told to end its connections */
	SH_PROCESS_KILLED    /* was sent a signal that ends it */
};

enum { SH_WHY_MAX = 512 };

struct sh_process {
	enum sh_process_state state;
	uint32_t slot;
	uint64_t incarnation, generation;
	int64_t started_ms;
	int64_t deadline_ms;  /* of the state; 0: none */
	uint64_t heartbeat;   /* last value seen */
	int64_t heartbeat_ms; /* when it was first seen */
	bool accepts;         /* has not said that it accepts no more */
	bool told;            /* to end: its end is no crash */
	bool reopening;       /* has not said that it uses the new log */
	uint32_t orders;      /* about listeners, not carried out yet */
	bool lagging;         /* its channel was full: repeat the orders */
	pid_t pid;
	int pidfd, channel_fd;
	int error;            /* with why: -SHOAL_E*, 0: not said */
	char why[SH_WHY_MAX]; /* what it said about its failure, or "" */
};

enum { SH_QUICK_DEATHS = 3 };

struct sh_slot {
	/* times of the latest deaths soon after the start, newest first */
	int64_t deaths_ms[SH_QUICK_DEATHS];
	int64_t backoff_ms;  /* the latest wait, 0: none */
	int64_t spawn_at_ms; /* no new process before */
	uint64_t keep_from;  /* older incarnations are to be replaced */
};

enum sh_phase {
	SH_PHASE_STARTING, /* the first generation is being started */
	SH_PHASE_SERVING,
	SH_PHASE_RELOADING, /* serving, and a target is being started */
	SH_PHASE_STOPPING
};

/* Each is stronger than the one before; a second signal goes one up. */
enum sh_stop {
	SH_STOP_NONE,
	SH_STOP_DRAIN,    /* QUIT: connections may end by themselves */
	SH_STOP_GRACEFUL, /* TERM: connections are ended in good order */
	SH_STOP_FAST,     /* INT: what the kernel takes in a second */
	SH_STOP_KILL
};

struct sh_pool_limits {
	int64_t start_timeout_ms, drain_timeout_ms, stop_timeout_ms;
	int64_t backoff_first_ms, backoff_max_ms;
	int64_t watchdog_ms; /* 0: off */
	uint32_t max_old;    /* draining generations alive at once */
	bool no_grace;       /* a deadline is when a process is killed: it has
				   none of its own to keep before */
};

struct sh_pool_state {
	enum sh_phase phase;
	enum sh_stop stop;
	uint32_t slot_count, process_count;
	struct sh_slot *slots;
	struct sh_process *processes;
	uint64_t current;   /* generation that serves, 0: none yet */
	uint64_t target;    /* generation being started, 0: none */
	bool target_failed; /* one of its workers ended or complained */
	int64_t target_deadline_ms;
	bool can_revert;      /* the generation before is kept */
	int64_t committed_ms; /* when current began to serve */
	uint32_t deaths_since_commit;
	struct sh_pool_limits limits;
};
