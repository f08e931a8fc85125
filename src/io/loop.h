/*
 * This file is the turn of a worker: wait, serve what happened, serve what was
 * left over, write what was collected, free what ended. It does not know what
 * is served. A process has at most one loop at a time.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

struct sh_counters;
struct sh_co_pool;
struct sh_loop;
struct sh_watch;
struct shoal_counter;

struct sh_loop_options {
	struct sh_counters *counters;        /* lent; NULL: nobody looks */
	struct shoal_counter *user_counters; /* lent, SH_USER_COUNTERS; NULL */
	_Atomic uint64_t *heartbeat; /* lent; counts turns, moves at least
					   once a second; NULL */
	uint64_t incarnation;        /* upper 24 bits of connection ids */
	size_t max_connections;      /* 0: as many as descriptors */
	size_t queue_max;            /* bytes of memory that send queues may
					take; 0: no cap */
	size_t stack_size;           /* of coroutines; 0: the default */
	bool unguarded_stacks;       /* rather than to refuse coroutines */

	/* For listeners shared by all workers: connections of the mean
	   worker. NULL: unknown. */
	size_t (*mean_connections)(void *arg);
	void *mean_arg;

	/* The last connection has gone; called at the end of a turn. */
	void (*on_no_connections)(void *arg);
	void *idle_arg;
};

typedef void sh_watch_fn(int fd, void *arg);

/** Make the loop of this process, after the fork. 0 or -SHOAL_ENOMEM. */
int sh_loop_new(const struct sh_loop_options *options, struct sh_loop **out);
/** Free it, with its timers; connections and listeners that are left are closed,
 *  nobody is told. Watches must be gone. */
void sh_loop_free(struct sh_loop **loop);
/** The loop of this process, NULL when there is none. */
struct sh_loop *sh_loop_current(void);
/** Its number, which no other one of this process gets; 0 when there is none. */
uint64_t sh_loop_number(void);

/** Take turns until sh_loop_stop(). 0, or -SHOAL_ESTATE when waiting for
 *  events has failed. */
int sh_loop_run(struct sh_loop *loop);
/** Take one turn; it waits for at most about a second. As sh_loop_run(). */
int sh_loop_turn(struct sh_loop *loop);
/** Return from sh_loop_run() at the end of this turn. */
void sh_loop_stop(struct sh_loop *loop);

/** Whether nothing is left that could ever happen: no coroutine, connection,
 *  timer or listener. */
bool sh_loop_is_empty(const struct sh_loop *loop);
/** Likewise, but for coroutines. */
bool sh_loop_is_quiet(const struct sh_loop *loop);

/** Milliseconds of the monotonic clock when this turn began to work, a few
 *  coarse: for ages and idle times. */
int64_t sh_loop_now_ms(struct sh_loop *loop);
/** Turns taken so far. */
uint64_t sh_loop_turns(const struct sh_loop *loop);
/** Connections whose descriptor is open: those that handlers know, and closed
 *  ones that wait for the end of what their peer sends. */
size_t sh_loop_connections(const struct sh_loop *loop);
/** What it was made with. Lent. */
const struct sh_loop_options *sh_loop_options(const struct sh_loop *loop);
/** Its coroutines. Lent. */
struct sh_co_pool *sh_loop_coroutines(struct sh_loop *loop);

/** Call fn(fd, arg) in every turn in which fd is readable; fd stays the
 *  caller's and must be open until sh_loop_unwatch(). 0 or -SHOAL_ENOMEM. */
int sh_loop_watch(struct sh_loop *loop, int fd, sh_watch_fn *fn, void *arg,
    struct sh_watch **out);
/** Call fn(fd, arg) once each time that fd becomes readable, read or not; also if it
 *  is now. Likewise. */
int sh_loop_watch_edges(struct sh_loop *loop, int fd, sh_watch_fn *fn,
    void *arg, struct sh_watch **out);
/** End a watch and clear the pointer; NULL is fine. May be called in its own
 *  function, before close(2). */
void sh_loop_unwatch(struct sh_watch **watch);

/* Work that would be long for one turn: each turn does a part of it. Lies in the
 * object that it is for. */
struct sh_loop_task {
	/* Do a part, about a millisecond of it; whether some is left. On the
	 * loop's own stack, when the woken have run. */
	bool (*fn)(void *arg);
	void *arg;
	bool begun;
	TAILQ_ENTRY(sh_loop_task) link;
};

/** Call its function in this turn, or the next one if they have been called, and
 *  in those that follow until it says that nothing is left. Until then the loop
 *  does not sleep. Idempotent. */
void sh_loop_task_begin(struct sh_loop *loop, struct sh_loop_task *task);
/** Forget it; not from within its function. Before its object goes. Idempotent. */
void sh_loop_task_end(struct sh_loop *loop, struct sh_loop_task *task);
